"""Point clouds lifted from depth maps; no views, no files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .cameras import Camera, unproject
from .geometry import SAME_SURFACE_RATIO, DepthMap
from .masks import Mask

BAND_ROWS = 32
"""So many rows are lifted at once: what is made of them on the way fits a core's cache."""


class PointCloud(NamedTuple):
    """Coloured points.

    Attributes:
        xyz_world: (n, 3) float32 in world units.
        rgb: (n, 3) uint8.
        confidence: (n,) float32 in the estimator's units, or None for fully trusted.
        footprint: (n,) float32 width in world units of the pixel that each was lifted from; None
            where that is not known.
        cell: (n, 2, 3) float32 how far the surface goes on, in world axes and units, over the width
            and over the height of that pixel; None where that is not known.
    """

    xyz_world: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    confidence: NDArray[np.float32] | None
    footprint: NDArray[np.float32] | None = None
    cell: NDArray[np.float32] | None = None

    def chosen(self, rows: NDArray[np.intp] | slice) -> PointCloud:
        """Some of the points."""
        return PointCloud(
            self.xyz_world[rows],
            self.rgb[rows],
            None if self.confidence is None else self.confidence[rows],
            None if self.footprint is None else self.footprint[rows],
            None if self.cell is None else self.cell[rows],
        )


class FramePoints(NamedTuple):
    """What one frame shows on a raster, as points.

    Attributes:
        cloud: The points.
        splat_size: Splat size that they ask for, in world units.
        contradicted: See `DepthMap`.
    """

    cloud: PointCloud
    splat_size: float
    contradicted: float | None


def joined(clouds: Sequence[PointCloud]) -> PointCloud:
    """The points of several clouds; what is not known of one is not known of all."""
    return PointCloud(
        np.concatenate([cloud.xyz_world for cloud in clouds]),
        np.concatenate([cloud.rgb for cloud in clouds]),
        _of_all([cloud.confidence for cloud in clouds]),
        _of_all([cloud.footprint for cloud in clouds]),
        _of_all([cloud.cell for cloud in clouds]),
    )


def _of_all(parts: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None


def thinned(cloud: PointCloud, maximum: int | None) -> PointCloud:
    """No more than `maximum` points of a cloud, spread evenly and always the same; None for all.

    Those that are left stand for the others as well: their footprints and cells grow.
    """
    count = len(cloud.xyz_world)
    if not maximum or count <= maximum:
        return cloud
    rows = np.random.default_rng(0).choice(count, maximum, replace=False, shuffle=False)
    fewer = cloud.chosen(np.sort(rows))
    growth = np.float32(math.sqrt(count / maximum))
    return fewer._replace(
        footprint=None if fewer.footprint is None else fewer.footprint * growth,
        cell=None if fewer.cell is None else fewer.cell * growth,
    )


def lift(depth_map: DepthMap, rgb: NDArray[np.uint8], keep: Mask) -> PointCloud:
    """One point for every kept pixel, at its centre, in row order.

    Args:
        depth_map: Depth (h, w) and its camera.
        rgb: (h, w, 3) colours on the same raster.
        keep: (h, w) pixels that become points.
    """
    kept = np.flatnonzero(keep)
    camera, depth = depth_map.camera, np.where(keep, depth_map.depth, np.float32(0))
    confidence = depth_map.confidence
    if confidence is not None:
        confidence = _chosen(confidence, kept)
    xyz_world = np.empty((len(kept), 3), np.float32)
    for rows, place, inside in _bands(kept, depth.shape):
        xyz_world[place] = _chosen(unproject(camera, depth[rows], rows.start), inside)
    footprint = np.empty(len(kept), np.float32)
    np.divide(_chosen(depth, kept), camera.K[0, 0], out=footprint, casting="same_kind")
    cell = _cells(depth, kept, xyz_world, camera)
    return PointCloud(xyz_world, _chosen(rgb, kept), confidence, footprint, cell)


def _bands(
    kept: NDArray[np.intp], shape_hw: tuple[int, ...]
) -> Iterator[tuple[slice, slice, NDArray[np.intp]]]:
    """Bands of a raster's rows with kept pixels: the rows, where among the kept, where inside."""
    height, width = shape_hw
    for top in range(0, height, BAND_ROWS):
        rows = slice(top, min(top + BAND_ROWS, height))
        first, last = np.searchsorted(kept, (rows.start * width, rows.stop * width)).tolist()
        if first < last:
            yield rows, slice(first, last), kept[first:last] - top * width


def _chosen(raster: NDArray, kept: NDArray[np.intp]) -> NDArray:
    """What a raster (h, w, ...) has at its kept pixels; no copy where these are all."""
    pixels = raster.reshape(-1, *raster.shape[2:])
    return pixels if len(kept) == len(pixels) else pixels.take(kept, axis=0)


def _cells(
    depth: NDArray[np.float32],
    kept: NDArray[np.intp],
    xyz_world: NDArray[np.float32],
    camera: Camera,
) -> NDArray[np.float32]:
    """See `PointCloud.cell`; of the kept pixels of a depth map (h, w), 0 = unknown."""
    cell = np.empty((len(kept), 2, 3), np.float32)
    center = camera.center_world.astype(np.float32)
    aside = (camera.cam_from_world[:2, :3] / np.diag(camera.K)[:2, None]).astype(np.float32)
    for rows, place, inside in _bands(kept, depth.shape):
        # a step to the side at one depth, and along the ray as much as the inverse depth says:
        # dz/du = -z^2 d(1/z)/du, of rays that are z = 1 long
        z = _chosen(depth[rows], inside)
        away = [xyz_world[place, k] - center[k] for k in range(3)]
        planes = []
        for side, slope in enumerate(_slopes(depth, rows)):
            along = z * _chosen(slope, inside)
            planes += [z * aside[side, k] - along * away[k] for k in range(3)]
        cv2.merge(planes, cell[place].reshape(-1, 1, 6))  # numpy takes three times as long
    return cell


def _slopes(
    depth: NDArray[np.float32], rows: slice
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """See `_slope`; to the right and downwards, of some rows of a depth map (h, w)."""
    above = max(rows.start - 1, 0)  # with the rows beside them, to which they slope
    around = depth[above : rows.stop + 1]
    inverse = np.divide(1, around, out=np.zeros_like(around), where=around > 0)
    band = slice(rows.start - above, rows.stop - above)
    return _slope(inverse[band], 1), _slope(inverse, 0)[band]


def _slope(inverse: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Change of inverse depth (h, w), 0 = unknown, a pixel: the mean to neighbours of one surface.

    Inverse depth, for on a plane it changes evenly.
    """
    after = (slice(None),) * axis + (slice(1, None),)
    before = (slice(None),) * axis + (slice(None, -1),)
    step = inverse[after] - inverse[before]
    limit = np.minimum(inverse[after], inverse[before])
    limit *= SAME_SURFACE_RATIO - 1
    is_one = np.abs(step) < limit
    step *= is_one
    total = np.zeros_like(inverse)
    total[after] = step
    total[before] += step
    between = total[after][before]
    half = between * (is_one[after] & is_one[before])
    half *= 0.5
    between -= half
    return total


def splat_size(depth: NDArray[np.float32], camera: Camera) -> float:
    """Median footprint of a pixel at its depth, sqrt((z/fx)^2 + (z/fy)^2), in world units.

    Args:
        depth: z-depths that count, in any shape, 0 = unknown.
        camera: The camera on the depth's raster.
    """
    known = depth[depth > 0]
    if known.size == 0:
        return 0.0
    middle = known.size // 2
    known.partition(middle)  # `np.median` partitions three times
    upper = known[middle]
    median = upper if known.size % 2 else (known[:middle].max() + upper) / np.float32(2)
    return float(median) * float(np.hypot(1 / camera.K[0, 0], 1 / camera.K[1, 1]))
