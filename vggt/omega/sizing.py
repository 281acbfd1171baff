"""The sizes in which Omega sees photos, as its published loader has them; numbers, no pixels."""

import math

from ..model_image import SizeWh

MOST_ELONGATED = 2
"""Longer side over shorter, beyond which the ends of the longer one are cut off."""


def kept_box(size_wh: SizeWh) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is kept of a photo, in pixels: its middle."""
    width, height = (
        min(side, MOST_ELONGATED * other)
        for side, other in zip(size_wh, reversed(size_wh), strict=True)
    )
    left, top = (size_wh[0] - width) // 2, (size_wh[1] - height) // 2
    return left, top, left + width, top + height


def balanced_size(size_wh: SizeWh, side: int, patch: int) -> SizeWh:
    """As many patches as a square of `side` has, about in the photo's proportions.

    Columns and rows are rounded on their own, so that the proportions change a little.
    """
    columns = math.sqrt((side // patch) ** 2 / (size_wh[1] / size_wh[0]))
    rows = (side // patch) ** 2 / columns
    return _patches(columns) * patch, _patches(rows) * patch


def longest_side_size(size_wh: SizeWh, side: int, patch: int) -> SizeWh:
    """The longer side is `side`, the shorter follows it to the nearest multiple of the patch."""
    aspect = size_wh[1] / size_wh[0]
    if aspect >= 1:
        return _patches(side / aspect / patch) * patch, side
    return side, _patches(side * aspect / patch) * patch


def _patches(count: float) -> int:
    """The nearest whole number (halves to even), at least 1."""
    return max(1, round(count))
