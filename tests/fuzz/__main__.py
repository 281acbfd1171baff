"""Fuzzing by hand: `python -m tests.fuzz --cases 500 --seed 7 --groups photos depths`."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from .cases import Template
from .groups import GROUPS


def main() -> int:
    """Run cases; 0 = all sound, 1 = one was not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=300, help="over all groups")
    parser.add_argument("--seed", type=int, default=0, help="of the first case of each group")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so many")
    args = parser.parse_args()
    logging.basicConfig(format="%(message)s", force=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        return fuzz(args, Path(folder))


def fuzz(args: argparse.Namespace, folder: Path) -> int:
    """Go round the groups until all cases, or the time, are used."""
    start, count, seconds, faults = time.monotonic(), Counter(), Counter(), 0
    templates = []
    for name in args.groups:
        try:
            templates.append(Template(name, folder / name))
        except RuntimeError as error:
            sys.stdout.write(f"{error}\n")
            faults += 1
    sys.stdout.write(f"templates made in {time.monotonic() - start:.0f} s\n")
    for number in range(args.cases):
        if time.monotonic() - start > args.seconds:
            break
        template = templates[number % len(templates)]
        case = template.case(args.seed + number // len(templates))
        count[template.name] += 1
        seconds[template.name] += case.outcome.seconds
        if case.faults:
            faults += 1
            sys.stdout.write(f"{case}\n")
            sys.stdout.flush()
    told = ", ".join(f"{name} {n} of {seconds[name] / n:.1f} s" for name, n in count.items())
    total = sum(count.values())
    sys.stdout.write(f"{total} cases from seed {args.seed} ({told}), {faults} at fault\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
