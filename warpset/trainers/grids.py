"""Where a picture's pixels come to lie in what is trained; no trainer in particular.

A trainer scales and cuts pictures. `Raster` keeps what of the picture is left and on how many
pixels it lies, so that target and controls can be compared: a pixel of the trained target and the
pixel at the same relative place of a trained control show the same spot of the source where both
boxes are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

Size = tuple[int, int]
"""Width and height in pixels."""


class Raster(NamedTuple):
    """A part of a picture on a raster.

    Attributes:
        size_wh: Width and height of the raster.
        box: Left, top, right, bottom of what lies on it, in pixel positions of the source.
    """

    size_wh: Size
    box: tuple[float, float, float, float]

    def stretched(self, size_wh: Size) -> Raster:
        """The same part on another raster; sides may scale differently."""
        return Raster(size_wh, self.box)

    def cropped(self, size_wh: Size, halve: Callable[[float], int] = math.floor) -> Raster:
        """The centre, as large as a raster.

        Args:
            size_wh: Width and height to keep, no larger than the raster.
            halve: What makes a whole offset of half the difference.
        """
        edges = []
        for side, kept, low, high in zip(
            self.size_wh, size_wh, self.box[:2], self.box[2:], strict=True
        ):
            start, scale = halve((side - kept) / 2), (high - low) / side
            edges.append((low + start * scale, low + (start + kept) * scale))
        (left, right), (top, bottom) = edges
        return Raster(size_wh, (left, top, right, bottom))

    def covered(
        self, size_wh: Size, rounded: Callable[[float], int], halve: Callable[[float], int]
    ) -> Raster:
        """Scaled to cover a raster, sides rounded, what sticks out cut off evenly."""
        scale = max(size_wh[0] / self.size_wh[0], size_wh[1] / self.size_wh[1])
        width, height = (rounded(side * scale) for side in self.size_wh)
        return self.stretched((width, height)).cropped(size_wh, halve)


def whole(size_wh: Size) -> Raster:
    """A picture as it is."""
    return Raster(size_wh, (0.0, 0.0, float(size_wh[0]), float(size_wh[1])))


class Trained(NamedTuple):
    """What a model is trained on.

    Attributes:
        target: The target's raster.
        control: The raster of each control; all controls of a pair have the target's size.
    """

    target: Raster
    control: Raster

    @property
    def shift_px(self) -> float:
        """How far target and control are apart at worst, in pixels of the source."""
        return max(
            abs(one - other) for one, other in zip(self.target.box, self.control.box, strict=True)
        )

    @property
    def same_grid(self) -> bool:
        """Whether both have as many pixels."""
        return self.target.size_wh == self.control.size_wh


def area_size(size_wh: Size, area: float, step_px: int) -> Size:
    """Width and height of an area in a picture's proportions, each rounded to steps.

    The rule of Qwen-Image-Edit's own pipeline, which trainers repeat.
    """
    ratio = size_wh[1] / size_wh[0]
    height = math.sqrt(area * ratio)
    width = height / ratio
    return round(width / step_px) * step_px, round(height / step_px) * step_px


def lost_share(size_wh: Size, raster: Raster) -> str | None:
    """What a crop takes away, such as `7.5 % of its height`; None where a picture stays whole."""
    left, top, right, bottom = raster.box
    for side, kept, name in zip(
        size_wh, (right - left, bottom - top), ("width", "height"), strict=True
    ):
        if kept < side - 0.05:
            return f"{100 * (1 - kept / side):.1f} % of its {name}"
    return None


def by(size_wh: Size) -> str:
    """A size in words: `640x480`."""
    return f"{size_wh[0]}x{size_wh[1]}"
