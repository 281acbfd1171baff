"""Whether the counts in a binary COLMAP model fit its files; pycolmap believes them.

A flipped byte in a count makes pycolmap allocate what it says. The layout of the files is
documented at https://colmap.github.io/format.html#binary-file-format.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

from ...core.errors import InputError
from ...files.json_files import read_bytes

COUNT = struct.Struct("<Q")
SHORT_COUNT = struct.Struct("<I")

MAX_BYTES = 2**31
"""Of a file, which is read whole; of ten thousand photos the largest has a tenth of it."""

CAMERA_BYTES = 24 + 3 * 8  # id, model, width, height, and at least three parameters
IMAGE_HEAD_BYTES = 64  # id, pose, camera; then a name that ends in zero
POINT_2D_BYTES = 24
POINT_HEAD_BYTES = 43  # id, position, colour, error
TRACK_ELEMENT_BYTES = 8
SENSOR_BYTES, SENSOR_POSE_BYTES = 9, 56  # type, id, whether it has a pose
FRAME_HEAD_BYTES = 64  # id, rig, pose
FRAME_DATUM_BYTES = 16


def check_counts(model: Path) -> None:
    """Compare every count of a binary model with the size of its file.

    Raises:
        InputError: A file announces more than it holds.
    """
    for name, skip in _SKIP.items():
        path = model / name
        try:
            content = read_bytes(path, MAX_BYTES)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        except ValueError as error:
            raise InputError(f"{path}: no readable COLMAP model ({error})") from error
        try:
            _walk(content, skip)
        except (struct.error, ValueError):
            raise InputError(
                f"{path}: no readable COLMAP model (it announces more than its {len(content)} "
                "bytes hold)"
            ) from None


def _walk(content: bytes, skip: Callable[[bytes, int], int]) -> None:
    (count,) = COUNT.unpack_from(content, 0)
    position = COUNT.size
    for _ in range(count):
        position = skip(content, position)
        if position > len(content):
            raise ValueError("past the end")


def _skip_camera(content: bytes, position: int) -> int:
    return position + CAMERA_BYTES


def _skip_image(content: bytes, position: int) -> int:
    position = content.index(b"\0", position + IMAGE_HEAD_BYTES) + 1
    (points,) = COUNT.unpack_from(content, position)
    return position + COUNT.size + points * POINT_2D_BYTES


def _skip_point(content: bytes, position: int) -> int:
    (track,) = COUNT.unpack_from(content, position + POINT_HEAD_BYTES)
    return position + POINT_HEAD_BYTES + COUNT.size + track * TRACK_ELEMENT_BYTES


def _skip_rig(content: bytes, position: int) -> int:
    (sensors,) = SHORT_COUNT.unpack_from(content, position + 4)
    position += 8 + (8 if sensors else 0)  # the reference sensor has no pose
    for _ in range(sensors - 1):
        has_pose = content[position + SENSOR_BYTES - 1 : position + SENSOR_BYTES] != b"\0"
        position += SENSOR_BYTES + (SENSOR_POSE_BYTES if has_pose else 0)
        if position > len(content):
            raise ValueError("past the end")
    return position


def _skip_frame(content: bytes, position: int) -> int:
    (data,) = SHORT_COUNT.unpack_from(content, position + FRAME_HEAD_BYTES)
    return position + FRAME_HEAD_BYTES + SHORT_COUNT.size + data * FRAME_DATUM_BYTES


_SKIP = {
    "cameras.bin": _skip_camera,
    "images.bin": _skip_image,
    "points3D.bin": _skip_point,
    "rigs.bin": _skip_rig,
    "frames.bin": _skip_frame,
}
