"""How long exports take, against copying and linking the same files plainly.

uv run python benchmarks/export_speed.py [--pairs 10000] [--size-px 64] [--layouts modelscope ...]

The limit is the file system: an export cannot be faster than creating its files and moving their
bytes. Each line states the seconds of an export in a process of its own, its peak memory, and the
ratio to a plain loop of `shutil.copyfile` or `os.link` over the same pictures in the same run.
Beyond that an export decodes each picture once, to find broken ones.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from processes import usages_until_the_end

sys.path.insert(0, str(Path(__file__).parents[1]))
from warpset.building.outputs import TRIPLET
from warpset.building.pairs.record import RECORDS_NAME, PairRecord

ROOT = Path(__file__).parents[1]
SCRIPTS = {
    "modelscope": ["modelscope.py", "--modelscope-dir"],
    "aitoolkit": ["aitoolkit.py", "--aitoolkit-dir"],
    "hf": ["export_dataset.py", "--format", "hf", "--dataset-dir"],
    "webdataset": ["export_dataset.py", "--format", "webdataset", "--dataset-dir"],
}
PAIRS_PER_SCENE = 100


def make_pairs(folder: Path, count: int, size_px: int) -> None:
    """Write pairs of noise in scenes of a hundred."""
    rng = np.random.default_rng(0)
    camera = {"K": np.eye(3).tolist(), "cam_from_world": np.eye(4).tolist(), "size_wh": [1, 1]}
    for start in range(0, count, PAIRS_PER_SCENE):
        scene = folder / f"scene{start // PAIRS_PER_SCENE}"
        scene.mkdir(parents=True)
        lines = []
        for index in range(start, min(start + PAIRS_PER_SCENE, count)):
            files = {kind: f"{index}_{kind}.jpg" for kind in TRIPLET} | {
                "mask": f"{index}_mask.png"
            }
            for name in files.values():
                (scene / name).write_bytes(noise(rng, size_px, Path(name).suffix))
            names = {"name": str(index), "reference": f"{index - 1}.jpg", "target": f"{index}.jpg"}
            record = PairRecord(
                **names,
                is_reverse=False,
                files=files,
                sha256={"reference": "0" * 64, "target": "1" * 64},
                cameras={"reference": camera, "target": camera},
                geometry={"source": "recorded", "revision": "noise"},
                options={},
                scores={"coverage": 0.9, "hole_share": 0.1, "psnr": 20.0},
            )
            lines.append(record.to_line())
        (scene / RECORDS_NAME).write_text("".join(lines), encoding="utf-8")


def noise(rng: np.random.Generator, size_px: int, extension: str) -> bytes:
    """A picture that no compression helps."""
    file = io.BytesIO()
    pixels = rng.integers(0, 256, (size_px, size_px, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG" if extension == ".png" else "JPEG")
    return file.getvalue()


def place_plainly(pictures: list[Path], folder: Path, place: Callable[..., object]) -> float:
    """Seconds to copy or link files one after the other."""
    folder.mkdir()
    start = time.perf_counter()
    for index, picture in enumerate(pictures):
        place(picture, folder / str(index))
    seconds = time.perf_counter() - start
    shutil.rmtree(folder)
    return seconds


def export(layout: str, pairs: Path, folder: Path, flags: list[str]) -> tuple[float, float, float]:
    """Run one export; its seconds, those of the processor alone, and its peak memory in MB."""
    script, *arguments = [*SCRIPTS[layout], str(folder), "--output-dir", str(pairs), *flags]
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, str(ROOT / script), *arguments, "--quiet"])
    (usage,) = usages_until_the_end([process])
    return time.perf_counter() - start, usage.processor_s, usage.peak_bytes / 2**20


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--size-px", type=int, default=64)
    parser.add_argument("--layouts", nargs="+", choices=SCRIPTS, default=list(SCRIPTS))
    args = parser.parse_args()
    with TemporaryDirectory() as folder:
        root, pairs = Path(folder), Path(folder) / "output"
        make_pairs(pairs, args.pairs, args.size_px)
        pictures = sorted(pairs.glob("*/*.*g"))
        size_mb = sum(picture.stat().st_size for picture in pictures) / 1e6
        print(f"{args.pairs:,} pairs, {len(pictures):,} pictures, {size_mb:.0f} MB")
        for layout in args.layouts:
            for flag, place in (("", shutil.copyfile), ("--link", os.link)):
                if flag and layout == "webdataset":
                    continue
                plain = place_plainly(pictures, root / "plain", place)
                for name in ("first", "again"):
                    target = root / layout
                    flags = [flag] if flag else []
                    seconds, processor, memory_mb = export(layout, pairs, target, flags)
                    print(
                        f"{layout:10} {flag:6} {name}: {seconds:5.1f} s "
                        f"({processor:4.1f} s processor), {memory_mb:4.0f} MB, "
                        f"plain {plain:4.1f} s, ratio {seconds / plain:4.1f}"
                    )
                shutil.rmtree(target)


if __name__ == "__main__":
    main()
