"""Pose encodings to camera matrices; knows no network and no image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrices = NDArray[np.float64]

MIN_FOV = 0.01
"""Radians; narrower fields of view (the network may answer 0) have no finite focal length."""


def decode_poses(
    pose_enc: NDArray[np.floating], shape_hw: tuple[int, int]
) -> tuple[Matrices, Matrices]:
    """Cameras of pose encodings: translation, quaternion x y z w, vertical and horizontal FoV.

    The published code unprojects integer pixel positions with the principal point at W/2, H/2,
    half a pixel from the middle of the raster. Here pixel centres lie at +0.5 and the principal
    point stays at W/2, H/2, the middle.

    Args:
        pose_enc: (S, 9) encodings; quaternions need not have length one.
        shape_hw: Height and width of the network's images in pixels.

    Returns:
        K (S, 3, 3) in pixels, centres at +0.5, and cam_from_world (S, 4, 4), OpenCV axes.
    """
    encoded = pose_enc.astype(np.float64)
    fov = encoded[:, 7:9].clip(MIN_FOV, np.pi - MIN_FOV)
    half = np.array(shape_hw) / 2
    K = np.tile(np.eye(3), (len(encoded), 1, 1))
    K[:, 1, 1], K[:, 0, 0] = (half / np.tan(fov / 2)).T
    K[:, 1, 2], K[:, 0, 2] = half
    cam_from_world = np.tile(np.eye(4), (len(encoded), 1, 1))
    cam_from_world[:, :3, :3] = _rotations(encoded[:, 3:7])
    cam_from_world[:, :3, 3] = encoded[:, :3]
    return K, cam_from_world


def _rotations(quaternions_xyzw: Matrices) -> Matrices:
    """Rotations (S, 3, 3) of quaternions (S, 4) of any length, by the factor 2 / |q|^2."""
    squared_length = (quaternions_xyzw**2).sum(axis=1)
    factor = 2.0 / np.maximum(squared_length, np.finfo(np.float64).tiny)
    x, y, z, w = quaternions_xyzw.T
    one = np.ones_like(x)
    rows = [
        [one - factor * (y * y + z * z), factor * (x * y - z * w), factor * (x * z + y * w)],
        [factor * (x * y + z * w), one - factor * (x * x + z * z), factor * (y * z - x * w)],
        [factor * (x * z - y * w), factor * (y * z + x * w), one - factor * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)
