"""Exposure steps between two photos: how much brighter one is, channel by channel; no files."""

from __future__ import annotations

from typing import NamedTuple

import cv2
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

_USED = LINEAR[DARKEST : BRIGHTEST + 1]
_RATIOS = (_USED / _USED[:, None]).ravel()
_BY_RATIO = np.argsort(_RATIOS)


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
    usable = where.view(np.uint8) & _in_range(picture) & _in_range(wanted)
    if np.count_nonzero(usable) < MIN_PIXELS:
        return None
    return Gain(*(_median_ratio(picture, wanted, channel, usable) for channel in range(3)))


def _in_range(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w), 255 where all channels lie between the darkest and the brightest level, else 0."""
    return np.asarray(cv2.inRange(picture, (DARKEST,) * 3, (BRIGHTEST,) * 3), np.uint8)


def _median_ratio(
    one: NDArray[np.uint8], other: NDArray[np.uint8], channel: int, usable: NDArray[np.uint8]
) -> float:
    """Median of the linear light of a picture's channel over that of another, where usable.

    Two levels have few ratios, so pixels are counted by theirs, which takes a twentieth of the time
    of a median of them all and is the same to the bit.
    """
    levels = BRIGHTEST + 1 - DARKEST
    bounds = [DARKEST, BRIGHTEST + 1] * 2
    counts = cv2.calcHist([one, other], [channel, 3 + channel], usable, [levels] * 2, bounds)
    up_to = np.cumsum(counts.ravel()[_BY_RATIO], dtype=np.float64)
    middle = np.searchsorted(up_to, [(up_to[-1] - 1) // 2, up_to[-1] // 2], side="right")
    return float(_RATIOS[_BY_RATIO[middle]].mean())


def apply_gain(picture: NDArray[np.uint8], gain: Gain) -> NDArray[np.uint8]:
    """Colours (..., 3) uint8 with their linear light multiplied, clipped at white."""
    levels = np.empty((256, 3), np.uint8)
    for channel, factor in enumerate(gain):
        light = np.minimum(LINEAR * factor, 1.0)
        encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
        levels[:, channel] = np.rint(255.0 * encoded)
    if picture.size == 0:
        return picture
    changed = cv2.LUT(picture.reshape(1, -1, 3), levels[None])
    return np.asarray(changed, np.uint8).reshape(picture.shape)
