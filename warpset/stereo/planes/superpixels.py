"""A photo cut into small pieces along its colour edges, and how sharply neighbours part; no depth.

The pieces are those of a watershed (Meyer 1992, as OpenCV floods it) from markers on a grid.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Pixels between markers. Raised, thin things share a piece with what is behind them; lowered, a
# piece holds too few measured pixels for a plane, and time grows as the inverse square.
SPACING_PX = 12

# Blur before cutting, in pixels: noise of one pixel is no edge.
BLUR_PX = 1.0

# Pixels of a border that two pieces share to count as neighbours: corners that touch in fewer have
# no contrast to go by, and surfaces would leak through them.
FEWEST_BORDER_PX = 4

# How far a marker moves to the flattest spot near it: on an edge it would belong to neither side.
MARKER_REACH_PX = 3


class Segments(NamedTuple):
    """A photo in pieces.

    Attributes:
        pieces: (h, w) number of each pixel's piece, from 0; each piece is connected.
        areas: (n,) pixels of each piece.
        lab: (n, 3) mean colour of each piece, 8-bit CIE Lab.
        roughness: (n,) standard deviation of each piece's colours, in the same units.
        touching: Pairs of pieces that touch.
    """

    pieces: NDArray[np.int32]
    areas: NDArray[np.intp]
    lab: NDArray[np.float64]
    roughness: NDArray[np.float64]
    touching: Borders

    def mean(self, image: NDArray) -> NDArray[np.float64]:
        """(n,) mean of an image (h, w) over each piece."""
        return np.bincount(self.pieces.ravel(), image.ravel()) / self.areas


class Borders(NamedTuple):
    """Pairs of pieces that touch, (n,) each.

    Attributes:
        one: The smaller number of each pair.
        other: The larger one.
        contrast: How far their colours part, in units of 8-bit CIE Lab: the mean difference across
            their border, or that of their mean colours where it is larger.
    """

    one: NDArray[np.intp]
    other: NDArray[np.intp]
    contrast: NDArray[np.float64]


def segment(rgb: NDArray[np.uint8]) -> Segments:
    """The pieces of a photo (h, w, 3), how they look, and which of them touch."""
    pieces, lab = _superpixels(rgb), _lab(rgb)
    piece = pieces.ravel()
    areas = np.bincount(piece)

    def means(image: NDArray) -> Floats:
        channels = image.reshape(len(piece), -1).T
        return np.stack([np.bincount(piece, channel) / areas for channel in channels], -1)

    mean = means(lab)
    roughness = np.sqrt(means(np.sum((lab - mean[pieces]) ** 2, axis=-1))[:, 0])
    return Segments(pieces, areas, mean, roughness, _borders(pieces, lab, mean))


def _superpixels(rgb: NDArray[np.uint8]) -> NDArray[np.int32]:
    smooth = np.asarray(cv2.GaussianBlur(rgb, (0, 0), BLUR_PX), np.uint8, order="C")
    flooded = cv2.watershed(smooth, _markers(smooth))
    pieces = np.where(flooded < 0, 0, flooded).astype(np.float32)
    square = np.ones((3, 3), np.uint8)
    # a watershed leaves lines between pieces, which go to the neighbour of the highest number
    while not pieces.all():
        pieces = np.where(pieces == 0, cv2.dilate(pieces, square), pieces)
    numbers = np.unique(pieces, return_inverse=True)[1]
    return numbers.reshape(pieces.shape).astype(np.int32)


def _markers(rgb: NDArray[np.uint8]) -> NDArray[np.int32]:
    """One pixel a piece, numbered from 1, where the photo is flattest around each grid point."""
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    steepness = np.abs(cv2.Sobel(gray, cv2.CV_32F, 1, 0)) + np.abs(
        cv2.Sobel(gray, cv2.CV_32F, 0, 1)
    )
    markers = np.zeros(gray.shape, np.int32)
    number = 0
    for row in range(0, gray.shape[0], SPACING_PX):
        for column in range(0, gray.shape[1], SPACING_PX):
            around = steepness[
                row : row + 2 * MARKER_REACH_PX + 1, column : column + 2 * MARKER_REACH_PX + 1
            ]
            down, right = np.unravel_index(int(around.argmin()), around.shape)
            number += 1
            markers[row + down, column + right] = number
    return markers


def _borders(pieces: NDArray[np.int32], lab: NDArray[np.float32], mean: Floats) -> Borders:
    """Which pieces touch, and how sharply the colours of a photo part there; of pieces' means."""
    count = len(mean)
    pairs, steps = [], []
    for axis in (0, 1):
        here, there = _shifted(pieces, 1, axis)
        where = here != there
        # over two pixels: the blur has spread a sharp edge that far
        step = np.linalg.norm(np.subtract(*_shifted(lab, 2, axis)), axis=-1)
        step = np.pad(step, [(0, int(axis == side)) for side in (0, 1)], "edge")
        low, high = np.minimum(here, there)[where], np.maximum(here, there)[where]
        pairs.append(low.astype(np.int64) * count + high)
        steps.append(step[where])
    pair, place = np.unique(np.concatenate(pairs), return_inverse=True)
    lengths_px = np.bincount(place)
    contrast = np.bincount(place, np.concatenate(steps)) / lengths_px
    long = lengths_px >= FEWEST_BORDER_PX
    one, other = pair[long] // count, pair[long] % count
    parting = np.linalg.norm(mean[one] - mean[other], axis=-1)
    return Borders(one, other, np.maximum(contrast[long], parting))


def _lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    smooth = cv2.GaussianBlur(rgb, (0, 0), BLUR_PX / 2)
    return cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB).astype(np.float32)


def _shifted(image: NDArray, step: int, axis: int) -> tuple[NDArray, NDArray]:
    """An image without its last and without its first `step` rows or columns."""
    length = image.shape[axis]
    return image.take(range(length - step), axis), image.take(range(step, length), axis)
