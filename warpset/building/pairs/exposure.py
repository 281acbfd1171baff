"""Exposure steps between two photos: how much brighter one is, channel by channel; no files."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DARKEST, BRIGHTEST = 24, 235
"""Levels of 255 between which both pictures have to lie: below, a level is a large step in linear
light; above, a brighter photo is clipped, and its ratio says nothing."""

MIN_PIXELS = 100
"""With fewer pixels to compare, no gain is found."""

_LEVELS = np.arange(256) / 255.0
LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4)
"""Linear light of each 8-bit level (sRGB, IEC 61966-2-1)."""


class Gain(NamedTuple):
    """What one picture's linear light is multiplied by to be as bright as another's."""

    red: float
    green: float
    blue: float

    @property
    def step(self) -> float:
        """The largest change of a channel, brighter or darker, as a factor of at least 1."""
        return max(max(channel, 1.0 / channel) for channel in self)


def exposure_gain(
    picture: NDArray[np.uint8], wanted: NDArray[np.uint8], where: NDArray[np.bool_]
) -> Gain | None:
    """The gain that makes one picture as bright as another that shows the same.

    The median of the ratios of pixels, so that what moved or was warped wrongly has no say.

    Args:
        picture: (h, w, 3) uint8.
        wanted: (h, w, 3) uint8.
        where: (h, w), the pixels to compare.

    Returns:
        The gain; None where too few pixels can be compared.
    """
    one, other = picture[where], wanted[where]
    pairs = np.stack([one, other])
    usable = ((pairs >= DARKEST) & (pairs <= BRIGHTEST)).all(axis=(0, 2))
    if np.count_nonzero(usable) < MIN_PIXELS:
        return None
    return Gain(*np.median(LINEAR[other[usable]] / LINEAR[one[usable]], axis=0).tolist())


def apply_gain(picture: NDArray[np.uint8], gain: Gain) -> NDArray[np.uint8]:
    """A picture (h, w, 3) uint8 with its linear light multiplied, clipped at white."""
    levels = np.empty((256, 3), np.uint8)
    for channel, factor in enumerate(gain):
        light = np.minimum(LINEAR * factor, 1.0)
        encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        levels[:, channel] = np.rint(255.0 * encoded)
    return np.stack([levels[picture[..., c], c] for c in range(3)], axis=-1)
