"""Google Earth Studio's camera export as metric cameras; no pictures, no folders.

An export (Tracking Data, 3D Camera Tracking (JSON), Coordinate Space: Global) holds a camera for
every frame and one more for the end of the last. `rotation` takes camera axes (OpenCV) to
earth-centred ones, `position` lies on a sphere, `fovVertical` is in degrees.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from warpset.core.cameras import Camera, focal_from_fov, intrinsics, invert_rigid
from warpset.core.errors import InputError
from warpset.files.json_files import read_text

from .earth_models import (
    EarthModel,
    ecef_from_geographic,
    enu_from_ecef_rotation,
    spherical_from_ecef,
)

MAX_OFF_SPHERE_M = 1.0
"""How far a position of Studio's may lie from where its latitude and longitude say."""

MAX_FRAMES = 1_000_000


@dataclass(frozen=True, eq=False)
class StudioCamera:
    """One camera frame of an export.

    Attributes:
        position_m: (3,) earth-centred, on Earth Studio's sphere.
        rotation_deg: (3,) intrinsic XYZ Euler angles.
        place: Latitude and longitude in degrees, altitude in metres.
        fov_y_deg: Full vertical field of view.
    """

    position_m: NDArray[np.float64]
    rotation_deg: NDArray[np.float64]
    place: tuple[float, float, float]
    fov_y_deg: float


@dataclass(frozen=True, eq=False)
class StudioExport:
    """An export.

    Attributes:
        size_wh: Size of the rendered pictures in pixels.
        frame_rate: Frames a second.
        cameras: In the order of the video.
        content: The file as it is.
    """

    size_wh: tuple[int, int]
    frame_rate: float
    cameras: tuple[StudioCamera, ...]
    content: Mapping[str, Any]


def read_export(path: Path) -> StudioExport:
    """Read an export.

    Raises:
        InputError: The file is missing, is no such export, or its positions are not global.
    """
    try:
        content = json.loads(read_text(path))
    except FileNotFoundError:
        raise InputError(
            f"{path}: found no camera export; render in Earth Studio with Tracking Data, "
            "3D Camera Tracking (JSON)"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error})") from error
    try:
        export = _export(content)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        missing = f"no {error}" if isinstance(error, KeyError) else str(error)
        reason = " ".join(missing.split())
        raise InputError(
            f"{path}: found {reason}; need Earth Studio's 3D Camera Tracking (JSON)"
        ) from error
    _check_positions(export.cameras, path)
    return export


def metric_cameras(
    cameras: Sequence[StudioCamera], size_wh: tuple[int, int], earth: EarthModel
) -> list[Camera]:
    """Cameras in metres, east-north-up about the first one's optical centre.

    Args:
        cameras: As exported.
        size_wh: Size of the pictures in pixels; the principal point is their middle.
        earth: `sphere` takes positions as exported; `wgs84` takes them from latitude, longitude
            and altitude over the ellipsoid. Rotations are the same: both normals are the same.
    """
    latitude, longitude, _ = cameras[0].place
    if earth == "sphere":
        positions = np.array([camera.position_m for camera in cameras])
        latitude, longitude, _ = spherical_from_ecef(positions[0])
    else:
        positions = np.array([ecef_from_geographic(*camera.place, earth) for camera in cameras])
    enu_from_ecef = enu_from_ecef_rotation(latitude, longitude)
    centers = (positions - positions[0]) @ enu_from_ecef.T
    return [
        _camera(camera, enu_from_ecef, center, size_wh)
        for camera, center in zip(cameras, centers, strict=True)
    ]


def heading_and_pitch(camera: Camera) -> tuple[float, float]:
    """Where a camera in east-north-up axes looks, in degrees.

    Returns:
        Heading clockwise from north, 0 to 360 (meaningless where it looks straight down), and
        pitch over the horizon.
    """
    east, north, up = camera.cam_from_world[2, :3]
    heading = (math.degrees(math.atan2(east, north)) + 360.0) % 360.0
    return heading, math.degrees(math.atan2(up, math.hypot(east, north)))


def rotation_from_euler_xyz(angles_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) rotation Rx Ry Rz of intrinsic XYZ Euler angles in degrees."""
    (sx, sy, sz), (cx, cy, cz) = np.sin(np.deg2rad(angles_deg)), np.cos(np.deg2rad(angles_deg))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_x @ about_y @ about_z


def _camera(
    camera: StudioCamera,
    enu_from_ecef: NDArray[np.float64],
    center: NDArray[np.float64],
    size_wh: tuple[int, int],
) -> Camera:
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = enu_from_ecef @ rotation_from_euler_xyz(camera.rotation_deg)
    world_from_cam[:3, 3] = center
    focal = focal_from_fov(math.radians(camera.fov_y_deg), size_wh[1])
    K = intrinsics(focal, focal, size_wh[0] / 2, size_wh[1] / 2)
    return Camera(K, invert_rigid(world_from_cam), size_wh)


def _export(content: Mapping[str, Any]) -> StudioExport:
    size_wh = int(_number(content["width"])), int(_number(content["height"]))
    frame_rate = _number(content["frameRate"])
    listed = content["cameraFrames"]
    if min(size_wh) <= 0 or frame_rate <= 0:
        raise ValueError("a size or frame rate that is not positive")
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_FRAMES:
        raise ValueError('no list "cameraFrames" of a bearable length')
    return StudioExport(size_wh, frame_rate, tuple(map(_studio_camera, listed)), content)


def _studio_camera(listed: Mapping[str, Any]) -> StudioCamera:
    fov_y_deg = _number(listed["fovVertical"])
    if not 0 < fov_y_deg < 180:
        raise ValueError(f"a vertical field of view of {fov_y_deg} degrees")
    place = listed["coordinate"]
    return StudioCamera(
        _vector(listed["position"]),
        _vector(listed["rotation"]),
        (_number(place["latitude"]), _number(place["longitude"]), _number(place["altitude"])),
        fov_y_deg,
    )


def _vector(listed: Mapping[str, Any]) -> NDArray[np.float64]:
    return np.array([_number(listed[axis]) for axis in "xyz"])


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{str(value)[:40]!r} for a number")
    return float(value)


def _check_positions(cameras: Sequence[StudioCamera], path: Path) -> None:
    for index, camera in enumerate(cameras):
        off_m = np.linalg.norm(camera.position_m - ecef_from_geographic(*camera.place, "sphere"))
        if off_m > MAX_OFF_SPHERE_M:
            raise InputError(
                f"{path}: position {index} lies {off_m:.0f} m from its latitude, longitude and "
                "altitude on Earth Studio's sphere; export with Coordinate Space: Global"
            )
