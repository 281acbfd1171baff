"""TUM RGB-D sequences: `rgb.txt`, `depth.txt` and `groundtruth.txt` beside their folders.

https://cvg.cit.tum.de/data/datasets/rgbd-dataset/file_formats: poses are camera-to-world with
OpenCV axes, depth is registered to the photos, 5000 a metre; lists are matched by time.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.cameras import K_from_integer_centers, invert_rigid, world_from_cam_from_quaternion
from ...core.errors import InputError
from ...core.lens import Lens, opencv_lens
from ..listed_paths import existing_file, places
from ..recording import Reader, RecordedFrame, Recording, collected, recorded_frame
from ..text_tables import numbers, read_rows

METRES_PER_UNIT = 1 / 5000
SIZE_WH = (640, 480)

# Seconds that photo, depth and pose may be apart, as in TUM's associate.py; cameras ran at 30 Hz.
MAX_APART_S = 0.02

# fx, fy, cx, cy for pixel centres at whole numbers, and k1, k2, p1, p2, k3, by what the folder's
# name holds: the calibrations of the page named above; those of ROS for any other Kinect.
CALIBRATIONS = {
    "freiburg1": ((517.3, 516.5, 318.6, 255.3), (0.2624, -0.9531, -0.0054, 0.0026, 1.1633)),
    "freiburg2": ((520.9, 521.0, 325.1, 249.7), (0.2312, -0.7849, -0.0033, -0.0001, 0.9172)),
    "freiburg3": ((535.4, 539.2, 320.1, 247.6), (0.0, 0.0, 0.0, 0.0, 0.0)),
}
ROS_CALIBRATION = ((525.0, 525.0, 319.5, 239.5), (0.0, 0.0, 0.0, 0.0, 0.0))


class TimedRows(NamedTuple):
    """The rows of a list, by the time in their first column."""

    path: Path
    seconds: NDArray[np.float64]
    rows: Sequence[list[str]]

    def at(self, second: float) -> list[str] | None:
        """The row nearest in time, without its time; None where none is near."""
        if not self.rows:
            return None
        index = int(np.abs(self.seconds - second).argmin())
        return self.rows[index][1:] if abs(self.seconds[index] - second) <= MAX_APART_S else None


def find_tum(scene: Path) -> Path | None:
    """The scene's list of photos where one of poses lies beside it, or None."""
    names = ("rgb.txt", "groundtruth.txt")
    return scene / "rgb.txt" if all((scene / name).is_file() for name in names) else None


def read_tum(scene: Path, origin: Path) -> Recording:
    """Read a TUM sequence.

    Raises:
        InputError: One of its lists cannot be read.
    """
    photos, poses = _timed(origin), _timed(scene / "groundtruth.txt")
    depths = _timed(scene / "depth.txt") if (scene / "depth.txt").is_file() else None
    makers = (
        (scene / row[-1], partial(_frame, scene, second, row[-1], poses, depths))
        for second, row in zip(photos.seconds.tolist(), photos.rows, strict=True)
    )
    return collected(scene, origin, makers)


def _timed(path: Path) -> TimedRows:
    rows = [row for row in read_rows(path) if len(row) > 1]
    return TimedRows(path, numbers(path, [row[0] for row in rows]), rows)


def _frame(
    scene: Path, second: float, listed: str, poses: TimedRows, depths: TimedRows | None
) -> RecordedFrame | None:
    path = existing_file(places(scene, listed, scene / "rgb.txt"))
    if path is None:
        return None
    pose = poses.at(second)
    if pose is None or len(pose) != 7:
        raise InputError(f"{path}: found no pose within {MAX_APART_S} s in {poses.path}; left out")
    values = numbers(poses.path, pose)
    cam_from_world = invert_rigid(world_from_cam_from_quaternion(values[3:], values[:3]))
    frame = recorded_frame(path, _lens(scene), cam_from_world)
    depth = depths.at(second) if depths else None
    depth_path = places(scene, depth[-1], scene / "depth.txt")[0] if depth else None
    return frame._replace(depth_path=depth_path, unit_scale=METRES_PER_UNIT)


def _lens(scene: Path) -> Lens:
    name = scene.resolve().name
    calibrations = (values for part, values in CALIBRATIONS.items() if part in name)
    (fx, fy, cx, cy), (k1, k2, p1, p2, k3) = next(calibrations, ROS_CALIBRATION)
    K = K_from_integer_centers([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    return opencv_lens(K, (k1, k2, p1, p2, k3, 0.0, 0.0, 0.0), SIZE_WH)


READER = Reader("TUM RGB-D", find_tum, read_tum)
