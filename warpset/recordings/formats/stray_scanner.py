"""Stray Scanner recordings: `camera_matrix.csv`, `odometry.csv`, `depth/`, `confidence/`.

https://github.com/strayrobots/scanner/blob/main/docs/format.md: poses are camera-to-world with
OpenCV axes (as StrayVisualizer draws them), depth is in millimetres, confidence 0, 1 or 2. The
photos are the frames of `rgb.mp4`, numbered from 0, once they are taken out into `rgb/`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ...core.cameras import invert_rigid, world_from_cam_from_quaternion
from ...core.errors import InputError
from ...core.lens import Lens
from ...files.photos import upright_size
from ..listed_paths import existing_file, existing_photo
from ..recording import Reader, RecordedFrame, Recording, collected, recorded_frame
from ..text_tables import numbers, read_matrix, read_rows

ODOMETRY, MATRIX = "odometry.csv", "camera_matrix.csv"
FIELDS = ("frame", "x", "y", "z", "qx", "qy", "qz", "qw")


def find_stray(scene: Path) -> Path | None:
    """The scene's poses where the camera's matrix lies beside them, or None."""
    return existing_file([scene / ODOMETRY]) if (scene / MATRIX).is_file() else None


def read_stray(scene: Path, origin: Path) -> Recording:
    """Read a Stray Scanner recording.

    Raises:
        InputError: Poses or intrinsics cannot be read, or there are no photos.
    """
    if not (scene / "rgb").is_dir():
        raise InputError(
            f"{scene}: found neither rgb/ nor rgb.mp4 beside {ODOMETRY}, need the photos or their "
            "video; add one of them"
        )
    K = read_matrix(scene / MATRIX, 3)
    params = (K[0, 0], K[1, 1], K[0, 2], K[1, 2])
    header, *rows = read_rows(origin)
    if not set(FIELDS) <= set(header):
        found, needed = " ".join(header)[:200], " ".join(FIELDS)
        raise InputError(f"{origin}: found the columns {found!r}, need {needed}")
    makers = []
    for row in rows:
        fields = dict(zip(header, row, strict=False))
        name = fields.get("frame", "")
        makers.append((scene / "rgb" / name, partial(_frame, scene, fields, params)))
    return collected(scene, origin, makers)


def _frame(scene: Path, fields: dict[str, str], params: tuple[float, ...]) -> RecordedFrame | None:
    origin = scene / ODOMETRY
    name = fields.get("frame", "")
    if not name.isdecimal():
        raise InputError(f"{origin}: found the frame {name[:40]!r}, need a number; left out")
    path = existing_photo([scene / "rgb" / name])
    if path is None:
        return None
    pose = numbers(origin, [fields.get(field, "") for field in FIELDS[1:]])
    cam_from_world = invert_rigid(world_from_cam_from_quaternion(pose[3:], pose[:3]))
    lens = Lens("PINHOLE", tuple(float(value) for value in params), upright_size(path))
    frame = recorded_frame(path, lens, cam_from_world)
    return frame._replace(
        depth_path=existing_file([scene / "depth" / f"{name}.png"]),
        confidence_path=existing_file([scene / "confidence" / f"{name}.png"]),
    )


READER = Reader("Stray Scanner", find_stray, read_stray)
