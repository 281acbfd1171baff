"""Parts of the check about the main command: pairs a second, two Ray workers on one card."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.gpu.parts import Failed, Part, Setup
from benchmarks.long_scenes import make_long_scene
from benchmarks.throughput import ROOM, run_commands

FRAMES = 100
RAY_SCENES, RAY_FRAMES = 4, 21


def pair_rows(setup: Setup) -> Iterator[Sequence[object]]:
    """One row: a long scene with recorded geometry, from the first file to the last."""
    frames = 3 if setup.is_small else FRAMES
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_long_scene(ROOM, folder / "in" / "room", frames)
        run = run_commands(folder / "in", folder / "out", ["--device", setup.device])
    yield frames, run.pairs, f"{1e3 / run.ms_per_pair:.2f}", f"{run.peak_mib:.0f}"
    if run.pairs != frames - 1:
        raise Failed(f"{run.pairs} pairs of {frames} frames")


def ray_rows(setup: Setup) -> Iterator[Sequence[object]]:
    """Two rows: scenes one after the other, and over two workers; both write the same bytes."""
    count, frames = (2, 3) if setup.is_small else (RAY_SCENES, RAY_FRAMES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(count):
            make_long_scene(ROOM, folder / "in" / f"room{number}", frames)
        device = ["--device", setup.device]
        shared = [*device, "--ray", "--cpus-per-worker", "1"]
        shared += ["--gpus-per-worker", "0.5"] if setup.device == "cuda" else []
        for title, flags in {"one run": device, "two workers": shared}.items():
            run = run_commands(folder / "in", folder / title, flags)
            yield title, run.pairs, f"{run.pairs / run.wall_s:.2f}", f"{run.wall_s:.1f}"
        differing = differing_files(folder / "one run", folder / "two workers")
    if differing:
        raise Failed(f"{len(differing)} files differ, such as {differing[0]}")


def differing_files(one: Path, other: Path) -> list[str]:
    """Pictures that are not the same in both folders."""
    names = {p.relative_to(root) for root in (one, other) for p in root.rglob("*.jpg")}
    return sorted(str(name) for name in names if not same_bytes(one / name, other / name))


def same_bytes(one: Path, other: Path) -> bool:
    """Whether both files are there and hold the same."""
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


PARTS = (
    Part(
        "pairs",
        "Pairs a second, 1152x864, recorded geometry, JPEG",
        ("frames", "pairs", "pairs/s", "peak MiB"),
        pair_rows,
    ),
    Part(
        "ray",
        "Two Ray workers sharing a card, start and end counted",
        ("run", "pairs", "pairs/s", "seconds"),
        ray_rows,
    ),
)
