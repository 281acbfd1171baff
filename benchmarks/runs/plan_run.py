"""How long, and at what cost, N scenes take on M workers: told from measured seconds a stage.

    plan_run.py --measure timing.json     measures 100 small scenes here
    plan_run.py --check                   forecasts a run of two workers here, then runs it
    plan_run.py --timing timing.json --scenes 10000 --workers 8 --bandwidth-mb 100
        --failure-rate 0.02 --price-per-hour 2.5 --cores 4

`timing.json` holds what one worker takes on one machine:

    {"start_s": 4.1, "make_s": [0.31, 0.28], "fetch_mb": 73.0, "send_mb": 12.0}

`make_s` are seconds a scene, taken in turn over and over, of a worker that has a core to itself;
measured here they are its CPU seconds, whoever else was at the cores. Workers that share fewer
cores (`--cores`) are slowed down alike. Workers take the next scene when they are free; with
`--overlap` fetching and sending run beside making, otherwise after each other. All workers share
the bandwidth. A scene that fails takes its time three times.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.builders import a_scene

ROOT = Path(__file__).parents[2]
TRIES = 3


@dataclass(frozen=True)
class Timing:
    """What one worker takes that has a core to itself.

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
        cores: What all workers share; None where each has its own.
    """

    scenes: int
    workers: int
    bandwidth_mb: float | None = None
    failure_rate: float = 0.0
    overlap: bool = False
    cores: float | None = None

    @property
    def slowed(self) -> float:
        """By what factor workers are slower than alone."""
        return max(1.0, self.workers / self.cores) if self.cores else 1.0


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
    start_s = timing.start_s * plan.slowed
    free = [start_s] * plan.workers
    heapq.heapify(free)
    busy = start_s * plan.workers
    tries = 0
    for number in range(plan.scenes):
        make_s = timing.make_s[number % len(timing.make_s)] * plan.slowed
        share_s = move_s * plan.workers  # all workers move files at once
        one_s = max(make_s, share_s) if plan.overlap else make_s + share_s
        times = TRIES if draw.random() < plan.failure_rate else 1
        tries += times
        heapq.heappush(free, heapq.heappop(free) + times * one_s)
        busy += times * one_s
    by_workers, by_bandwidth = max(free), start_s + tries * move_s
    bound = "bandwidth" if by_bandwidth > 0.95 * by_workers else "workers"
    return Forecast(max(by_workers, by_bandwidth), busy, bound)


@dataclass(frozen=True)
class Took:
    """What a run took.

    Attributes:
        wall_s: By the clock.
        cpu_s: Of all its processes.
        cores: What was free for it on average: what it had, and what was idle.
    """

    wall_s: float
    cpu_s: float
    cores: float


def measured(scenes: int, folder: Path) -> Timing:
    """What scenes take here, made one after the other."""
    for number in range(scenes):
        a_scene(folder / "in" / f"s{number:04}", photos=2 + number % 4, at=(0, number, 0))
    took = run(folder, "measured", 1)
    marks = sorted(done_at(folder / "measured"))
    share = took.cpu_s / took.wall_s  # of a core; the rest went to others
    gaps = [share * (later - earlier) for earlier, later in zip(marks, marks[1:], strict=False)]
    make_s = [gaps[0], *gaps]
    return Timing(took.cpu_s - sum(make_s), make_s)


def run(folder: Path, output: str, workers: int) -> Took:
    """Run the command in so many processes that share the scenes, a thread each."""
    start, cpu, idle = time.perf_counter(), cpu_of_children(), psutil.cpu_times().idle
    wait_for(start_workers(folder, output, workers))
    wall_s, cpu_s = time.perf_counter() - start, cpu_of_children() - cpu
    return Took(wall_s, cpu_s, (cpu_s + psutil.cpu_times().idle - idle) / wall_s)


def cpu_of_children() -> float:
    """CPU seconds of all processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def done_at(output: Path) -> list[float]:
    """When each scene of an output folder was done, as the run says."""
    parts = (output / ".run" / "parts").glob("*.json")
    outcomes = (json.loads(part.read_text(encoding="utf-8"))["outcomes"].values() for part in parts)
    return [outcome["at"] for some in outcomes for outcome in some]


def start_workers(folder: Path, output: str, count: int) -> list[subprocess.Popen]:
    """The command in so many processes."""
    command = [sys.executable, str(ROOT / "build_warp_dataset.py"), "--quiet", "--device", "cpu"]
    command += ["--input-dir", str(folder / "in"), "--output-dir", str(folder / output), "--join"]
    command += ["--workers", "1"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return [subprocess.Popen(command, cwd=ROOT, env=environment) for _ in range(count)]


def wait_for(runs: Sequence[subprocess.Popen]) -> None:
    """Wait for processes to end well."""
    if any(run.wait() for run in runs):
        raise SystemExit("a run failed")


def check(scenes: int, workers: int) -> None:
    """Forecast a run of workers from what one takes, then run it."""
    folder = Path(tempfile.mkdtemp())
    try:
        timing = measured(scenes, folder)
        took = run(folder, "checked", workers)
        told = forecast(timing, Plan(scenes, workers, cores=took.cores))
        cpu_s = timing.start_s * workers + sum(timing.make_s)
        print(f"{scenes} scenes, {workers} workers, {took.cores:.2f} cores free")
        for what, told_s, took_s in (
            ("by the clock", told.total_s, took.wall_s),
            ("of CPU", cpu_s, took.cpu_s),
        ):
            error = told_s / took_s - 1
            print(f"{told_s:.1f} s {what} told, {took_s:.1f} s taken, {error:+.0%}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def plan_of(args: argparse.Namespace) -> Plan:
    """What the flags ask for."""
    rate, overlap, cores = args.failure_rate, args.overlap, args.cores
    return Plan(args.scenes, args.workers, args.bandwidth_mb, rate, overlap, cores)


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
    parser.add_argument("--cores", type=float, help="that all workers share")
    parser.add_argument("--price-per-hour", type=float, default=0.0, help="of one worker")
    args = parser.parse_args()
    if args.check:
        check(args.scenes, args.workers)
    elif args.measure:
        with tempfile.TemporaryDirectory() as folder:
            timing = measured(args.scenes, Path(folder))
        args.measure.write_text(json.dumps(asdict(timing)), encoding="utf-8")
    elif args.timing:
        timing = Timing(**json.loads(args.timing.read_text(encoding="utf-8")))
        told = forecast(timing, plan_of(args))
        cost = args.price_per_hour * args.workers * told.total_s / 3600
        hours = told.total_s / 3600
        print(f"{hours:.2f} h ({told.total_s:.0f} s), waits for {told.bound}, costs {cost:.2f}")
    else:
        parser.error("give --timing, --measure or --check")


if __name__ == "__main__":
    main()
