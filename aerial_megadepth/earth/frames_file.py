"""The frames of an aerial video and their metric cameras, `data/<scene>/<scene>.json`; no pixels.

World axes are east, north and up in metres about the first frame's optical centre. Beside our
`frames` the file may hold whatever `meta` says: the earth model, the origin, the export trimmed to
the video.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from warpset.core.cameras import Camera
from warpset.core.errors import InputError
from warpset.files.json_files import read_text
from warpset.files.writing import write_atomically

from ..megadepth.image_list import is_plain_name

MAX_SIDE_PX = 2**15
MAX_ROTATION_ERROR = 1e-6


@dataclass(frozen=True)
class AerialFrame:
    """A frame of an aerial video.

    Attributes:
        name: File name in the scene's `footage/`.
        camera: Its camera, in metres, east-north-up about the first frame.
        time_s: Seconds since the video began.
    """

    name: str
    camera: Camera
    time_s: float = 0.0


def write_frames(path: Path, frames: Iterable[AerialFrame], meta: Mapping[str, object]) -> None:
    """Write frames and what is known of all of them.

    Args:
        path: The JSON file.
        frames: In the order of the video.
        meta: JSON-serialisable; `earth` (`sphere` or `wgs84`) and `origin` among others.
    """
    listed = [
        {
            "name": frame.name,
            "time_s": frame.time_s,
            "size_wh": list(frame.camera.size_wh),
            "K": frame.camera.K.tolist(),
            "cam_from_world": frame.camera.cam_from_world.tolist(),
        }
        for frame in frames
    ]
    content = {**meta, "frames": listed}
    write_atomically(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def read_frames(path: Path) -> list[AerialFrame]:
    """Read frames, in the order of the video.

    Raises:
        InputError: The file is missing, no such JSON, or a frame has no plain name, no positive
            size and focal length, or no rigid pose.
    """
    frames = read_meta(path)["frames"]
    try:
        return [_frame(entry) for entry in frames]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: no usable frames ({reason}); run preprocess_ge again") from error


def read_meta(path: Path) -> dict[str, Any]:
    """Everything the file holds, `frames` as plain JSON among it.

    Raises:
        InputError: The file is missing or no such JSON.
    """
    try:
        content = json.loads(read_text(path))
    except FileNotFoundError:
        raise InputError(f"{path}: found no such file; run preprocess_ge first") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from error
    if not isinstance(content, dict) or not isinstance(content.get("frames"), list):
        raise InputError(f'{path}: found no list "frames"; run preprocess_ge first')
    return content


def _frame(entry: Mapping[str, Any]) -> AerialFrame:
    name, size_wh = entry["name"], tuple(entry["size_wh"])
    if not is_plain_name(name):
        raise ValueError(f"found the name {name!r}, need a plain one")
    if len(size_wh) != 2 or not all(
        isinstance(side, int) and 0 < side <= MAX_SIDE_PX for side in size_wh
    ):
        raise ValueError(f"{name}: found a size of {size_wh}")
    K = np.array(entry["K"], np.float64)
    cam_from_world = np.array(entry["cam_from_world"], np.float64)
    if K.shape != (3, 3) or not np.isfinite(K).all() or min(K[0, 0], K[1, 1]) <= 0:
        raise ValueError(f"{name}: found no K of 3x3 with positive focal lengths")
    if cam_from_world.shape != (4, 4) or not _is_rigid(cam_from_world):
        raise ValueError(f"{name}: found no rigid cam_from_world of 4x4")
    return AerialFrame(name, Camera(K, cam_from_world, size_wh), float(entry.get("time_s", 0.0)))


def _is_rigid(transform: np.ndarray) -> bool:
    rotation = transform[:3, :3]
    return (
        bool(np.isfinite(transform).all())
        and np.abs(rotation @ rotation.T - np.eye(3)).max() < MAX_ROTATION_ERROR
        and np.linalg.det(rotation) > 0
        and np.array_equal(transform[3], [0, 0, 0, 1])
    )
