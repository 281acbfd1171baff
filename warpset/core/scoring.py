"""How alike pictures are, and how much of a cloud a camera sees; no files."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .cameras import Camera, project

PERFECT_PSNR_DB = 100.0

BLOCK_POINTS = 1 << 14
"""So many points are projected at once: they fit a core's cache."""


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """Peak signal-to-noise ratio of 8-bit pictures over chosen pixels, in dB."""
    squared_errors = cv2.norm(one, other, cv2.NORM_L2SQR, where.astype(np.uint8))
    if squared_errors == 0:
        return PERFECT_PSNR_DB
    mean_squared_error = squared_errors / (one.shape[-1] * np.count_nonzero(where))
    return min(PERFECT_PSNR_DB, 10.0 * np.log10(255.0**2 / mean_squared_error))


def ssim(one: NDArray[np.uint8], other: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """Mean structural similarity of luminance over chosen pixels.

    Wang, Bovik, Sheikh, Simoncelli, 2004: Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03.
    """
    x, y = (
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) for picture in (one, other)
    )
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x = _blurred(x * x) - mean_x**2
    variance_y = _blurred(y * y) - mean_y**2
    covariance = _blurred(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    )
    return float(np.mean(similarity[where], dtype=np.float64))


def share_in_view(xyz_world: NDArray[np.float32], camera: Camera) -> float:
    """Share of points (n, 3) that project into the camera's raster, 0 for no points."""
    if len(xyz_world) == 0:
        return 0.0
    starts = range(0, len(xyz_world), BLOCK_POINTS)
    blocks = (xyz_world[start : start + BLOCK_POINTS] for start in starts)
    return sum(_count_in_view(block, camera) for block in blocks) / len(xyz_world)


def _count_in_view(xyz_world: NDArray[np.float32], camera: Camera) -> int:
    uv, z = project(camera, xyz_world)
    inside = z > 0
    with np.errstate(invalid="ignore"):
        for axis in range(2):
            inside &= (uv[:, axis] >= 0) & (uv[:, axis] < camera.size_wh[axis])
    return int(np.count_nonzero(inside))


def _blurred(picture: NDArray) -> NDArray:
    return cv2.GaussianBlur(picture, (11, 11), 1.5)
