"""7-Scenes sequences: `<frame>.color.png`, `.depth.png` and `.pose.txt` side by side.

https://www.microsoft.com/en-us/research/project/rgb-d-dataset-7-scenes: poses are camera-to-world
with OpenCV axes, depth is in millimetres with 65535 for unknown, the camera has a focal length of
585 and its centre at (320, 240). The data set does not register depth to colour.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from ...core.cameras import invert_rigid
from ...core.lens import Lens
from ...core.natural_order import sorted_naturally
from ..listed_paths import existing_photo
from ..recording import Reader, RecordedFrame, Recording, collected, recorded_frame
from ..text_tables import read_matrix

LENS = Lens("PINHOLE", (585.0, 585.0, 320.0, 240.0), (640, 480))
POSE_SUFFIX = ".pose.txt"


def find_seven_scenes(scene: Path) -> Path | None:
    """The scene itself where poses lie beside photos, or None."""
    poses = scene.glob(f"*{POSE_SUFFIX}")
    return scene if any(_photo(pose) is not None for pose in poses) else None


def read_seven_scenes(scene: Path, origin: Path) -> Recording:
    """Read a 7-Scenes sequence."""
    poses = sorted_naturally(scene.glob(f"*{POSE_SUFFIX}"))
    return collected(scene, origin, ((pose, partial(_frame, pose)) for pose in poses))


def _beside(pose: Path, suffix: str) -> Path:
    return pose.with_name(pose.name.removesuffix(POSE_SUFFIX) + suffix)


def _photo(pose: Path) -> Path | None:
    return existing_photo([_beside(pose, ".color.png"), _beside(pose, ".color.jpg")])


def _frame(pose: Path) -> RecordedFrame | None:
    path = _photo(pose)
    if path is None:
        return None
    frame = recorded_frame(path, LENS, invert_rigid(read_matrix(pose, 4)))
    depth_path = _beside(pose, ".depth.png")
    return frame._replace(depth_path=depth_path if os.path.lexists(depth_path) else None)


READER = Reader("7-Scenes", find_seven_scenes, read_seven_scenes)
