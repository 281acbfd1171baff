"""A Parquet index of a million records: time, memory beyond that of ten thousand, and a query.

uv run --group publish python benchmarks/runs/index_million.py [--records 1000000]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.processes import peak_memory_bytes
from warpset.building.pairs.record import PairRecord
from warpset.trainers.pair_selection import RecordedPair
from warpset.trainers.publishing.index import SCORE_NAMES, query_index, write_index

PAIRS_OF_A_SCENE = 100
BOUNDS = {"coverage": (0.6, 0.8), "psnr": (0.7, 0.9), "shift": (0.0, 0.1)}


def records(count: int) -> Iterator[RecordedPair]:
    """Made-up pairs whose scores are spread evenly over 0 to 1."""
    draw = random.Random(0)
    cameras = {"target": {"size_wh": [1152, 864]}}
    for number in range(count):
        name = str(number % PAIRS_OF_A_SCENE)
        files = {kind: f"{name}_{kind}.jpg" for kind in ("splats", "target", "reference")}
        scores = {score: draw.random() for score in SCORE_NAMES}
        record = PairRecord(
            name, f"{name}.jpg", f"{name}.jpg", False, files, {}, cameras, {}, {}, scores
        )
        yield RecordedPair(Path(f"scene{number // PAIRS_OF_A_SCENE}"), record)


def main() -> None:
    """Write, look at memory, query."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.parquet"
        write_index(records(100_000), path)
        before, start = peak_memory_bytes(), time.process_time()
        write_index(records(args.records), path)
        took, grown = time.process_time() - start, peak_memory_bytes() - before
        size = path.stat().st_size >> 20
        print(f"{args.records} records: {took:.1f} processor seconds, {size} MiB")
        print(f"peak {peak_memory_bytes() >> 20} MiB, {grown / 2**20:.1f} more than for 100,000")
        for _ in range(3):
            wall, start = time.perf_counter(), time.process_time()
            found = query_index(path, BOUNDS)
            print(
                f"three scores: {len(found)} pairs, {time.process_time() - start:.2f} processor "
                f"seconds, {time.perf_counter() - wall:.2f} by the clock"
            )


if __name__ == "__main__":
    main()
