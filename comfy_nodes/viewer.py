"""What ComfyUI's 3D viewers take: files, points turned Y-up, cameras; nodes are unknown.

The viewers' world has x right, y up, z towards the viewer. They turn a splat PLY by half a turn
around x, so its points are stored as the cameras here see them, y down; a point PLY they show as
it is, so it has to be turned before. Sources: ComfyUI's front end, `cameraFromMatrices.ts` and
`SplatModelAdapter.ts`, and its core, `Load3DCamera.CameraInfo`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..splats import Gaussians
from ..splats.turning import quaternion_xyzw, turned
from ..splats.up import Vector, upright
from ..warpset.core.cameras import Camera, focal_from_fov, intrinsics, invert_rigid
from ..warpset.core.points import PointCloud
from .folders import new_temporary

VIEWER_FROM_WORLD = np.diag([1.0, -1.0, -1.0])
"""(3, 3) half a turn around x; its own inverse, and also OpenGL from OpenCV camera axes."""


def file_3d(path: Path) -> Any:
    """What a FILE_3D socket carries: `File3D`, or on cores before it the path itself."""
    try:
        from comfy_api.latest import Types  # pyright: ignore[reportMissingImports]

        return Types.File3D(str(path))
    except (ImportError, AttributeError):
        return str(path)


def path_of(model_3d: Any) -> Path:
    """The file that a FILE_3D socket carries; what lies in memory is written out for it."""
    if isinstance(model_3d, str):  # on cores before `File3D`
        return Path(model_3d)
    source = model_3d.get_source()
    if isinstance(source, str):
        return Path(source)
    path = new_temporary(f".{model_3d.format}")
    return Path(model_3d.save_to(str(path)))


def y_up(cloud: PointCloud, up: Vector) -> PointCloud:
    """The points in the viewers' world.

    Args:
        cloud: The points in their own.
        up: The direction that is up there.
    """
    turned = cloud.xyz_world @ upright(up, "y").T.astype(np.float32)
    return cloud._replace(xyz_world=turned)


def y_down(splats: Gaussians, up: Vector) -> Gaussians:
    """The splats as the viewers take them from a file; see above.

    Args:
        splats: The splats in their own world.
        up: The direction that is up there.
    """
    return turned(splats, VIEWER_FROM_WORLD @ upright(up, "y"))


def camera_info(camera: Camera, distance: float) -> dict[str, Any]:
    """What a LOAD3D_CAMERA socket carries.

    Args:
        camera: The camera to look through.
        distance: How far ahead of it lies what the viewer turns around, in world units.
    """
    position = VIEWER_FROM_WORLD @ camera.center_world
    viewer_from_cam = VIEWER_FROM_WORLD @ camera.world_from_cam[:3, :3] @ VIEWER_FROM_WORLD
    target = position - distance * viewer_from_cam[:, 2]
    x, y, z, w = quaternion_xyzw(viewer_from_cam)
    return {
        "position": _xyz(position),
        "target": _xyz(target),
        "zoom": 1,
        "cameraType": "perspective",
        "quaternion": {"x": x, "y": y, "z": z, "w": w},
        "fov": math.degrees(camera.fov_y),
        "aspect": camera.size_wh[0] / camera.size_wh[1],
    }


def camera_from_info(info: Mapping[str, Any], like: Camera) -> Camera:
    """What a LOAD3D_CAMERA socket carries as a camera; the inverse of `camera_info`.

    Args:
        info: From core's viewers: position and target, perhaps quaternion and fov.
        like: Gives size, and the field of view where there is none.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    position = _vector(info["position"], "xyz")
    if info.get("quaternion"):
        viewer_from_cam = _rotation(_vector(info["quaternion"], "xyzw"))
    else:
        viewer_from_cam = _looking(position, _vector(info["target"], "xyz"))
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = VIEWER_FROM_WORLD @ viewer_from_cam @ VIEWER_FROM_WORLD
    world_from_cam[:3, 3] = VIEWER_FROM_WORLD @ position
    zoom = float(info.get("zoom") or 1.0)
    fov_y = math.radians(float(info.get("fov") or math.degrees(like.fov_y)))
    if not (zoom > 0.0 and 0.0 < fov_y < math.pi):
        raise ValueError(f"zoom {zoom} and fov {math.degrees(fov_y)}")
    width, height = like.size_wh
    focal = zoom * focal_from_fov(fov_y, height)
    K = intrinsics(focal, focal, width / 2, height / 2)
    return Camera(K, invert_rigid(world_from_cam), like.size_wh)


def _vector(fields: Mapping[str, Any], names: str) -> np.ndarray:
    vector = np.array([float(fields[name]) for name in names])
    if not np.isfinite(vector).all():
        raise ValueError("a number that is not finite")
    return vector


def _looking(position: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(3, 3) viewer's world from an OpenGL camera that looks at a target, y up."""
    backward = position - target
    right = np.cross([0.0, 1.0, 0.0], backward)
    if not (np.linalg.norm(backward) > 0.0 and np.linalg.norm(right) > 0.0):
        raise ValueError("a target that leaves open what is up")
    up = np.cross(backward, right)
    return np.column_stack([axis / np.linalg.norm(axis) for axis in (right, up, backward)])


def _rotation(xyzw: np.ndarray) -> np.ndarray:
    """(3, 3) rotation of a quaternion of any length but zero."""
    x, y, z, w = xyzw / np.linalg.norm(xyzw)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + 2.0 * w * cross + 2.0 * cross @ cross


def _xyz(vector: np.ndarray) -> dict[str, float]:
    return dict(zip("xyz", vector.tolist(), strict=True))
