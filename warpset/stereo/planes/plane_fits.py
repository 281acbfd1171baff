"""Planes of inverse depth fitted to many pieces of a picture at once, and merged; no colours.

A plane of the scene is a plane of the image in inverse depth w: w = a x + b y + c, at columns x and
rows y. All a fit needs of a piece are ten sums over its pixels, so that two pieces are joined by
adding them. Residuals are relative to w: each pixel's equation is divided by its own w.
"""

from __future__ import annotations

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

    def join(self, one: NDArray[np.intp], other: NDArray[np.intp]) -> None:
        """Join neighbours (one, other) while both parts lie on one plane within the tolerance.

        Each part is held to it alone, or a large surface would swallow small ones beside it. In
        each round all those join that fit each other better than any neighbour.
        """
        pairs = np.stack([one, other], -1)
        pairs = pairs[np.all(self.of_piece[pairs] >= 0, axis=-1)]
        misfit = self._misfits(pairs)
        while len(pairs := pairs[misfit < self._tolerance]):
            misfit = misfit[misfit < self._tolerance]
            pairs, misfit = self._join_best(pairs, misfit)

    def _misfits(self, pairs: NDArray[np.intp]) -> Floats:
        """(n,) misfit of the worse part of pairs (n, 2) under their common plane."""
        parts = self.sums[pairs.T]
        return misfits(parts, solve(parts.sum(0))).max(0)

    def _join_best(
        self, pairs: NDArray[np.intp], misfit: Floats
    ) -> tuple[NDArray[np.intp], Floats]:
        """Join what fits best on both sides; the pairs that remain, and how they fit."""
        count = len(self.sums)
        rank = np.empty(len(pairs), np.intp)
        rank[np.argsort(misfit, kind="stable")] = np.arange(len(pairs))
        best = np.full(count, len(pairs))
        for side in pairs.T:
            np.minimum.at(best, side, rank)
        is_best = np.all(best[pairs] == rank[:, None], axis=-1)
        kept, gone = pairs[is_best].T
        self.sums[kept] += self.sums[gone]
        now, is_new = np.arange(count), np.zeros(count, bool)
        now[gone], is_new[kept] = kept, True
        self.of_piece = np.where(self.of_piece >= 0, now[self.of_piece], -1)
        low, high = np.sort(now[pairs[~is_best]], axis=-1).T
        remaining, first = np.unique(low * count + high, return_index=True)
        pairs = np.stack([remaining // count, remaining % count], -1)
        misfit, changed = misfit[~is_best][first], is_new[pairs].any(-1)
        misfit[changed] = self._misfits(pairs[changed])
        return pairs, misfit
