"""Point clouds lifted from depth maps; no views, no files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .cameras import Camera, unproject
from .geometry import DepthMap
from .masks import Mask


class PointCloud(NamedTuple):
    """Coloured points.

    Attributes:
        xyz_world: (n, 3) float32 in world units.
        rgb: (n, 3) uint8.
        confidence: (n,) float32 in the estimator's units, or None for fully trusted.
        footprint: (n,) float32 width in world units of the pixel that each was lifted from; None
            where that is not known.
    """

    xyz_world: NDArray[np.float32]
    rgb: NDArray[np.uint8]
    confidence: NDArray[np.float32] | None
    footprint: NDArray[np.float32] | None = None

    def chosen(self, rows: NDArray[np.intp]) -> PointCloud:
        """Some of the points."""
        return PointCloud(
            self.xyz_world[rows],
            self.rgb[rows],
            None if self.confidence is None else self.confidence[rows],
            None if self.footprint is None else self.footprint[rows],
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
    )


def _of_all(parts: Sequence[NDArray[np.float32] | None]) -> NDArray[np.float32] | None:
    known = [part for part in parts if part is not None]
    return np.concatenate(known) if len(known) == len(parts) else None


def thinned(cloud: PointCloud, maximum: int | None) -> PointCloud:
    """No more than `maximum` points of a cloud, spread evenly and always the same; None for all.

    Those that are left stand for the others as well: their footprints grow.
    """
    count = len(cloud.xyz_world)
    if not maximum or count <= maximum:
        return cloud
    rows = np.random.default_rng(0).choice(count, maximum, replace=False, shuffle=False)
    fewer = cloud.chosen(np.sort(rows))
    if fewer.footprint is None:
        return fewer
    return fewer._replace(footprint=fewer.footprint * np.float32(math.sqrt(count / maximum)))


def lift(depth_map: DepthMap, rgb: NDArray[np.uint8], keep: Mask) -> PointCloud:
    """One point for every kept pixel, at its centre, in row order.

    Args:
        depth_map: Depth (h, w) and its camera.
        rgb: (h, w, 3) colours on the same raster.
        keep: (h, w) pixels that become points.
    """
    kept = np.flatnonzero(keep)
    confidence = None if depth_map.confidence is None else depth_map.confidence[keep]
    xyz_world = unproject(depth_map.camera, depth_map.depth).reshape(-1, 3).take(kept, axis=0)
    footprint = (depth_map.depth[keep] / depth_map.camera.K[0, 0]).astype(np.float32)
    return PointCloud(xyz_world, rgb.reshape(-1, 3).take(kept, axis=0), confidence, footprint)


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
