"""Sparse points of views whose depth is known, as if found by matching; no meshes, no files."""

from __future__ import annotations

import numpy as np
import pycolmap
from numpy.typing import NDArray

from warpset.core.cameras import Camera, project, unproject
from warpset.core.geometry import Depth
from warpset.stereo.sfm import image_name

POINTS_A_VIEW = 400
SAME_DEPTH = 0.01
"""A view sees a point where its depth differs from the point's by no more than this share."""


class SurfacePoints:
    """Collects views, and gives a COLMAP model of them and of points on what they see."""

    def __init__(self) -> None:
        self._cameras: list[Camera] = []
        self._depths: list[Depth] = []

    def add(self, camera: Camera, depth: Depth) -> None:
        """Add a view and its depth (h, w), 0 = unknown."""
        self._cameras.append(camera)
        self._depths.append(depth)

    def model(self) -> pycolmap.Reconstruction:
        """The model: images are called by their numbers, see `image_name`."""
        views = list(zip(self._cameras, self._depths, strict=True))
        xyz_world = np.concatenate([_spread(camera, depth) for camera, depth in views])
        tracks = [pycolmap.Track() for _ in xyz_world]
        model = pycolmap.Reconstruction()
        for key, (camera, depth) in enumerate(views, start=1):
            uv, seen = _seen(xyz_world, camera, depth)
            for position, point in enumerate(seen.tolist()):
                tracks[point].add_element(key, position)
            model.add_camera_with_trivial_rig(_pinhole(key, camera))
            image = pycolmap.Image(
                name=image_name(key - 1, key - 1), keypoints=uv, camera_id=key, image_id=key
            )
            pose = pycolmap.Rigid3d(camera.cam_from_world[:3])
            model.add_image_with_trivial_frame(image, pose)
        for xyz, track in zip(xyz_world, tracks, strict=True):
            if track.length() > 1:
                model.add_point3D(xyz, track, np.zeros(3, np.uint8))
        return model


def _spread(camera: Camera, depth: Depth) -> NDArray[np.float64]:
    xyz_world = unproject(camera, depth)[depth > 0]
    return xyz_world[:: max(1, -(-len(xyz_world) // POINTS_A_VIEW))].astype(np.float64)


def _seen(
    xyz_world: NDArray[np.float64], camera: Camera, depth: Depth
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Where (n, 2) a view sees points, and which."""
    uv, z = project(camera, xyz_world)
    inside = np.flatnonzero((z > 0) & np.all((uv >= 0) & (uv < camera.size_wh), axis=1))
    column, row = uv[inside].astype(np.intp).T
    seen = inside[np.abs(depth[row, column] / z[inside] - 1) < SAME_DEPTH]
    return np.asarray(uv[seen], np.float64), seen


def _pinhole(key: int, camera: Camera) -> pycolmap.Camera:
    (width, height), K = camera.size_wh, camera.K
    params = [K[0, 0], K[1, 1], K[0, 2], K[1, 2]]
    return pycolmap.Camera(
        camera_id=key, model="PINHOLE", width=width, height=height, params=params
    )
