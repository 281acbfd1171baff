"""Cameras in files, read and written; photos and depth are unknown."""

from __future__ import annotations

import json
import math
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...core.cameras import (
    Camera,
    FloatArray,
    cam_from_world_from_opengl,
    focal_from_fov,
    intrinsics,
)
from ...core.errors import InputError
from ...files.json_files import read_text
from ...recordings.formats.colmap_files import open_colmap_model
from ...recordings.formats.colmap_model import find_colmap_model
from ...recordings.recording import NONSENSE
from ..pairs.camera_json import camera_from_json, camera_to_json
from .camera_paths import between

if TYPE_CHECKING:
    import pycolmap

MAX_CAMERAS = 100_000
"""A file with more is taken for a mistake: a picture each would fill a disk."""


class CameraFile(NamedTuple):
    """The cameras of a file.

    Attributes:
        cameras: At least one, on rasters of their own.
        are_keyframes: Whether cameras are wanted between them.
    """

    cameras: list[Camera]
    are_keyframes: bool = False

    def path(self, frames: int) -> list[Camera]:
        """The cameras, or so many between the keyframes."""
        return between(self.cameras, frames) if self.are_keyframes else self.cameras


def read_cameras(
    path: Path, like: Camera, world_offset: Sequence[float] = (0.0, 0.0, 0.0)
) -> CameraFile:
    """The cameras of a file of any kind that is known.

    Those are `pairs.jsonl` (the targets), `cameras.json`, keyframes of the viewer,
    `transforms.json`, and COLMAP models.

    Args:
        path: A file, or a folder with a COLMAP model.
        like: Gives size and intrinsics where the file has none.
        world_offset: (3,) what was taken off the positions that the scene was recorded with; files
            of ours are without it already.

    Raises:
        InputError: There are no cameras, or they cannot be read.
    """
    try:
        found = _read(path, like, np.asarray(world_offset, np.float64))
    except (OSError, InputError, *NONSENSE) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"{path}: found no cameras that can be read ({reason}); need pairs.jsonl, "
            "cameras.json, keyframes, transforms.json, or the folder of a COLMAP model"
        ) from error
    if not 0 < len(found.cameras) <= MAX_CAMERAS:
        raise InputError(f"{path}: found {len(found.cameras)} cameras, need 1 to {MAX_CAMERAS}")
    return found


def _read(path: Path, like: Camera, world_offset: FloatArray) -> CameraFile:
    if path.is_dir():
        return CameraFile([_moved(camera, world_offset) for camera in _colmap_cameras(path)])
    text = read_text(path)
    if path.suffix == ".jsonl":
        records = [json.loads(line) for line in text.splitlines() if line.strip()]
        targets = [camera_from_json(_part(record, "cameras", "target")) for record in records]
        return CameraFile(targets)
    content = json.loads(text)
    if isinstance(content, dict) and isinstance(content.get("frames"), list):
        if not all(isinstance(one, dict) for one in content["frames"]):
            raise ValueError("a frame that is no object")
        cameras = [_opengl_camera(ChainMap(one, content), like) for one in content["frames"]]
        return CameraFile([_moved(camera, world_offset) for camera in cameras])
    for name in ("keyframes", "cameras"):
        if isinstance(content, dict) and isinstance(content.get(name), list):
            cameras = [camera_from_json(one) for one in content[name]]
            return CameraFile(cameras, are_keyframes=name == "keyframes")
    raise ValueError('neither "keyframes", "cameras" nor "frames" in it')


def _moved(camera: Camera, world_offset: FloatArray) -> Camera:
    """The camera in a world whose positions are less by the offset."""
    cam_from_world = camera.cam_from_world.copy()
    cam_from_world[:3, 3] += cam_from_world[:3, :3] @ world_offset
    return replace(camera, cam_from_world=cam_from_world)


def _part(record: Any, *names: str) -> Any:
    for name in names:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _opengl_camera(fields: Mapping[str, Any], like: Camera) -> Camera:
    """A frame of `transforms.json`; distortion is of its photo, not of a view."""
    matrix = np.array(fields.get("transform_matrix"), np.float64)
    if matrix.shape not in ((4, 4), (3, 4)) or not np.isfinite(matrix).all():
        raise ValueError("a transform_matrix that is none")
    pose = np.vstack([matrix[:3], [0.0, 0.0, 0.0, 1.0]])
    return replace(_intrinsics_of(fields, like), cam_from_world=cam_from_world_from_opengl(pose))


def _intrinsics_of(fields: Mapping[str, Any], like: Camera) -> Camera:
    wanted = ("w", "h", "fl_x", "fl_y", "cx", "cy", "camera_angle_x")
    known = {name: float(fields[name]) for name in wanted if fields.get(name) is not None}
    if not all(math.isfinite(value) and value > 0 for value in known.values()):
        raise ValueError("intrinsics that are not positive")
    width, height = known.get("w", like.size_wh[0]), known.get("h", like.size_wh[1])
    focal = known.get("fl_x")
    if focal is None and "camera_angle_x" in known:
        focal = focal_from_fov(known["camera_angle_x"], width)
    if focal is None:
        return like
    center = known.get("cx", width / 2), known.get("cy", height / 2)
    K = intrinsics(focal, known.get("fl_y", focal), *center)
    return Camera(K, np.eye(4), (round(width), round(height)))


def _colmap_cameras(folder: Path) -> list[Camera]:
    model = open_colmap_model(find_colmap_model(folder) or folder)
    images = sorted(model.images.values(), key=lambda image: image.name)
    return [_colmap_camera(image) for image in images]


def _colmap_camera(image: pycolmap.Image) -> Camera:
    camera = image.camera
    assert camera is not None, "a model has the cameras of its images"
    cam_from_world = np.eye(4)
    cam_from_world[:3] = image.cam_from_world().matrix()
    K = np.asarray(camera.calibration_matrix(), np.float64)
    return Camera(K, cam_from_world, (camera.width, camera.height))


def cameras_json(cameras: Sequence[Camera], besides: Mapping[str, Any]) -> bytes:
    """Cameras as the content of a `cameras.json`, and what else is to be said."""
    content = dict(besides) | {"cameras": [camera_to_json(camera) for camera in cameras]}
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"


def keyframes_json(cameras: Sequence[Camera]) -> bytes:
    """Cameras as keyframes, between which a path is drawn."""
    content = {"keyframes": [camera_to_json(camera) for camera in cameras]}
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"
