"""Means over squares of pixels; no files."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def box_mean(picture: NDArray[np.uint8] | NDArray[np.float32], side_px: int) -> NDArray[np.float32]:
    """Mean (h, w) over the square around each pixel."""
    window = (side_px, side_px)
    if picture.dtype != np.uint8:
        return np.asarray(cv2.blur(picture, window), np.float32)
    # sums of whole numbers are exact in integers, which take half the time of double precision
    total = np.asarray(cv2.boxFilter(picture, cv2.CV_32F, window, normalize=False), np.float32)
    total /= side_px * side_px
    return total
