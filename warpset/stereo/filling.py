"""Tidying an inverse-depth map: speckles out, small gaps in one smooth surface filled; no views.

Everything works on inverse depth, in which a plane of the scene is a plane of the image.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]

# Islands of connected depth up to so many pixels are taken for false matches: half a large window,
# whose pixels err together. Raised, thin things go.
SPECKLE_AREA_PX = 40

# Neighbouring pixels whose depths differ by no more than this ratio belong together. Raised, false
# matches hang on to the surface beside them; lowered, surfaces seen at a slant fall apart.
SURFACE_STEP = 0.02

# The largest gap to fill, as a share of the image: 960 pixels of 800x600. Raised, gaps are filled
# over which a surface need not be flat.
GAP_AREA_SHARE = 0.002

# Pixels of known depth around a gap that its plane is fitted to; one alone is as noisy as depth is.
RIM_WIDTH_PX = 3

# How far from its plane any pixel of a rim may be, as a ratio of its inverse depth: a few times the
# noise of depth. Raised, gaps between two surfaces are filled.
RIM_MISFIT = 0.01

# How much darker or lighter than its rim a filled pixel may be, 0 to 1: ten levels of 255, the
# shading of one surface. Raised, other things before the surface get its depth.
RIM_GRAY_MARGIN = 0.04


def without_speckles(inverse_depth: Map) -> Map:
    """The map without its smallest islands of connected depth; 0 = unknown.

    Args:
        inverse_depth: (h, w), 0 = unknown.
    """
    # filterSpeckles takes 16-bit integers: a thousandth of a natural logarithm is 0.1 % of depth,
    # and 32767 of them reach a factor of 1e14 to either side of the median
    per_unit = 1000.0
    with np.errstate(divide="ignore"):
        steps = np.log(inverse_depth) * per_unit
    known = inverse_depth > 0
    level = float(np.median(steps[known])) if known.any() else 0.0
    unknown = np.iinfo(np.int16).min
    islands = np.where(known, (steps - level).clip(unknown + 1, -unknown - 1), unknown)
    islands = np.ascontiguousarray(islands.astype(np.int16))
    cv2.filterSpeckles(islands, unknown, SPECKLE_AREA_PX, SURFACE_STEP * per_unit)
    return np.where(islands > unknown, inverse_depth, np.float32(0))


def fill_gaps(inverse_depth: Map, gray: Map) -> Map:
    """The map with its small gaps filled where their rim is one plane and the photo agrees.

    A gap is filled when all of its rim lies on one plane of the scene, and in it only those
    pixels that are as bright as the rim; so no fill crosses a depth edge or another surface.

    Args:
        inverse_depth: (h, w), 0 = unknown.
        gray: (h, w) luminance, 0 to 1.
    """
    gaps = _small_gaps(inverse_depth == 0)
    count = int(gaps.max()) + 1
    if count == 1:
        return inverse_depth
    rims = _rims(gaps, inverse_depth > 0)
    planes, misfit = _fit_planes(inverse_depth, rims, count)
    darkest, lightest = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(darkest, rims.gap, gray[rims.rows, rims.columns])
    np.maximum.at(lightest, rims.gap, gray[rims.rows, rims.columns])
    rows, columns = np.nonzero((gaps > 0) & (misfit[gaps] < RIM_MISFIT))
    gap, bright = gaps[rows, columns], gray[rows, columns]
    filling = _plane_at(planes[gap], rows, columns)
    alike = (bright > darkest[gap] - RIM_GRAY_MARGIN) & (bright < lightest[gap] + RIM_GRAY_MARGIN)
    alike &= filling > 0
    filled = inverse_depth.copy()
    filled[rows[alike], columns[alike]] = filling[alike]
    return filled


def _small_gaps(unknown: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Numbers (h, w) of the small gaps that do not touch the border; 0 elsewhere."""
    _, gaps, stats, _ = cv2.connectedComponentsWithStats(unknown.astype(np.uint8), connectivity=4)
    left, top, width, height, area = stats.T
    rows, columns = unknown.shape
    inside = (left > 0) & (top > 0) & (left + width < columns) & (top + height < rows)
    small = inside & (area <= GAP_AREA_SHARE * unknown.size)
    small[0] = False  # label 0 is what is known
    renumbered = np.cumsum(small) * small
    return renumbered[gaps].astype(np.int32)


class _Rims(NamedTuple):
    """Known pixels beside gaps, (n,) each."""

    gap: NDArray[np.intp]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]


def _rims(gaps: NDArray[np.int32], known: NDArray[np.bool_]) -> _Rims:
    """The rims of all gaps; a pixel beside several is in that of the first and of the last one."""
    square = np.ones((2 * RIM_WIDTH_PX + 1,) * 2, np.uint8)
    # dilation takes the largest number of a neighbourhood; counted backwards, the smallest
    backwards = np.where(gaps > 0, gaps.max() + 1 - gaps, 0)
    last = cv2.dilate(gaps.astype(np.float32), square)
    first = gaps.max() + 1 - cv2.dilate(backwards.astype(np.float32), square)
    beside = known & (last > 0)
    parts = [(last, beside), (first, beside & (first < last))]
    pixels = [(near[where], *np.nonzero(where)) for near, where in parts]
    gap, rows, columns = (np.concatenate(values) for values in zip(*pixels, strict=True))
    return _Rims(gap.astype(np.intp), rows, columns)


def _fit_planes(
    inverse_depth: Map, rims: _Rims, count: int
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Least-squares planes (count, 3) of the rims, and each rim's largest relative misfit."""
    rim, rows, columns = rims
    values = inverse_depth[rows, columns]
    terms = np.stack([columns, rows, np.ones(len(rows))], -1)
    right = _sums(rim, terms * values[:, None], count)
    products = (terms[:, :, None] * terms[:, None, :]).reshape(-1, 9)
    normal = _sums(rim, products, count).reshape(count, 3, 3)
    # pinv, not solve: a rim of one or two pixels, or along a line, leaves a plane undecided
    planes = np.einsum("nij,nj->ni", np.linalg.pinv(normal, hermitian=True), right)
    misfit = np.zeros(count)
    np.maximum.at(misfit, rim, np.abs(_plane_at(planes[rim], rows, columns) / values - 1.0))
    misfit[np.bincount(rim, minlength=count) == 0] = np.inf  # nothing known beside: no plane
    return planes, misfit


def _sums(rim: NDArray[np.intp], values: NDArray[np.floating], count: int) -> NDArray[np.float64]:
    """(count, m) sums of values (n, m) over each rim."""
    sums = [np.bincount(rim, column, count) for column in values.T]
    return np.stack(sums, -1).astype(np.float64)


def _plane_at(
    planes: NDArray[np.floating], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.floating]:
    return planes[:, 0] * columns + planes[:, 1] * rows + planes[:, 2]
