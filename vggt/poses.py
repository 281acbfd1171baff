"""Pose encodings to camera matrices; knows no network and no image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrices = NDArray[np.float64]

MIN_FOV = 0.01
"""Radians; narrower fields of view (the network may answer 0) have no finite focal length."""

LEAST_UNIT = 0.1
"""Cameras that stand nearer to each other than this are not spread any further."""


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


def encode_poses(
    K: NDArray[np.floating], cam_from_world: NDArray[np.floating], shape_hw: tuple[int, int]
) -> Matrices:
    """Pose encodings (S, 9) of cameras, the inverse of `decode_poses`; quaternions have w >= 0.

    An encoding has no principal point; it is taken to be the middle of the raster.

    Args:
        K: (S, 3, 3) in pixels of the network's images.
        cam_from_world: (S, 4, 4).
        shape_hw: Height and width of the network's images in pixels.
    """
    focal_yx = K[:, [1, 0], [1, 0]].astype(np.float64)
    fov = 2 * np.arctan(np.array(shape_hw) / 2 / focal_yx)
    quaternions = _quaternions(cam_from_world[:, :3, :3].astype(np.float64))
    return np.concatenate((cam_from_world[:, :3, 3].astype(np.float64), quaternions, fov), axis=1)


def in_first_frame(cam_from_world: Matrices) -> Matrices:
    """Cameras (S, 4, 4) in the world of the first, as Depth Anything 3 is given them.

    The unit of length is the median distance of all centres from the first one's (the lower of the
    two middle ones), but at least `LEAST_UNIT` of the old.
    """
    relative = cam_from_world @ np.linalg.inv(cam_from_world[0])
    centres = np.linalg.inv(relative)[:, :3, 3]
    distances = np.sort(np.linalg.norm(centres, axis=1))
    relative[:, :3, 3] /= max(float(distances[(len(distances) - 1) // 2]), LEAST_UNIT)
    return relative


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


def _quaternions(rotations: Matrices) -> Matrices:
    """Quaternions x, y, z, w (S, 4) of rotations (S, 3, 3), of length one and with w >= 0.

    Each is the eigenvector of the largest eigenvalue of a matrix that is linear in the rotation
    (Bar-Itzhack 2000), which is well conditioned for every angle.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = np.moveaxis(rotations, 0, -1)
    rows = [
        [xx - yy - zz, yx + xy, zx + xz, zy - yz],
        [yx + xy, yy - xx - zz, zy + yz, xz - zx],
        [zx + xz, zy + yz, zz - xx - yy, yx - xy],
        [zy - yz, xz - zx, yx - xy, xx + yy + zz],
    ]
    _, vectors = np.linalg.eigh(np.moveaxis(np.array(rows), -1, 0))
    found = vectors[:, :, -1]
    return np.where(found[:, 3:] < 0, -found, found)
