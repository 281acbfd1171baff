"""How much of two photos' matches a camera that only turned and zoomed leaves unexplained.

Without such parallax there is no depth to find, however well the photos match. No poses, no files.
"""

from __future__ import annotations

import numpy as np

from ..core.cameras import FloatArray

# Focal lengths that are tried, in units of the longer side: 0.4 sees 103 degrees, 5 sees 11. They
# are 2.7 % apart. More of them take more time and find less and less.
FOCAL_FACTORS = np.geomspace(0.4, 5.0, 96)


def parallax_px(
    first: FloatArray, second: FloatArray, first_wh: tuple[int, int], second_wh: tuple[int, int]
) -> float:
    """Median distance of matches from where the best turn and zoom would take them.

    Both focal lengths are searched; for each pair of them the best rotation has a closed form
    (Kabsch, 1976: the singular values of the rays' cross-covariance).

    Args:
        first: (n, 2) pixel positions in one photo, centre of the first pixel at 0.5.
        second: (n, 2) where they are in the other photo.
        first_wh: Size of the first photo.
        second_wh: Size of the second photo.
    """
    rays, rays_second = _rays(first, first_wh), _rays(second, second_wh)
    covariance = np.tensordot(rays_second, rays, ((1,), (1,))).transpose(0, 2, 1, 3)
    left, fit, right = np.linalg.svd(covariance)
    # a best fit by a mirror is no rotation: the smallest singular value counts against it then
    fit[..., 2] *= np.sign(np.linalg.det(left @ right))
    # unit rays a and R b: |a - R b|^2 = 2 - 2 a.Rb, and the sum of a.Rb is that of singular values
    chord = np.sqrt(np.clip(2.0 - 2.0 * fit.sum(-1) / len(first), 0.0, None))
    focal_px = FOCAL_FACTORS * max(second_wh)
    zoom, zoom_first = np.unravel_index(np.argmin(focal_px[:, None] * chord), chord.shape)
    rotation = left[zoom, zoom_first] @ right[zoom, zoom_first]
    # the median, for false matches are there and would decide a mean
    misses = np.linalg.norm(rays[zoom_first] @ rotation.T - rays_second[zoom], axis=-1)
    return float(focal_px[zoom] * np.median(misses))


def _rays(positions: FloatArray, size_wh: tuple[int, int]) -> FloatArray:
    """(f, n, 3) unit rays of pixel positions under each focal length."""
    centered = positions - np.array(size_wh) / 2.0
    rays = np.empty((len(FOCAL_FACTORS), len(positions), 3))
    rays[..., :2] = centered
    rays[..., 2] = (FOCAL_FACTORS * max(size_wh))[:, None]
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)
