"""Polycam's raw data: `keyframes/images`, `cameras`, `depth` and `confidence`.

https://github.com/PolyCam/polyform: `t_00`..`t_23` are camera-to-world with OpenGL axes; depth is
in millimetres, confidence 0, 127 or 255 as ARKit's low, medium and high. Where it has
optimised the cameras (`corrected_cameras`, for `corrected_images`), those are taken.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from ...core.cameras import cam_from_world_from_opengl
from ...core.errors import InputError
from ...core.lens import Lens
from ...core.natural_order import sorted_naturally
from ..listed_paths import existing_file, existing_photo
from ..recording import Reader, RecordedFrame, Recording, collected, recorded_frame
from .transforms_json import read_json

CONFIDENCE_STEP = 127.5


def find_polycam(scene: Path) -> Path | None:
    """The scene's folder of cameras, or None."""
    for prefix in ("corrected_", ""):
        cameras = scene / "keyframes" / f"{prefix}cameras"
        if cameras.is_dir() and cameras.with_name(f"{prefix}images").is_dir():
            return cameras
    return None


def read_polycam(scene: Path, origin: Path) -> Recording:
    """Read Polycam's raw data."""
    cameras = sorted_naturally(origin.glob("*.json"))
    return collected(scene, origin, ((camera, partial(_frame, camera)) for camera in cameras))


def _frame(camera: Path) -> RecordedFrame | None:
    folder = camera.parent.parent
    images = camera.parent.name.replace("cameras", "images")
    path = existing_photo([folder / images / camera.stem])
    if path is None:
        return None
    fields = read_json(camera)
    try:
        params = tuple(float(fields[name]) for name in ("fx", "fy", "cx", "cy"))
        size_wh = (int(fields["width"]), int(fields["height"]))
        pose = [[float(fields[f"t_{row}{column}"]) for column in range(4)] for row in range(3)]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{camera}: found no camera in it ({error!r}); left out") from error
    world_from_cam = np.array([*pose, [0.0, 0.0, 0.0, 1.0]])
    frame = recorded_frame(
        path, Lens("PINHOLE", params, size_wh), cam_from_world_from_opengl(world_from_cam)
    )
    return frame._replace(
        depth_path=existing_file([folder / "depth" / f"{camera.stem}.png"]),
        confidence_path=existing_file([folder / "confidence" / f"{camera.stem}.png"]),
        confidence_step=CONFIDENCE_STEP,
    )


READER = Reader("Polycam", find_polycam, read_polycam)
