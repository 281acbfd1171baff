"""How long, and at what cost, N scenes take on M workers: told from measured seconds a stage.

    plan_run.py --measure timing.json     measures 100 small scenes here
    plan_run.py --check                   forecasts a run of two workers here, then runs it
    plan_run.py --timing timing.json --scenes 10000 --workers 8 --bandwidth-mb 100
        --failure-rate 0.02 --price-per-hour 2.5

`timing.json` holds what one worker takes on one machine:

    {"start_s": 4.1, "make_s": [0.31, 0.28], "fetch_mb": 73.0, "send_mb": 12.0}

`make_s` are seconds a scene, taken in turn over and over. Workers take the next scene when they are
free; with `--overlap` fetching and sending run beside making, otherwise after each other. All
workers share the bandwidth. A scene that fails takes its time three times.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.builders import a_scene

ROOT = Path(__file__).parents[2]
TRIES = 3


@dataclass(frozen=True)
class Timing:
    """What one worker takes.

    Attributes:
        start_s: From the command to the first scene, and from the last one to the end.
        make_s: For each measured scene.
        fetch_mb: What a scene weighs.
        send_mb: What its pairs weigh.
    """

    start_s: float
    make_s: list[float]
    fetch_mb: float = 0.0
    send_mb: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What is asked for.

    Attributes:
        scenes: How many.
        workers: How many at once.
        bandwidth_mb: Megabytes a second, of all workers together; None where files are at hand.
        failure_rate: Share of scenes that fail each time.
        overlap: Fetching and sending run beside making.
    """

    scenes: int
    workers: int
    bandwidth_mb: float | None = None
    failure_rate: float = 0.0
    overlap: bool = False


@dataclass(frozen=True)
class Forecast:
    """What to expect, in seconds.

    Attributes:
        total_s: From the command to the end.
        busy_s: Of all workers together.
        bound: What the run waits for: `workers` or `bandwidth`.
    """

    total_s: float
    busy_s: float
    bound: str


def forecast(timing: Timing, plan: Plan) -> Forecast:
    """Hand scenes to workers as they get free, and see when the last one is done."""
    draw = random.Random(0)
    move_s = 0.0
    if plan.bandwidth_mb:
        move_s = (timing.fetch_mb + timing.send_mb) / plan.bandwidth_mb
    free = [timing.start_s] * plan.workers
    heapq.heapify(free)
    busy = timing.start_s * plan.workers
    tries = 0
    for number in range(plan.scenes):
        make_s = timing.make_s[number % len(timing.make_s)]
        share_s = move_s * plan.workers  # all workers move files at once
        one_s = max(make_s, share_s) if plan.overlap else make_s + share_s
        times = TRIES if draw.random() < plan.failure_rate else 1
        tries += times
        heapq.heappush(free, heapq.heappop(free) + times * one_s)
        busy += times * one_s
    by_workers, by_bandwidth = max(free), timing.start_s + tries * move_s
    bound = "bandwidth" if by_bandwidth > 0.95 * by_workers else "workers"
    return Forecast(max(by_workers, by_bandwidth), busy, bound)


def measured(scenes: int, folder: Path) -> tuple[Timing, float]:
    """What scenes take here, made one after the other, and how long all of them did."""
    for number in range(scenes):
        a_scene(folder / "in" / f"s{number:04}", photos=2 + number % 4, at=(0, number, 0))
    wall = time.perf_counter()
    wait_for(start_shards(folder, "measured", 1))
    took = time.perf_counter() - wall
    marks = sorted(done_at(folder / "measured"))
    gaps = [later - earlier for earlier, later in zip(marks, marks[1:], strict=False)]
    make_s = [gaps[0], *gaps]
    return Timing(took - sum(make_s), make_s), took


def done_at(output: Path) -> list[float]:
    """When each scene of an output folder was done, as the run says."""
    parts = (output / ".run" / "parts").glob("*.json")
    outcomes = (json.loads(part.read_text(encoding="utf-8"))["outcomes"].values() for part in parts)
    return [outcome["at"] for some in outcomes for outcome in some]


def start_shards(folder: Path, output: str, count: int) -> list[subprocess.Popen]:
    """The command in so many processes."""
    command = [sys.executable, str(ROOT / "build_warp_dataset.py"), "--quiet", "--device", "cpu"]
    command += ["--input-dir", str(folder / "in"), "--output-dir", str(folder / output), "--join"]
    command += ["--workers", "1"]
    return [subprocess.Popen(command, cwd=ROOT) for _ in range(count)]


def wait_for(runs: Sequence[subprocess.Popen]) -> None:
    """Wait for processes to end well."""
    if any(run.wait() for run in runs):
        raise SystemExit("a run failed")


def check(scenes: int, workers: int) -> None:
    """Forecast a run of workers from what one takes, then run it."""
    folder = Path(tempfile.mkdtemp())
    try:
        timing, one_s = measured(scenes, folder)
        told = forecast(timing, Plan(scenes, 1)).total_s
        print(f"1 worker, {scenes} scenes: {told:.1f} s told, {one_s:.1f} s taken")
        expected = forecast(timing, Plan(scenes, workers)).total_s
        start = time.perf_counter()
        wait_for(start_shards(folder, "checked", workers))
        took = time.perf_counter() - start
        error = expected / took - 1
        print(f"{workers} workers: {expected:.1f} s told, {took:.1f} s taken, {error:+.0%}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Measure, check, or tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", type=Path, metavar="FILE")
    parser.add_argument("--check", action="store_true", help="forecast a run here, then run it")
    parser.add_argument("--timing", type=Path, metavar="FILE")
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--bandwidth-mb", type=float)
    parser.add_argument("--failure-rate", type=float, default=0.0)
    parser.add_argument("--overlap", action="store_true")
    parser.add_argument("--price-per-hour", type=float, default=0.0, help="of one worker")
    args = parser.parse_args()
    if args.check:
        check(args.scenes, args.workers)
    elif args.measure:
        with tempfile.TemporaryDirectory() as folder:
            timing, _ = measured(args.scenes, Path(folder))
        args.measure.write_text(json.dumps(asdict(timing)), encoding="utf-8")
    elif args.timing:
        timing = Timing(**json.loads(args.timing.read_text(encoding="utf-8")))
        rate, overlap = args.failure_rate, args.overlap
        told = forecast(timing, Plan(args.scenes, args.workers, args.bandwidth_mb, rate, overlap))
        cost = args.price_per_hour * args.workers * told.total_s / 3600
        hours = told.total_s / 3600
        print(f"{hours:.2f} h ({told.total_s:.0f} s), waits for {told.bound}, costs {cost:.2f}")
    else:
        parser.error("give --timing, --measure or --check")


if __name__ == "__main__":
    main()
