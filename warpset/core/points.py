"""Point clouds lifted from depth maps; no views, no files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

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
        confidence = confidence.ravel().take(kept)
    xyz_world = unproject(camera, depth_map.depth).reshape(-1, 3).take(kept, axis=0)
    footprint = np.empty(len(kept), np.float32)
    np.divide(depth.ravel().take(kept), camera.K[0, 0], out=footprint, casting="same_kind")
    cell = _cells(depth, kept, xyz_world, camera)
    return PointCloud(xyz_world, rgb.reshape(-1, 3).take(kept, axis=0), confidence, footprint, cell)


def _cells(
    depth: NDArray[np.float32],
    kept: NDArray[np.intp],
    xyz_world: NDArray[np.float32],
    camera: Camera,
) -> NDArray[np.float32]:
    """See `PointCloud.cell`; of the kept pixels of a depth map (h, w), 0 = unknown."""
    cell = np.empty((len(kept), 2, 3), np.float32)
    height, width = depth.shape
    for top in range(0, height, BAND_ROWS):
        end, above = min(top + BAND_ROWS, height), max(top - 1, 0)
        first, last = np.searchsorted(kept, (top * width, end * width))
        # with the rows beside the band, to which it slopes
        around = depth[above : end + 1]
        inverse = np.divide(1, around, out=np.zeros_like(around), where=around > 0)
        band = slice(top - above, end - above)
        slopes = _slope(inverse[band], 1), _slope(inverse, 0)[band]
        inside = kept[first:last] - top * width
        z, *slopes = (plane.ravel().take(inside) for plane in (depth[top:end], *slopes))
        _put_cells(z, slopes, xyz_world[first:last], camera, cell[first:last])
    return cell


def _put_cells(
    z: NDArray[np.float32],
    slopes: Sequence[NDArray[np.float32]],
    xyz_world: NDArray[np.float32],
    camera: Camera,
    cell: NDArray[np.float32],
) -> None:
    """Write cells (n, 2, 3) by their points' depths and slopes to the right and downwards (n,)."""
    # a step to the side at one depth, and along the ray as much as the inverse depth says:
    # dz/du = -z^2 d(1/z)/du, of rays that are z = 1 long
    along = [z * slope for slope in slopes]
    aside = (camera.cam_from_world[:2, :3].T / np.diag(camera.K)[:2]).astype(np.float32)
    center = camera.center_world.astype(np.float32)
    for k in range(3):  # three planes take two thirds of the time of all at once
        away = xyz_world[:, k] - center[k]
        for side in range(2):
            np.subtract(z * aside[k, side], along[side] * away, out=cell[:, side, k])


def _slope(inverse: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """Change of inverse depth (h, w), 0 = unknown, a pixel: the mean to neighbours of one surface.

    Inverse depth, for on a plane it changes evenly.
    """
    after = (slice(None),) * axis + (slice(1, None),)
    before = (slice(None),) * axis + (slice(None, -1),)
    step = inverse[after] - inverse[before]
    is_one = np.abs(step) < (SAME_SURFACE_RATIO - 1) * np.minimum(inverse[after], inverse[before])
    step *= is_one
    total = np.zeros_like(inverse)
    total[after] = step
    total[before] += step
    total[after][before] *= np.where(is_one[after] & is_one[before], np.float32(0.5), np.float32(1))
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
    return float(np.median(known)) * float(np.hypot(1 / camera.K[0, 0], 1 / camera.K[1, 1]))
