"""Pairs per second and peak memory on recorded geometry, in long scenes and over many scenes.

uv run python benchmarks/throughput.py [--frames 10 100 1000] [--scenes 8] [--ray]

Frames are those of the example room at 1 megapixel, walked to and fro. Each run is the main
command in a process of its own; time per pair is taken between its first and its last file, so
that start-up does not count. The limit is the processor time that decoding, rendering and
encoding need by themselves, shared by all cores.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from long_scenes import SIZE_WH, make_long_scene
from processes import usages_until_the_end

sys.path.insert(0, str(Path(__file__).parents[1]))
from renderer.making import make_renderer
from warpset.building.options import BuildOptions
from warpset.building.scores import measured
from warpset.building.warping import Warper
from warpset.files.photos import read_photo, sha256_of
from warpset.files.pictures import picture_bytes
from warpset.fleet.stages import available_cores
from warpset.recordings.registry import read_recording, recorded_geometry

ROOT = Path(__file__).parents[1]
ROOM = ROOT / "examples" / "scenes" / "room"
STAGE_PAIRS = 20
SCENE_FRAMES = 21


class Run(NamedTuple):
    """Runs of the main command, at once.

    Attributes:
        wall_s: Until the last one ended.
        busy_s: Processor time of all of them.
        peak_mib: Of the largest process.
        ms_per_pair: Between the first and the last file.
        pairs: How many were written.
    """

    wall_s: float
    busy_s: float
    peak_mib: float
    ms_per_pair: float
    pairs: int

    def row(self, name: str, cores: int) -> str:
        """A line of the table."""
        busy = 100 * self.busy_s / self.wall_s / cores
        return (
            f"| {name} | {self.pairs} | {1e3 / self.ms_per_pair:.2f} | {self.ms_per_pair:.0f} "
            f"| {self.pairs / self.wall_s:.2f} | {busy:.0f} % | {self.peak_mib:.0f} |"
        )


def run_commands(input_dir: Path, output_dir: Path, *runs: Sequence[str]) -> Run:
    """Run the main command once for each list of flags, all at once."""
    paths = ["--input-dir", str(input_dir), "--output-dir", str(output_dir), "--quiet"]
    command = [sys.executable, str(ROOT / "build_warp_dataset.py"), *paths]
    start = time.perf_counter()
    processes = [subprocess.Popen([*command, *flags]) for flags in runs]
    usages = usages_until_the_end(processes)
    wall_s = time.perf_counter() - start
    written = np.sort([path.stat().st_mtime for path in output_dir.rglob("*_splats.jpg")])
    return Run(
        wall_s,
        sum(usage.processor_s for usage in usages),
        max(usage.peak_bytes for usage in usages) / 2**20,
        1e3 * (written[-1] - written[0]) / (len(written) - 1),
        len(written),
    )


def stage_ms(scene: Path) -> dict[str, float]:
    """Processor milliseconds that each stage of a pair takes by itself."""
    recording = read_recording(scene)
    assert recording is not None
    geometry = recorded_geometry(recording, recording.frames)
    warper = Warper(geometry, BuildOptions(), partial(make_renderer, device="cpu", threads=1))
    warper.warp(0, 1)
    spent: defaultdict[str, float] = defaultdict(float)

    @contextlib.contextmanager
    def timed(stage: str) -> Iterator[None]:
        start = time.process_time()
        yield
        spent[stage] += 1e3 * (time.process_time() - start) / STAGE_PAIRS

    for index in range(1, STAGE_PAIRS + 1):
        reference, target = geometry.frames[index : index + 2]
        with timed("hash"):
            sha256_of(target.photo.path)
        with timed("decode"):
            read_photo(target.photo.path)
            reference.load_depth()
        with timed("lift"):
            prepared = warper.prepare(index, index + 1)
        with timed("render"):
            warp = warper.render(prepared)
        with timed("score"):
            measured(warp)
        with timed("encode"):
            for picture in (warp.splats, warp.target, warp.reference):
                picture_bytes(picture, "jpg")
    spent["lift"] -= spent["decode"]  # preparing a pair decodes as well
    return spent


def long_scenes(folder: Path, lengths: Sequence[int], cores: int) -> float:
    """Print a row for each length; the last one's milliseconds a pair."""
    run = None
    for frames in lengths:
        input_dir, output_dir = folder / f"in{frames}", folder / "out"
        make_long_scene(ROOM, input_dir / "room", frames)
        run = run_commands(input_dir, output_dir, [])
        print(run.row(f"{frames} frames", cores), flush=True)
        shutil.rmtree(output_dir)
        shutil.rmtree(input_dir)
    assert run is not None
    return run.ms_per_pair


def many_scenes(folder: Path, count: int, with_ray: bool, cores: int) -> None:
    """Print a row for scenes in one run, over as many shards as cores, and over Ray."""
    for number in range(count):
        make_long_scene(ROOM, folder / "in" / f"room{number:02}", SCENE_FRAMES)
    shards = [["--num-shards", str(cores), "--shard-index", str(i)] for i in range(cores)]
    alone = {"one run": [[]], f"{cores} shards": [[*flags, "--workers", "1"] for flags in shards]}
    ray = {f"Ray, {cores} workers": [["--ray", "--cpus-per-worker", "1"]]} if with_ray else {}
    for name, runs in (alone | ray).items():
        run = run_commands(folder / "in", folder / "out", *runs)
        print(run.row(f"{count} scenes, {name}", cores), flush=True)
        shutil.rmtree(folder / "out")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--frames", nargs="+", type=int, default=[10, 100, 1000])
    parser.add_argument("--scenes", type=int, default=8, help="0 = long scenes only")
    parser.add_argument("--ray", action="store_true", help="over Ray as well")
    args = parser.parse_args()
    cores = available_cores()
    print(f"{SIZE_WH[0]}x{SIZE_WH[1]}, {cores} cores, JPEG\n")
    print("| run | pairs | pairs/s | ms/pair | pairs/s with start | cores busy | peak MiB |")
    print("|---" * 7 + "|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ms_per_pair = long_scenes(folder, args.frames, cores)
        if args.scenes:
            many_scenes(folder, args.scenes, args.ray, cores)
        stages = stage_ms(make_long_scene(ROOM, folder / "room", STAGE_PAIRS + 2))
    total = sum(stages.values())
    print("\n| stage | ms of one core | share |\n|---|---|---|")
    for stage, spent in stages.items():
        print(f"| {stage} | {spent:.0f} | {100 * spent / total:.0f} % |")
    limit = sum(stages[stage] for stage in ("decode", "render", "encode")) / cores
    print(
        f"\nA pair takes {ms_per_pair:.0f} ms; decoding, rendering and encoding alone need "
        f"{limit:.0f} ms on {cores} cores, all stages {total / cores:.0f} ms."
    )


if __name__ == "__main__":
    main()
