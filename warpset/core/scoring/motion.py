"""What moved between two photos, by their colours; no files."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .means import box_mean

MOTION_REACH_PX = 2
"""A splat that lies so near to where it should is not taken for something that moved.

Raised, small things that moved by little are missed."""

MOTION_MEAN_PX = 5
"""Side of the square whose mean difference is judged; noise of single pixels is evened out."""

MOTION_LEVELS = 12.0
"""Differences of fewer levels than this are noise, reflections and compression."""

MOTION_DEVIATIONS = 8.0
"""In pairs that differ all over, as with coarse depth, so many robust deviations are common."""

MOTION_STRIDE = 4
"""Every so many pixels of every so many rows tell what is common in a pair.

Medians of all pixels would take longer than the rest."""

MOTION_CORE_PX, MOTION_GROWTH_PX = 7, 6
"""Narrower than the first, a difference is the rim of an object; the others grow by the second, to
take in the faint edges of what moved."""


def moved_pixels(
    splats: NDArray[np.uint8], target: NDArray[np.uint8], seen: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Seen pixels where the target shows another thing than the splats, as what moved does.

    A splat is compared with the range of the target's colours around it, so that a warp that is
    slightly off differs by nothing. What is left is averaged, and what stands out from the pair's
    own differences (median and median absolute deviation) counts, grown.

    Args:
        splats: (h, w, 3), as bright as the target.
        target: (h, w, 3).
        seen: (h, w), the pixels to compare.
    """
    reach = np.ones((2 * MOTION_REACH_PX + 1,) * 2, np.uint8)
    above = cv2.subtract(splats, cv2.dilate(target, reach))
    below = cv2.subtract(cv2.erode(target, reach), splats)
    red, green, blue = cv2.split(cv2.max(above, below))
    excess = cv2.max(cv2.max(red, green), blue)
    known = seen.view(np.uint8)
    share = np.maximum(box_mean(known, MOTION_MEAN_PX), 1e-3)
    excess = box_mean(excess * known, MOTION_MEAN_PX)
    excess /= share
    every = (slice(None, None, MOTION_STRIDE),) * 2
    common = excess[every][seen[every]]
    if not len(common):
        return np.zeros_like(seen)
    middle = float(np.median(common))
    deviation = 1.4826 * float(np.median(np.abs(common - middle)))
    limit = max(MOTION_LEVELS, middle + MOTION_DEVIATIONS * deviation)
    differs = ((excess > limit) & seen).view(np.uint8)
    core = cv2.morphologyEx(differs, cv2.MORPH_OPEN, _disc(MOTION_CORE_PX))
    if not core.any():
        return np.zeros_like(seen)
    grown = cv2.dilate(core, _disc(2 * MOTION_GROWTH_PX + 1))
    return (grown > 0) & seen


def _disc(side_px: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side_px, side_px)), np.uint8)
