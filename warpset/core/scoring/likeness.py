"""How alike two pictures are: PSNR and SSIM; no files."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

PERFECT_PSNR_DB = 100.0

BAND_ROWS = 64
"""So many rows are compared at once, they fit a core's cache."""

SSIM_REACH_PX = 5
"""How far the Gaussian window of SSIM reaches."""


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """Peak signal-to-noise ratio of 8-bit pictures over chosen pixels, in dB."""
    squared_errors = cv2.norm(one, other, cv2.NORM_L2SQR, where.view(np.uint8))
    if squared_errors == 0:
        return PERFECT_PSNR_DB
    mean_squared_error = squared_errors / (one.shape[-1] * np.count_nonzero(where))
    return min(PERFECT_PSNR_DB, 10.0 * np.log10(255.0**2 / mean_squared_error))


def ssim(one: NDArray[np.uint8], other: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """Mean structural similarity of luminance over chosen pixels.

    Wang, Bovik, Sheikh, Simoncelli, 2004: Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03.
    """
    x, y = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (one, other))
    total, height = 0.0, len(x)
    for top in range(0, height, BAND_ROWS):
        end, first = min(top + BAND_ROWS, height), max(0, top - SSIM_REACH_PX)
        rows = slice(first, end + SSIM_REACH_PX)
        band = (picture[rows].astype(np.float32) for picture in (x, y))
        similarity = _similarity(*band)[top - first : end - first]
        similarity *= where[top:end]
        total += cv2.sumElems(similarity)[0]
    return total / np.count_nonzero(where)


def _similarity(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """SSIM of every pixel of grey pictures (h, w); both variances only ever occur as their sum."""
    squares, product = x * x, x * y
    squares += y * y
    mean_x, mean_y, mean_squares, mean_product = (
        np.asarray(cv2.GaussianBlur(each, (2 * SSIM_REACH_PX + 1,) * 2, 1.5), np.float32)
        for each in (x, y, squares, product)
    )
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    # from here on in place: a band's arrays would not fit the cache besides as many new ones
    product_of_means = mean_x * mean_y
    squares_of_means = np.square(mean_x, out=mean_x)
    squares_of_means += np.square(mean_y, out=mean_y)
    covariance = np.subtract(mean_product, product_of_means, out=mean_product)
    variances = np.subtract(mean_squares, squares_of_means, out=mean_squares)
    product_of_means += c1 / 2
    covariance += c2 / 2
    squares_of_means += c1
    variances += c2
    covariance *= product_of_means
    variances *= squares_of_means
    covariance /= variances
    covariance *= 4
    return covariance
