"""A record's cameras, to JSON and back: the one place that knows how they are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.cameras import Camera


def camera_to_json(camera: Camera) -> dict[str, Any]:
    """The camera as a record keeps it: K, cam_from_world and size_wh."""
    return {
        "K": camera.K.tolist(),
        "cam_from_world": camera.cam_from_world.tolist(),
        "size_wh": list(camera.size_wh),
    }


def camera_from_json(fields: Any) -> Camera:
    """Read `camera_to_json` back.

    Raises:
        ValueError: A field is missing, or its numbers make no camera.
    """
    try:
        K, cam_from_world = _matrix(fields["K"], 3), _matrix(fields["cam_from_world"], 4)
        width, height = (int(extent) for extent in fields["size_wh"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"no camera: {error}") from error
    if min(K[0, 0], K[1, 1]) <= 0 or np.linalg.det(cam_from_world) == 0:
        raise ValueError("no camera: its numbers cannot be inverted")
    if min(width, height) < 1:
        raise ValueError(f"no camera: its size is {width}x{height}")
    return Camera(K, cam_from_world, (width, height))


def _matrix(rows: Any, side: int) -> NDArray[np.float64]:
    matrix = np.asarray(rows, np.float64)
    if matrix.shape != (side, side) or not np.isfinite(matrix).all():
        raise ValueError(f"need {side}x{side} finite numbers")
    return matrix


def recorded_size_wh(cameras: Mapping[str, Any]) -> tuple[int, int] | None:
    """Size of a record's target; None where the record tells of none."""
    try:
        width, height = cameras["target"]["size_wh"]
    except (KeyError, TypeError, ValueError):
        return None
    is_a_size = isinstance(width, int) and isinstance(height, int) and 0 < height and 0 < width
    return (width, height) if is_a_size else None


def recorded_camera(cameras: Mapping[str, Any], role: str) -> Camera:
    """One of a record's cameras.

    Args:
        cameras: `PairRecord.cameras`.
        role: `reference` or `target`.

    Raises:
        ValueError: There is none, or its numbers make no camera.
    """
    if role not in cameras:
        raise ValueError(f"the record has no camera of the {role}")
    try:
        return camera_from_json(cameras[role])
    except ValueError as error:
        raise ValueError(f"the camera of the {role}: {error}") from error
