"""All that a graphics card has to show, in one run of a few minutes: a Markdown table a part.

uv run --group fleet python benchmarks/gpu_check.py [--parts kernels bytes ...] [--budget-s 480]

Without a card it says so; `--device cpu` runs every part in a small form, which tells whether the
check itself works, and nothing of speed. It needs the repository alone: weights are random, scenes
are made of the example room. A part that fails says so, and the others go on; exit code 1 then,
and where the time was up before all parts were through.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.gpu import building, predicting, rendering
from benchmarks.gpu.parts import Part, Setup
from estimators.device import description, idle_card, nvidia_driver

PARTS = {part.name: part for part in (*rendering.PARTS, *predicting.PARTS, *building.PARTS)}
BUDGET_S = 480.0


def print_part(part: Part, setup: Setup, end_s: float) -> bool:
    """Print a part's table as it is measured; whether all of it is there and as it should be."""
    start_s = time.monotonic()
    print(f"\n### {part.title}\n\n| {' | '.join(part.columns)} |")
    print("|---" * len(part.columns) + "|", flush=True)
    try:
        for row in part.rows(setup):
            print(f"| {' | '.join(map(str, row))} |", flush=True)
            if time.monotonic() > end_s:
                print(f"\n{part.name}: the time is up, more may be missing")
                return False
    except Exception as error:  # whatever a card or its driver does: the other parts shall run
        print(f"\n{part.name}: FAILED, {type(error).__name__}: {' '.join(str(error).split())}")
        return False
    print(f"\n{part.name}: as it should be, {time.monotonic() - start_s:.0f} s")
    return True


def main(argv: Sequence[str] | None = None) -> int:
    """Run the parts asked for; 1 where one is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--budget-s", type=float, default=BUDGET_S, help="no row starts after it")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    args = parser.parse_args(argv)
    if args.device == "cuda" and not torch.cuda.is_available():
        driver = nvidia_driver()
        why = idle_card(driver) if driver else "found no NVIDIA card"
        print(f"{why}, need one; --device cpu tries the check itself, small", file=sys.stderr)
        return 1
    print(f"{description(args.device)}, torch {torch.__version__}")
    end_s = time.monotonic() + args.budget_s
    setup = Setup(args.device, is_small=args.device == "cpu")
    passed = []
    for name in args.parts:
        if time.monotonic() > end_s:
            print(f"\n{name}: not run, the {args.budget_s:.0f} s are spent")
            passed.append(False)
        else:
            passed.append(print_part(PARTS[name], setup, end_s))
    return 0 if all(passed) else 1


if __name__ == "__main__":
    raise SystemExit(main())
