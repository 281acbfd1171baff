"""Depth brought to agree with sparse points by a robust scale and shift; no files, no photos."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.cameras import FloatArray, project
from ..core.geometry import DepthMap

FEWEST_POINTS = 12
"""Of fewer points neither scale nor shift is taken."""

DRAWS = 500
"""Pairs of points that a first scale and shift are tried with; half of them may be wrong."""

ROUNDS = 20
TUKEY = 4.685
"""Deviations of so many times their spread count nothing (95 % efficient without outliers)."""

SPREAD_OF_MEDIAN = 1.4826
"""Standard deviation over median deviation, of a normal distribution."""

LEAST_SPREAD = 1e-5
"""Relative to depth; points agree no better than this."""

GAIN_OF_SHIFT = 0.9
"""A shift is taken where it brings the median deviation below so much of that without."""


class Alignment(NamedTuple):
    """What depth is multiplied by, and what is then added, in the points' unit."""

    scale: float = 1.0
    shift: float = 0.0


def align_depth(depth_map: DepthMap, xyz_world: FloatArray) -> tuple[DepthMap, Alignment | None]:
    """Depth in the scale of points (n, 3) that its frame sees; confidence stays.

    Returns:
        The depth map and what was done to it; None and the map as it was where too few points
        fall on known depth.
    """
    uv, z = project(depth_map.camera, xyz_world)
    height, width = depth_map.depth.shape
    inside = (z > 0) & np.all((uv >= 0) & (uv < (width, height)), axis=-1)
    columns, rows = np.floor(uv[inside]).astype(np.intp).T
    depth, true = depth_map.depth[rows, columns].astype(np.float64), z[inside]
    known = depth > 0
    found = find_alignment(depth[known], true[known])
    return (depth_map, None) if found is None else (aligned(depth_map, found), found)


def aligned(depth_map: DepthMap, found: Alignment) -> DepthMap:
    """Depth with scale and shift; what is no longer before the camera is unknown."""
    moved = depth_map.depth * np.float32(found.scale) + np.float32(found.shift)
    is_known = (depth_map.depth > 0) & (moved > 0)
    return depth_map._replace(depth=np.where(is_known, moved, np.float32(0)))


def find_alignment(depth: FloatArray, true: FloatArray) -> Alignment | None:
    """The scale, and the shift where there is one, that take depth (n,) to true depth (n,).

    Deviations are relative to the true depth. The first guess has the least median of squares
    (Rousseeuw 1984), what follows weighs deviations down by Tukey's biweight.

    Returns:
        None of fewer than `FEWEST_POINTS`.
    """
    if len(depth) < FEWEST_POINTS:
        return None
    scaled = _reweighted(Alignment(float(np.median(true / depth))), depth, true, with_shift=False)
    shifted = _reweighted(_least_median(depth, true), depth, true, with_shift=True)
    without, with_shift = (_spread(found, depth, true) for found in (scaled, shifted))
    return shifted if shifted.scale > 0 and with_shift < GAIN_OF_SHIFT * without else scaled


def _deviations(found: Alignment, depth: FloatArray, true: FloatArray) -> FloatArray:
    return (found.scale * depth + found.shift) / true - 1.0


def _spread(found: Alignment, depth: FloatArray, true: FloatArray) -> float:
    deviation = float(np.median(np.abs(_deviations(found, depth, true))))
    return max(SPREAD_OF_MEDIAN * deviation, LEAST_SPREAD)


def _least_median(depth: FloatArray, true: FloatArray) -> Alignment:
    """The scale and shift of two points that most others agree with; always the same draws."""
    one, other = np.random.default_rng(0).integers(0, len(depth), (2, DRAWS))
    apart = np.abs(depth[one] - depth[other]) > 1e-3 * np.median(depth)
    best = Alignment(float(np.median(true / depth)))
    for i, j in zip(one[apart], other[apart], strict=True):
        scale = float((true[i] - true[j]) / (depth[i] - depth[j]))
        drawn = Alignment(scale, float(true[i] - scale * depth[i]))
        best = min(best, drawn, key=lambda found: _spread(found, depth, true))
    return best


def _reweighted(
    found: Alignment, depth: FloatArray, true: FloatArray, with_shift: bool
) -> Alignment:
    columns = np.stack((depth, np.ones_like(depth)) if with_shift else (depth,), axis=1)
    for _ in range(ROUNDS):
        off = _deviations(found, depth, true) / (TUKEY * _spread(found, depth, true))
        weights: NDArray[np.float64] = np.where(np.abs(off) < 1, 1 - off**2, 0) / true
        solved, *_ = np.linalg.lstsq(columns * weights[:, None], true * weights, rcond=None)
        found = Alignment(*(float(value) for value in solved))
    return found
