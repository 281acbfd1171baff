"""What a centred crop takes away; no trainer in particular."""

from __future__ import annotations

import math
from fractions import Fraction


def lost_share(size_wh: tuple[int, int], raster_wh: tuple[int, int]) -> str | None:
    """What a centred crop takes away after a picture was scaled to cover a raster.

    Returns:
        Such as `7.5 % of its height`; None where the picture stays whole.
    """
    scale = max(Fraction(raster, side) for raster, side in zip(raster_wh, size_wh, strict=True))
    for side, raster, name in zip(size_wh, raster_wh, ("width", "height"), strict=True):
        scaled = math.ceil(side * scale)
        if scaled > raster:
            return f"{100 * (1 - raster / scaled):.1f} % of its {name}"
    return None


def by(size_wh: tuple[int, int]) -> str:
    """A size in words: `640x480`."""
    return f"{size_wh[0]}x{size_wh[1]}"
