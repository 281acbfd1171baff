"""Long scenes with recorded geometry out of a short one, walked to and fro; no measuring."""

from __future__ import annotations

import json
import os
import shutil
from itertools import chain, cycle, islice
from pathlib import Path

import cv2
from PIL import Image

SIZE_WH = (1152, 864)
"""What `--max-megapixels 1.0` keeps as it is."""

JPEG_QUALITY = 95


def make_long_scene(short: Path, folder: Path, frames: int) -> Path:
    """A scene whose frames are those of a short one, first to last and back, over and over.

    Args:
        short: A scene with `transforms.json`, JPEG photos and 16-bit PNG depth.
        folder: Where the long one goes; photos and depth are links to one copy each.
        frames: How many.
    """
    recorded = json.loads((short / "transforms.json").read_text(encoding="utf-8"))
    for name in ("images", "depths"):
        (folder / name).mkdir(parents=True)
    enlarged = [_enlarged(short, folder, frame) for frame in recorded["frames"]]
    walk = islice(cycle(chain(enlarged, enlarged[-2:0:-1])), frames)
    scale = SIZE_WH[0] / recorded["w"]
    intrinsics = {name: recorded[name] * scale for name in ("fl_x", "fl_y", "cx", "cy")}
    size = {"w": SIZE_WH[0], "h": SIZE_WH[1]}
    listed = [_linked(folder, number, *frame) for number, frame in enumerate(walk, 1)]
    content = recorded | intrinsics | size | {"frames": listed}
    (folder / "transforms.json").write_text(json.dumps(content), encoding="utf-8")
    shutil.rmtree(folder / "source")
    return folder


def _enlarged(short: Path, folder: Path, frame: dict) -> tuple[Path, Path, dict]:
    """Photo and depth of a frame at the long scene's size."""
    photo, depth = short / frame["file_path"], short / frame["depth_file_path"]
    source = folder / "source"
    source.mkdir(exist_ok=True)
    large_photo, large_depth = source / photo.name, source / depth.name
    Image.open(photo, formats=("JPEG",)).resize(SIZE_WH).save(large_photo, quality=JPEG_QUALITY)
    millimetres = cv2.imread(str(depth), cv2.IMREAD_UNCHANGED)
    assert millimetres is not None, depth
    enlarged = cv2.resize(millimetres, SIZE_WH, interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(large_depth), enlarged)
    return large_photo, large_depth, frame


def _linked(folder: Path, number: int, photo: Path, depth: Path, frame: dict) -> dict:
    paths = {
        "file_path": f"images/{number:05}{photo.suffix}",
        "depth_file_path": f"depths/{number:05}{depth.suffix}",
    }
    for path, source in zip(paths.values(), (photo, depth), strict=True):
        os.link(source, folder / path)
    return frame | paths
