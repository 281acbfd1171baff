"""The nodes that make cameras: `Camera Path` and `Camera From Viewer`; sockets are unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..warpset.building.views.camera_files import read_cameras
from ..warpset.building.views.camera_paths import (
    PATHS,
    CameraPath,
    Move,
    Scene,
    clear_share,
    moved,
    path_cameras,
)
from ..warpset.core.cameras import Camera, focal_from_fov, intrinsics, project, up_of
from ..warpset.core.errors import InputError
from ..warpset.core.points import PointCloud
from .folders import existing_file
from .viewer import camera_from_info
from .widgets import MoveWidgets, PathWidgets

DEFAULT_FOV_Y_DEG = 60.0


def chosen_camera(cameras: Sequence[Camera], view: int) -> Camera:
    """One of the cameras.

    Raises:
        InputError: There is no such camera.
    """
    if view >= len(cameras):
        raise InputError(f"view: found {len(cameras)} cameras, need more for view {view}")
    return cameras[view]


def scene_around(points: PointCloud, camera: Camera, cameras: Sequence[Camera]) -> Scene:
    """A camera, the median depth of the points that it sees (1 where it sees none), and up."""
    uv, depth = project(camera, points.xyz_world)
    seen = depth[(depth > 0) & ((uv >= 0) & (uv < camera.size_wh)).all(axis=-1)]
    return Scene(camera, float(np.median(seen)) if seen.size else 1.0, up_of(cameras))


def moved_camera(
    points: PointCloud, camera: Camera, cameras: Sequence[Camera], widgets: MoveWidgets
) -> Camera:
    """A camera after the move that the widgets ask for; none leaves it as it is."""
    move = Move(
        widgets.yaw, widgets.pitch, widgets.roll, widgets.right, widgets.up, widgets.forward
    )
    return moved(scene_around(points, camera, cameras), move)


def camera_path(
    points: PointCloud, cameras: Sequence[Camera], widgets: PathWidgets
) -> tuple[list[Camera]]:
    """The cameras of a path, the chosen one first; shortened where things are too near.

    Raises:
        InputError: There is no such camera, or no room for the path.
    """
    scene = scene_around(points, chosen_camera(cameras, widgets.view), cameras)
    kind = PATHS[widgets.path]
    asked = widgets.angle if kind.unit == "angle" else widgets.distance
    path = CameraPath(widgets.path, asked or kind.size, widgets.frames)
    share = clear_share(scene, path, points.xyz_world)
    if share == 0.0:
        raise InputError(f"path: found no room for {widgets.path}, need some; choose another")
    return (path_cameras(scene, replace(path, size=path.size * share)),)


def camera_from_viewer(
    camera_info: Mapping[str, Any] | None,
    cameras_file: str,
    like: Sequence[Camera] | None,
    frames: int,
) -> tuple[list[Camera]]:
    """Cameras of ComfyUI's 3D viewer, or of a file that `render_views.py` or the viewer wrote.

    Args:
        camera_info: What core's Load 3D or Preview 3D gives.
        cameras_file: A file of cameras or keyframes, in the output or input folder.
        like: Cameras whose size and intrinsics are taken where the source has none.
        frames: How many cameras are put between keyframes.

    Raises:
        InputError: Neither or both are given, or they cannot be read.
    """
    given = camera_info is not None, bool(cameras_file)
    if given[0] == given[1]:
        found = "both" if all(given) else "neither"
        raise InputError(f"found {found} of camera_info and cameras_file, need one of them")
    start = like[0] if like else _plain_camera()
    if camera_info is None:
        return (read_cameras(existing_file(cameras_file), start).path(frames),)
    try:
        return ([camera_from_info(camera_info, start)],)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"camera_info: no camera of a 3D viewer ({error})") from error


def _plain_camera() -> Camera:
    focal = focal_from_fov(math.radians(DEFAULT_FOV_Y_DEG), 1024)
    return Camera(intrinsics(focal, focal, 512, 512), np.eye(4), (1024, 1024))
