"""`transforms.json` as nerfstudio, instant-ngp and Blender write it, as a recording."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..core.cameras import cam_from_world_from_opengl, focal_from_fov, intrinsics
from ..core.errors import InputError
from ..core.lens import Lens, opencv_fisheye_lens, opencv_lens
from ..files.cache import content_key
from ..files.photos import PHOTO_EXTENSIONS, upright_size
from .recording import Reader, RecordedFrame, Recording, inside, pose_photo

TRANSFORMS_NAME = "transforms.json"
RADIAL_TANGENTIAL = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
FISHEYE = ("k1", "k2", "k3", "k4")
CAMERA_FIELDS = (
    *("transform_matrix", "w", "h", "fl_x", "fl_y", "cx", "cy", "camera_angle_x", "camera_angle_y"),
    *("camera_model", "is_fisheye", "depth_unit_scale_factor", *RADIAL_TANGENTIAL),
)
"""Everything that is read of a frame besides its paths."""

Fields = Mapping[str, Any]


def find_transforms(scene: Path) -> Path | None:
    """The scene's `transforms.json`, or None."""
    origin = scene / TRANSFORMS_NAME
    return origin if origin.is_file() else None


def read_transforms(scene: Path, origin: Path) -> Recording:
    """Read a scene's `transforms.json`.

    Intrinsics and distortion of a frame go before those of the file. A path without extension
    (Blender) takes the first photo extension that is on disk.

    Raises:
        InputError: The file is no JSON, or has no list of frames.
    """
    content = _parse(origin)
    frames, problems, missing = [], {}, 0
    for index, frame in enumerate(content["frames"]):
        listed = _listed_path(frame, "file_path", origin, index)
        try:
            path = _existing_photo(inside(scene, listed, origin))
            if path is None:
                missing += 1
                continue
            frames.append(_recorded_frame(scene, path, ChainMap(frame, content), origin))
        except InputError as error:
            problems[scene / listed] = str(error)
    return Recording(tuple(frames), origin.relative_to(scene).as_posix(), problems, missing)


def _parse(origin: Path) -> dict[str, Any]:
    try:
        content = json.loads(origin.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{origin}: cannot be read as JSON ({error})") from error
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise InputError(f'{origin}: found no list "frames"; need one entry a photo')
    return content


def _listed_path(frame: Fields, key: str, origin: Path, index: int) -> str:
    listed = frame.get(key)
    if not isinstance(listed, str) or not listed:
        raise InputError(f'{origin}: frame {index} has no "{key}"; need the path of a photo')
    return listed


def _existing_photo(path: Path) -> Path | None:
    if path.is_file():
        return path
    if path.suffix:
        return None
    candidates = (path.with_name(path.name + extension) for extension in sorted(PHOTO_EXTENSIONS))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _recorded_frame(scene: Path, path: Path, fields: Fields, origin: Path) -> RecordedFrame:
    world_from_cam = _matrix(fields, path)
    photo = pose_photo(path, _lens(fields, path), cam_from_world_from_opengl(world_from_cam))
    depth_path = None
    if isinstance(listed := fields.get("depth_file_path"), str):
        depth_path = inside(scene, listed, origin)
        depth_path = depth_path if depth_path.is_file() else None
    unit_scale = _number(fields, "depth_unit_scale_factor", path)
    if unit_scale is not None and unit_scale <= 0:
        raise InputError(f"{path}: depth_unit_scale_factor is {unit_scale}, need more than 0")
    key = content_key(**{name: fields.get(name) for name in CAMERA_FIELDS})
    return RecordedFrame(photo, depth_path, unit_scale, key)


def _matrix(fields: Fields, path: Path) -> np.ndarray:
    try:
        matrix = np.array(fields.get("transform_matrix"), np.float64)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    if matrix.shape not in ((4, 4), (3, 4)):
        raise InputError(f"{path}: its transform_matrix is not 4x4 numbers; left out")
    if not np.isfinite(matrix).all():
        raise InputError(f"{path}: its transform_matrix is not finite; left out")
    return np.vstack([matrix[:3], [0.0, 0.0, 0.0, 1.0]])


def _lens(fields: Fields, path: Path) -> Lens:
    width, height = _number(fields, "w", path), _number(fields, "h", path)
    size_wh = (round(width), round(height)) if width and height else upright_size(path)
    if min(size_wh) < 1:
        raise InputError(f"{path}: its camera is {size_wh[0]}x{size_wh[1]} pixels; left out")
    focal_x = _focal(fields, "fl_x", "camera_angle_x", size_wh[0], path)
    focal_y = _focal(fields, "fl_y", "camera_angle_y", size_wh[1], path)
    focal_x = focal_x or focal_y
    if focal_x is None:
        raise InputError(f"{path}: its camera has neither fl_x nor camera_angle_x; left out")
    center_x, center_y = _number(fields, "cx", path), _number(fields, "cy", path)
    K = intrinsics(
        focal_x,
        focal_y or focal_x,
        size_wh[0] / 2 if center_x is None else center_x,
        size_wh[1] / 2 if center_y is None else center_y,
    )
    is_fisheye = "FISHEYE" in str(fields.get("camera_model", "")) or fields.get("is_fisheye")
    names = FISHEYE if is_fisheye else RADIAL_TANGENTIAL
    distortion = [_number(fields, name, path) or 0.0 for name in names]
    return (opencv_fisheye_lens if is_fisheye else opencv_lens)(K, distortion, size_wh)


def _focal(
    fields: Fields, focal_name: str, angle_name: str, extent_px: int, path: Path
) -> float | None:
    focal, angle = _number(fields, focal_name, path), _number(fields, angle_name, path)
    if focal is None and angle is not None and 0 < angle < np.pi:
        focal = focal_from_fov(angle, extent_px)
    if focal is not None and focal <= 0:
        raise InputError(f"{path}: {focal_name} is {focal}, need more than 0; left out")
    return focal


def _number(fields: Fields, name: str, path: Path) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise InputError(f"{path}: {name} is {value!r}, need a finite number; left out")
    return float(value)


READER = Reader("transforms.json", find_transforms, read_transforms)
