"""Which pixels become points: masks of depth, confidence and colour; nothing from disk."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

BLACK_RGB_SUM = 16
WHITE_RGB = 240

SKY_SCORE = 32
"""Of 255; pixels that score this or more are sky."""

# Of 255; a pixel that is darker than this mixes with what the mask leaves out. Resampling rings by
# a few per cent next to an edge, which is left out then, too.
WHOLLY_KEPT = 250


@dataclass(frozen=True)
class ConfidenceThreshold:
    """The least confidence a point needs, as a value or as a share of the frame to drop.

    Attributes:
        value: In the estimator's units, or a percentile in 0..100.
        is_percentile: Which of the two it is.
    """

    value: float = 1.01
    is_percentile: bool = False

    @staticmethod
    def parse(text: str) -> ConfidenceThreshold:
        """Read `1.5` (a value) or `p30` (drops the least confident 30 per cent).

        Raises:
            ValueError: The text is neither.
        """
        is_percentile = text.startswith("p")
        value = float(text.removeprefix("p"))
        if not np.isfinite(value) or (is_percentile and not 0 <= value <= 100):
            raise ValueError(f"{text!r} is neither a number nor p0..p100")
        return ConfidenceThreshold(value, is_percentile)

    def __str__(self) -> str:
        return f"p{self.value:g}" if self.is_percentile else f"{self.value:g}"

    def passed(self, confidence: NDArray[np.float32], known: Mask) -> Mask:
        """Where confidence (h, w) reaches the threshold; percentiles count `known` pixels."""
        if not self.is_percentile:
            return np.greater_equal(confidence, self.value)
        if not known.any():
            return known
        return np.greater_equal(confidence, np.percentile(confidence[known], self.value))


def not_black(rgb: NDArray[np.uint8]) -> Mask:
    """Where R + G + B of (h, w, 3) is at least 16."""
    return np.greater_equal(rgb.sum(axis=-1, dtype=np.uint16), BLACK_RGB_SUM)


def not_white(rgb: NDArray[np.uint8]) -> Mask:
    """Where some channel of (h, w, 3) is at most 240."""
    return np.any(rgb <= WHITE_RGB, axis=-1)


def not_flying(depth: NDArray[np.float32], threshold: float) -> Mask:
    """Where a pixel does not float between a nearer and a farther surface.

    Along a row or a column a flying pixel lies behind one neighbour and before the other, each
    by more than `threshold` of its own depth. The edge pixels of the two surfaces stay.

    Args:
        depth: (h, w) z-depth, 0 = unknown.
        threshold: Relative depth step that counts as an edge.
    """
    flying = np.zeros(depth.shape, bool)
    for z, into in ((depth, flying), (depth.T, flying.T)):
        before, here, after = z[:, :-2], z[:, 1:-1], z[:, 2:]
        step = threshold * here
        known = (before > 0) & (after > 0)
        rises = (here - before > step) & (after - here > step)
        falls = (before - here > step) & (here - after > step)
        into[:, 1:-1] |= known & (rises | falls)
    return ~flying


def mask_picture(kept: Mask, size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """What a photo's mask keeps as a white picture (h, w, 3) of the photo's size."""
    return sky_picture(np.where(kept, np.uint8(255), np.uint8(0)), size_wh)


def wholly_kept(picture: NDArray[np.uint8]) -> Mask:
    """Where a resampled mask picture (h, w, 3) shows nothing that is left out."""
    return np.greater_equal(picture[..., 0], WHOLLY_KEPT)


def sky_picture(scores: NDArray[np.uint8], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """Sky scores of a whole photo as a gray picture (h, w, 3) of its size."""
    large = cv2.resize(scores, size_wh, interpolation=cv2.INTER_LINEAR)
    return np.repeat(np.asarray(large, np.uint8)[..., None], 3, axis=2)


def not_sky(picture: NDArray[np.uint8]) -> Mask:
    """Where a sky picture (h, w, 3) scores too little for sky."""
    return np.less(picture[..., 0], SKY_SCORE)
