"""Planes of inverse depth fitted to many pieces of a picture at once, and merged; no colours.

A plane of the scene is a plane of the image in inverse depth w: w = a x + b y + c, at columns x and
rows y. All a fit needs of a piece are ten sums over its pixels, so that two pieces are joined by
adding them. Residuals are relative to w: each pixel's equation is divided by its own w.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Sums of a piece: the upper triangle of the normal matrix, the right side, and the weight.
NORMAL = np.array([0, 1, 2, 1, 3, 4, 2, 4, 5])
DIAGONAL, RIGHT, WEIGHT = [0, 3, 5], slice(6, 9), 9

# With h = (a, b, c, -1) the squared residuals of a piece are h'Qh, and its sums are the entries of
# Q on and above the diagonal; those above count twice.
ROW, COLUMN = np.array([0, 0, 0, 1, 1, 2, 0, 1, 2, 3]), np.array([0, 1, 2, 1, 2, 2, 3, 3, 3, 3])
TIMES = np.where(ROW == COLUMN, 1.0, 2.0)

# Added to the normal matrix's diagonal, in units of its trace: a piece on one line has no plane.
DAMPING = 1e-9

# Fewest pixels of a piece with a plane, out of about 144; fewer say nothing of its slant.
FEWEST_PX = 20

# Share of a piece's pixels that has to lie on its plane; below it, it shows two surfaces.
LEAST_INLIERS = 0.7

# A first guess is flat: what lies farther from the median than this ratio is of another surface.
FLAT_GUESS = 0.1

# Tolerances within which pixels count in each round of a fit; the first still has to slant.
ROUNDS = (4.0, 3.0, 2.0)


def fit_planes(
    piece: NDArray[np.intp], xy: Floats, inverse_depth: Floats, count: int, tolerance: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Robust fits of every piece.

    Args:
        piece: (n,) number of the piece of each pixel.
        xy: (n, 2) columns and rows, in a unit near 1.
        inverse_depth: (n,) above 0.
        count: Number of pieces.
        tolerance: Relative noise of depth.

    Returns:
        (count, 10) sums over the pixels that count, and which pieces have a plane.
    """
    medians = _medians(piece, inverse_depth, count)
    weights = np.abs(inverse_depth / medians[piece] - 1) < FLAT_GUESS
    for tolerances in ROUNDS:
        planes = solve(_sums(piece, xy, inverse_depth, weights, count))
        misfit = np.abs(np.sum(planes[piece] * _terms(xy), axis=-1) / inverse_depth - 1)
        weights = misfit < tolerances * tolerance
    sums = _sums(piece, xy, inverse_depth, weights, count)
    inliers = sums[:, WEIGHT]
    enough = LEAST_INLIERS * np.bincount(piece, minlength=count)
    return sums, (inliers >= FEWEST_PX) & (inliers >= enough)


def _terms(xy: Floats) -> Floats:
    return np.concatenate([xy, np.ones((len(xy), 1))], axis=-1, dtype=np.float64)


def _medians(piece: NDArray[np.intp], values: Floats, count: int) -> Floats:
    """(count,) median value of each piece; 1 where it has none."""
    order = np.lexsort((values, piece))
    ends = np.searchsorted(piece[order], np.arange(count + 1))
    medians = np.ones(count)
    some = ends[1:] > ends[:-1]
    medians[some] = values[order][(ends[:-1][some] + ends[1:][some]) // 2]
    return medians


def _sums(
    piece: NDArray[np.intp], xy: Floats, inverse_depth: Floats, weights: NDArray, count: int
) -> Floats:
    terms = _terms(xy) / inverse_depth[:, None]
    products = [terms[:, a] * terms[:, b] for a in range(3) for b in range(a, 3)]
    columns = [*products, *terms.T, np.ones(len(terms))]
    sums = [np.bincount(piece, weights * column, count) for column in columns]
    return np.stack(sums, axis=-1).astype(np.float64)


def normal_matrices(sums: Floats) -> Floats:
    """(..., 3, 3) of sums (..., 10), damped so that all can be inverted."""
    normal = sums[..., NORMAL].reshape(*sums.shape[:-1], 3, 3)
    damping = DAMPING * sums[..., DIAGONAL].sum(-1) + 1e-12
    normal[..., [0, 1, 2], [0, 1, 2]] += damping[..., None]
    return normal


def solve(sums: Floats) -> Floats:
    """(..., 3) planes (a, b, c) of sums (..., 10)."""
    return np.asarray(
        np.linalg.solve(normal_matrices(sums), sums[..., RIGHT, None])[..., 0], np.float64
    )


def misfits(sums: Floats, planes: Floats) -> Floats:
    """(...) root of the mean squared relative residual of pieces under planes (..., 3)."""
    h = np.concatenate([planes, np.full((*planes.shape[:-1], 1), -1.0)], axis=-1)
    squares = np.sum(sums * (TIMES * h[..., ROW] * h[..., COLUMN]), axis=-1)
    return np.sqrt(np.maximum(squares, 0) / np.maximum(sums[..., WEIGHT], 1e-9))


class Surfaces:
    """Pieces joined into planar surfaces, the best fitting pairs first.

    Attributes:
        sums: (n, 10) sums; those of a surface are in the row of the piece that stands for it.
        of_piece: (n,) piece that stands for each piece's surface; -1 where it has no plane.
    """

    def __init__(self, sums: Floats, has_plane: NDArray[np.bool_], tolerance: float):
        self.sums, self._tolerance = sums.copy(), tolerance
        self.of_piece = np.where(has_plane, np.arange(len(sums)), -1)
        self._near: list[set[int]] = [set() for _ in sums]
        # counts the joins of each surface: offers made before one are out of date
        self._joins = [0] * len(sums)
        self._offers: list[tuple[float, int, int, int, int]] = []

    def join(self, one: NDArray[np.intp], other: NDArray[np.intp]) -> None:
        """Join neighbours (one, other) while both parts lie on one plane within the tolerance.

        Each part is held to it alone, or a large surface would swallow small ones beside it.
        """
        both = (self.of_piece[one] >= 0) & (self.of_piece[other] >= 0)
        one, other = one[both], other[both]
        for a, b in zip(one.tolist(), other.tolist(), strict=True):
            self._near[a].add(b)
            self._near[b].add(a)
        self._offer(one, other)
        while self._offers:
            _, a, b, joins_a, joins_b = heapq.heappop(self._offers)
            if (self._joins[a], self._joins[b]) == (joins_a, joins_b):
                self._join_two(a, b)

    def _offer(self, one: NDArray[np.intp], other: NDArray[np.intp]) -> None:
        parts = np.stack([self.sums[one], self.sums[other]])
        misfit = misfits(parts, solve(parts.sum(0))).max(0)
        for value, a, b in zip(misfit.tolist(), one.tolist(), other.tolist(), strict=True):
            if value < self._tolerance:
                heapq.heappush(self._offers, (value, a, b, self._joins[a], self._joins[b]))

    def _join_two(self, kept: int, gone: int) -> None:
        self.sums[kept] += self.sums[gone]
        self.of_piece[self.of_piece == gone] = kept
        for near in self._near[gone]:
            self._near[near].discard(gone)
        self._near[kept] = (self._near[kept] | self._near[gone]) - {kept}
        for near in self._near[kept]:
            self._near[near].add(kept)
        self._joins[kept] += 1
        self._joins[gone] = -1
        near = np.array(sorted(self._near[kept]), np.intp)
        self._offer(np.full_like(near, kept), near)
