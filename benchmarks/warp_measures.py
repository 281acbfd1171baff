"""Measures of a warped view against the truth; no warpers, no files."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from recorded_frames import Frame

from warpset.core.scoring.likeness import psnr

SIGMA = 32.0  # px over which the renderer fades filled holes


def luminance(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Rec. 601 luma in 0..255."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)


def mean_gradient(rgb: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """Mean length of the luminance's gradient by central differences."""
    down, right = np.gradient(luminance(rgb))
    return float(np.hypot(down, right)[where].mean())


def measure(
    image: NDArray[np.floating], target: Frame, seen: NDArray[np.bool_]
) -> tuple[float, float, float, float]:
    """PSNR, sharpness, cracks and far brightness, as the module says; nan for far without any."""
    rgb, truth = np.clip(np.rint(image), 0, 255).astype(np.uint8), target.rgb
    inner = cv2.erode(seen.astype(np.uint8), np.ones((3, 3))) > 0
    unseen = (target.depth > 0) & ~seen
    far = unseen & (cv2.distanceTransform(unseen.astype(np.uint8), cv2.DIST_L2, 5) > 2.5 * SIGMA)
    dark = (luminance(rgb) < 8) & (luminance(truth) > 32)
    brightness = luminance(rgb)[far].mean() / luminance(truth)[far].mean() if far.any() else np.nan
    sharpness = mean_gradient(rgb, inner) / mean_gradient(truth, inner)
    return psnr(rgb, truth, seen), sharpness, 1e4 * float(dark[seen].mean()), brightness
