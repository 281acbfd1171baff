"""Depth inferred where nothing was measured: planes of what was, carried on over like colours.

In the manner of TAPA-MVS (Romanoni and Matteucci 2019) and ACMMP (Xu et al. 2022), in one view:
superpixels with enough measured pixels get planes, neighbours on one plane become one surface, and
surfaces grow over superpixels without depth until colours part, or the plane is too uncertain.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .plane_fits import Surfaces, fit_planes, misfits, normal_matrices, solve
from .superpixels import Borders, Segments

Map = NDArray[np.float32]

# Colours across a border that a surface grows over, in units of 8-bit CIE Lab: below what an
# object's outline has, above shading and noise. Raised, walls run into the sky.
MAX_CONTRAST = 14.0

# How many times its measured area a surface may grow to. Raised, facades run on over the sky, and
# walls that few pixels tell of are filled.
MAX_GROWTH = 3.0

# Share of a piece that has to be measured for its surface to grow on from there. Pieces at the rim
# of a thing reach over it; lowered to 0.3, hololens gains 6 % of its pixels, of which a third are
# wrong, and things before a blank wall spread over it.
LEAST_MEASURED = 0.5

# How many times as rough as a piece that may be where its growth set out: blank walls are behind
# textured things, not part of them. Raised, such things spread over the wall.
MAX_ROUGHER = 3.0

# Roughness that noise alone has, in units of 8-bit CIE Lab.
NOISE = 2.0

# Standard error of an inferred inverse depth, as a ratio, by the leverage of its place: it grows
# with the distance from what was measured, the slower the larger that is. Raised, planes reach
# farther: on hololens 0.02 gives depth to 61 % of the pixels and 0.04 to 66 %.
MAX_ERROR = 0.03

# Pixels that err together, as a large window's neighbours do: so many count as one measurement.
CORRELATED_PX = 25

# A plane is known no better than this, as a ratio, however well its pixels lie on it.
LEAST_MISFIT = 0.002


def plane_prior(segments: Segments, inverse_depth: Map, tolerance: float) -> Map:
    """Inverse depth (h, w) of the plane that each pixel belongs to; 0 where none reaches.

    Args:
        segments: The photo in pieces.
        inverse_depth: (h, w) what was measured and can be trusted, 0 = unknown.
        tolerance: Ratio within which measured depths agree.
    """
    surfaces = _surfaces(segments, inverse_depth, tolerance)
    labels = _grown(surfaces, segments, segments.mean(inverse_depth > 0))
    return _evaluated(surfaces, labels[segments.pieces])


def _unit(shape: tuple[int, ...]) -> float:
    """Pixels that are 1 in the planes' coordinates: near 1, sums keep their digits."""
    return float(max(shape))


def _surfaces(segments: Segments, inverse_depth: Map, tolerance: float) -> Surfaces:
    rows, columns = np.nonzero(inverse_depth)
    xy = np.stack([columns, rows], -1) / _unit(inverse_depth.shape)
    values = inverse_depth[rows, columns].astype(np.float64)
    piece = segments.pieces[rows, columns].astype(np.intp)
    sums, has_plane = fit_planes(piece, xy, values, len(segments.areas), tolerance)
    surfaces = Surfaces(sums, has_plane, tolerance)
    surfaces.join(segments.touching.one, segments.touching.other)
    return surfaces


def _texture(segments: Segments, surface: NDArray[np.intp]) -> NDArray[np.float64]:
    """(n,) roughness of each piece, or of it and those of its surface (n,) beside it, if more.

    A textured thing has faint spots, at which it is no blank wall either.
    """
    touching, values = segments.touching, segments.roughness
    is_one = surface[touching.one] == surface[touching.other]
    one, other = touching.one[is_one], touching.other[is_one]
    here, there = np.concatenate([one, other]), np.concatenate([other, one])
    sums = values + np.bincount(here, values[there], len(values))
    return np.maximum(values, sums / (1 + np.bincount(here, None, len(values))))


class _Step(NamedTuple):
    """A way of a surface, from the measured piece it set out from; the faintest border first."""

    contrast: float
    piece: int
    seed: int


def _grown(
    surfaces: Surfaces, segments: Segments, measured: NDArray[np.float64]
) -> NDArray[np.intp]:
    """(n,) surface of each piece after growing, -1 where none came; by the faintest borders."""
    labels, areas = surfaces.of_piece.copy(), segments.areas
    neighbours = _neighbours(segments.touching)
    has_plane = np.flatnonzero(labels >= 0)
    room = MAX_GROWTH * np.bincount(labels[has_plane], areas[has_plane], len(labels))
    texture = _texture(segments, surfaces.of_piece)
    most_texture = MAX_ROUGHER * np.maximum(segments.roughness, NOISE)
    # a step costs the sharpest border on its way, as in a watershed: so two surfaces that grow
    # over one blank meet where its colours part
    steps = [
        _Step(contrast, near, seed)
        for seed in has_plane[measured[has_plane] >= LEAST_MEASURED].tolist()
        for near, contrast in neighbours[seed]
        if labels[near] < 0
    ]
    heapq.heapify(steps)
    while steps:
        so_far, piece, seed = heapq.heappop(steps)
        surface = surfaces.of_piece[seed]
        if labels[piece] >= 0 or areas[piece] > room[surface]:
            continue
        if texture[seed] >= most_texture[piece]:
            continue
        labels[piece] = surface
        room[surface] -= areas[piece]
        for near, contrast in neighbours[piece]:
            if labels[near] < 0:
                heapq.heappush(steps, _Step(max(so_far, contrast), near, seed))
    return labels


def _neighbours(touching: Borders) -> dict[int, list[tuple[int, float]]]:
    """Pieces beside each piece over faint borders, and the contrast there."""
    neighbours: dict[int, list[tuple[int, float]]] = defaultdict(list)
    faint = touching.contrast < MAX_CONTRAST
    for one, other, contrast in zip(*(part[faint].tolist() for part in touching), strict=True):
        neighbours[one].append((other, contrast))
        neighbours[other].append((one, contrast))
    return neighbours


def _evaluated(surfaces: Surfaces, labels: NDArray[np.intp]) -> Map:
    """The planes at pixels labelled (h, w) with surfaces, where they are certain enough."""
    roots = np.unique(labels[labels >= 0])
    prior = np.zeros(labels.shape, np.float32)
    if not len(roots):
        return prior
    planes = solve(surfaces.sums[roots])
    sigma = np.maximum(misfits(surfaces.sums[roots], planes), LEAST_MISFIT)
    spread = np.linalg.inv(normal_matrices(surfaces.sums[roots]))
    rows, columns = np.nonzero(labels >= 0)
    which = np.searchsorted(roots, labels[rows, columns])
    unit = _unit(labels.shape)
    terms = np.stack([columns / unit, rows / unit, np.ones(len(rows))], -1)
    values = np.sum(planes[which] * terms, axis=-1)
    leverage = np.einsum("ni,nij,nj->n", terms, spread[which], terms)
    # spread is that of residuals relative to w, in units of w itself: no division by w before
    error = sigma[which] * np.sqrt(CORRELATED_PX * leverage)
    certain = (values > 0) & (error < MAX_ERROR * values)
    prior[rows[certain], columns[certain]] = values[certain]
    return prior
