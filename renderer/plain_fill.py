"""The filling and fading of holes in plain numpy, the twins of `fill_kernels`; see `plain`."""

# ruff: noqa: PLR0913, PLR0917 (the kernels have as many arguments)
from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .plain import Bools, Floats, Ints, four_below


def row_maximum(width: int, image: Floats, maxima: Floats) -> None:
    """Greatest value of each row."""
    maxima[:] = image.reshape(-1, width).max(axis=1)


def pull_seen(
    width: int,
    height: int,
    colors: Floats,
    farthest: Floats,
    coarse: Floats,
    coarse_empty: Bools,
    whole: Bools,
    rgb: NDArray[np.uint8],
) -> None:
    """The first level up: the mean of seen colours times the sixth power of their depth.

    Seen colours are stored, and where all of a texel's were seen.
    """
    depth = colors[:, 3]
    share = np.maximum(depth / np.maximum(farthest[0], np.float32(1e-37)), np.float32(1e-4))
    weight = np.where(depth > 0, share * share * (share * share) * (share * share), 0)
    weighed = np.c_[colors[:, :3] * weight[:, None], weight]
    pull(width, height, weighed, depth == 0, coarse, coarse_empty)
    whole[:] = ~four_below((depth == 0).reshape(height, width)).any(axis=0).ravel()
    rgb[depth > 0] = to_bytes(colors[depth > 0, :3])


def to_bytes(colors: Floats) -> NDArray[np.uint8]:
    """The nearest of 256 levels of values in 0..1."""
    return np.floor(colors * np.float32(255) + np.float32(0.5)).astype(np.uint8)


def pull(
    width: int, height: int, fine: Floats, fine_empty: Bools, coarse: Floats, coarse_empty: Bools
) -> None:
    """One level coarser: the mean of those of the four texels below that are not empty."""
    four = four_below(fine.reshape(height, width, 4)).reshape(4, -1, 4)
    seen = four_below(~fine_empty.reshape(height, width)).reshape(4, -1, 1)
    count = seen.sum(axis=0)
    coarse[:] = np.where(seen, four, 0).sum(axis=0) / np.maximum(count, 1).astype(np.float32)
    coarse_empty[:] = count[:, 0] == 0


def push(width: int, height: int, coarse: Floats, empty: Bools, fine: Floats) -> None:
    """Interpolate empty texels bilinearly between the four nearest of the coarser level."""
    fine[empty] = from_coarser(width, height, coarse)[empty]


def from_coarser(width: int, height: int, coarse: Floats) -> Floats:
    """All texels of a level of this size, interpolated between those of the coarser one."""
    y, x = np.divmod(np.arange(width * height), width)
    w, h = (width + 1) // 2, (height + 1) // 2
    beside_x = np.clip(x // 2 + x % 2 * 2 - 1, 0, w - 1)
    beside_y = np.clip(y // 2 + y % 2 * 2 - 1, 0, h - 1)
    above = coarse.reshape(h, w, 4)
    sides = above[y // 2, beside_x] + above[beside_y, x // 2]
    total = np.float32(9) * above[y // 2, x // 2] + np.float32(3) * sides
    return (total + above[beside_y, beside_x]) / np.float32(16)


def relax(width: int, height: int, parity: int, empty: Bools, filled: Floats) -> None:
    """Give the empty texels of one chessboard colour the mean of their neighbours."""
    texels = np.c_[filled, np.ones((len(filled), 1), np.float32)].reshape(height, width, 5)
    around = np.pad(texels, ((1, 1), (1, 1), (0, 0)))
    # left, right, above, below, in the order in which the kernel adds; the fifth counts them
    total = around[1:-1, :-2] + around[1:-1, 2:] + around[:-2, 1:-1] + around[2:, 1:-1]
    mean = total[..., :4] / np.maximum(total[..., 4:], 1)
    turn = empty & (np.indices((height, width)).sum(axis=0).ravel() % 2 == parity)
    filled[turn] = mean.reshape(-1, 4)[turn]


def column_distance(width: int, height: int, columns: int, hole: Bools, rows: Ints) -> None:  # noqa: ARG001
    """Rows from each pixel to the next that is no hole, in its column."""
    row = np.arange(height)[:, None]
    seen = ~hole.reshape(height, width)
    # 30000 rows above, or as far below, where a column has nothing
    above = row - np.maximum.accumulate(np.where(seen, row, -30000), axis=0)
    below = np.minimum.accumulate(np.where(seen, row, 60000)[::-1], axis=0)[::-1] - row
    rows[:] = np.minimum(np.minimum(above, below), 30000).ravel()


def fade_and_store(
    width: int,
    height: int,
    sigma: float,
    reach: int,
    whole: Bools,  # noqa: ARG001
    colors: Floats,
    coarse: Floats,
    rows: Ints,
    rgb: NDArray[np.uint8],
) -> None:
    """Fill what was not seen, darkened by exp(-(distance / sigma)^2), and round to 8 bits."""
    hole = (rows > 0).reshape(-1, width).astype(np.uint8)
    distance = cv2.distanceTransform(hole, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).ravel()
    # without a seen pixel OpenCV's distances mean nothing
    if hole.all():
        distance[:] = np.inf
    squared = np.where(np.isfinite(distance), np.rint(distance.astype(np.float64) ** 2), np.inf)
    gain = np.where(squared > reach**2, 0, np.exp(-(squared / sigma**2))).astype(np.float32)
    filled = from_coarser(width, height, coarse)
    fill = filled[:, :3] / np.where(filled[:, 3:] > 0, filled[:, 3:], 1)
    unseen = colors[:, 3] == 0
    rgb[unseen] = to_bytes(fill[unseen] * gain[unseen, None])
