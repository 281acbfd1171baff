"""Recorded pairs -> a Parquet index of all of them, and a list of near-duplicates across scenes.

uv run --group publish python index_dataset.py --output-dir output
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from warpset.core.argument_types import OneLineParser
from warpset.core.errors import InputError, Remedy
from warpset.files.writing import write_atomically
from warpset.fleet.stopping import stopped_by_signals
from warpset.trainers.pair_selection import stream_recorded_pairs
from warpset.trainers.publishing.duplicates import hashed, near_duplicates
from warpset.trainers.publishing.index import write_index

WAYS_ON = {Remedy.PUBLISH_GROUP: "run with uv run --group publish"}

log = logging.getLogger("index_dataset")


def make_parser() -> OneLineParser:
    """The command line."""
    parser = OneLineParser(
        prog="index_dataset.py",
        description="Recorded pairs in, a Parquet index of them out.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--output-dir", type=Path, default=Path("output"), help="pairs of build_warp_dataset.py"
    )
    parser.add_argument(
        "--index", type=Path, default=Path("pairs.parquet"), help="where the index goes"
    )
    parser.add_argument(
        "--duplicates",
        type=Path,
        default=None,
        metavar="FILE",
        help="list pairs of different scenes that show nearly the same, a JSON line each; looks at "
        "every picture",
    )
    parser.add_argument("--quiet", action="store_true", help="say problems only")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 = all done, 1 = something could not be, 2 = wrong command line."""
    args = make_parser().parse_args(arguments)
    level = logging.WARNING if args.quiet else logging.INFO
    logging.basicConfig(format="%(message)s", level=level, force=True)
    problems: list[str] = []
    try:
        with stopped_by_signals():
            _index(args.output_dir, args.index, args.duplicates, problems)
    except KeyboardInterrupt:
        problems.append(f"{args.index}: stopped; run the same command again")
    except InputError as error:
        problems.append(error.told(WAYS_ON))
    except OSError as error:
        problems.append(f"{args.index}: cannot be written ({error.strerror or error})")
    for line in problems:
        log.error(line)
    return 1 if problems else 0


def _index(output_dir: Path, index: Path, duplicates: Path | None, problems: list[str]) -> None:
    if not output_dir.is_dir():
        raise InputError(f"{output_dir}: found no such folder, need pairs; name their folder")
    count = write_index(stream_recorded_pairs(output_dir, problems.append), index)
    if not count:
        raise InputError(f"{output_dir}: found no pairs; run build_warp_dataset.py first")
    log.info(f"{index}: {count} records")
    if duplicates is None:
        return
    known = list(hashed(stream_recorded_pairs(output_dir, lambda _: None), problems.append))
    found = near_duplicates(known)
    rows = (json.dumps({"pair": one, "like": other}) + "\n" for one, other in found)
    write_atomically(duplicates, "".join(rows).encode())
    log.info(f"{duplicates}: {len(found)} pairs like one of another scene, of {len(known)}")


if __name__ == "__main__":
    sys.exit(main())
