"""Renders the example scene `examples/scenes/room`: photos, depth and cameras of one room."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import room
from lighting import lit
from PIL import Image
from raycaster import PinholeCamera, RgbdImage, Thing, render
from tqdm import tqdm

REFERENCE_WIDTH, REFERENCE_HEIGHT = 960, 720
REFERENCE_K = np.array([[712.0, 0.0, 486.3], [0.0, 710.4, 355.1], [0.0, 0.0, 1.0]])
JPEG_QUALITY = 94
MILLIMETRE = 0.001
OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the scene as the command line says; exits with 1 where it cannot be written."""
    parser = _parser()
    options = parser.parse_args(arguments)
    size_wh = (options.width, options.height)
    cameras = [
        PinholeCamera(intrinsics(*size_wh), size_wh, room.viewpoint(index, options.views))
        for index in range(options.views)
    ]
    try:
        write_scene(options.output_dir, cameras, options.quiet)
    except OSError as error:
        place = error.filename or options.output_dir
        parser.exit(1, f"{place}: {error.strerror}; choose another --output-dir\n")


def intrinsics(width: int, height: int) -> np.ndarray:
    """K (3, 3) of the scene's camera at another image size."""
    scale = np.array([width / REFERENCE_WIDTH, height / REFERENCE_HEIGHT, 1.0])
    return REFERENCE_K * scale[:, None]


def write_scene(folder: Path, cameras: Sequence[PinholeCamera], quiet: bool) -> None:
    """Render every camera's view into `images/`, `depths/` and `transforms.json`."""
    for name in ("images", "depths"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    things = furnished_room(quiet)
    frames = []
    for number, camera in enumerate(tqdm(cameras, "photos", disable=quiet), start=1):
        photo, depth = f"images/{number:02}.jpg", f"depths/{number:02}.png"
        pose = (camera.world_from_cam @ OPENGL_FROM_OPENCV).tolist()
        _write_view(render(things, camera), folder / photo, folder / depth)
        frames.append({"file_path": photo, "depth_file_path": depth, "transform_matrix": pose})
    text = json.dumps(_transforms(cameras[0], frames), indent=1)
    (folder / "transforms.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def furnished_room(quiet: bool) -> list[Thing]:
    """The room's things with their light baked on."""
    things, lighting = room.things(), room.lighting()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        baked = pool.map(lambda thing: lit(thing, things, lighting), things)
        return list(tqdm(baked, "light", total=len(things), disable=quiet))


def _write_view(view: RgbdImage, photo: Path, depth: Path) -> None:
    """Write a photo as JPEG and its depth as 16-bit PNG in millimetres."""
    Image.fromarray(view.rgb).save(photo, quality=JPEG_QUALITY, subsampling=0, optimize=True)
    millimetres = np.rint(view.depth / MILLIMETRE).astype(np.uint16)
    Image.fromarray(millimetres).save(depth, compress_level=9)


def _transforms(camera: PinholeCamera, frames: list[dict[str, object]]) -> dict[str, object]:
    """The scene's `transforms.json`: nerfstudio's fields, OpenGL camera-to-world."""
    return {
        "camera_model": "OPENCV",
        "fl_x": camera.K[0, 0],
        "fl_y": camera.K[1, 1],
        "cx": camera.K[0, 2],
        "cy": camera.K[1, 2],
        "w": camera.size_wh[0],
        "h": camera.size_wh[1],
        "depth_unit_scale_factor": MILLIMETRE,
        "frames": frames,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    home = Path(__file__).parent / "scenes" / "room"
    parser.add_argument("--output-dir", type=Path, default=home, help="(default: %(default)s)")
    for flag, value, meaning in (
        ("--views", 6, "number of photos"),
        ("--width", REFERENCE_WIDTH, "photo width in pixels"),
        ("--height", REFERENCE_HEIGHT, "photo height in pixels"),
    ):
        text = f"{meaning} (default: %(default)s)"
        parser.add_argument(flag, type=_positive, default=value, help=text)
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    return parser


def _positive(text: str) -> int:
    """Parse a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text}, need a whole number of at least 1")
    return int(text)


if __name__ == "__main__":
    main()
