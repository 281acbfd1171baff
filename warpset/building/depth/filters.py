"""Which pixels of a frame become points, by its depth, its confidence and its colours; no files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.cameras import Camera, raster_transform
from ...core.geometry import DepthMap, fill_unknown
from ...core.masks import Mask, not_black, not_flying, not_white
from ..options import PointFilter

Rgb = NDArray[np.uint8]


def kept_pixels(depth_map: DepthMap, rgb: Rgb, point_filter: PointFilter) -> Mask:
    """Which pixels (h, w) of a frame become points."""
    return trusted_pixels(depth_map, point_filter) & kept_colors(rgb, point_filter)


def with_gaps_filled(depth_map: DepthMap, point_filter: PointFilter) -> DepthMap:
    """The depth map with what is unknown or not trusted taken from around it, its confidence 0."""
    trusted = trusted_pixels(depth_map, point_filter)
    confidence = depth_map.confidence
    return depth_map._replace(
        depth=fill_unknown(np.where(trusted, depth_map.depth, np.float32(0))),
        confidence=None if confidence is None else np.where(trusted, confidence, np.float32(0)),
    )


def kept_colors(rgb: Rgb, point_filter: PointFilter) -> Mask:
    """Which pixels (h, w) the filters of colours keep."""
    keep = np.ones(rgb.shape[:2], bool)
    if point_filter.black_background:
        keep &= not_black(rgb)
    if point_filter.white_background:
        keep &= not_white(rgb)
    return keep


def trusted_pixels(depth_map: DepthMap, point_filter: PointFilter) -> Mask:
    """Whose depth (h, w) is known and passes the filters of confidence and of edges."""
    keep = depth_map.depth > 0
    if depth_map.confidence is not None:
        keep &= point_filter.confidence.passed(depth_map.confidence, keep)
    assert point_filter.edge_threshold != "auto", "is settled where the depth's source is known"
    if point_filter.edge_threshold is not None:
        keep &= not_flying(depth_map.depth, point_filter.edge_threshold)
    return keep


def pixels_shown(raster: Camera, view: Camera) -> Mask:
    """Which pixels of a raster lie in the part of the photo that a view shows."""
    to_view = raster_transform(raster, view)
    x = to_view[0, 0] * (np.arange(raster.size_wh[0]) + 0.5) + to_view[0, 2]
    y = to_view[1, 1] * (np.arange(raster.size_wh[1]) + 0.5) + to_view[1, 2]
    inside_x, inside_y = (x >= 0) & (x <= view.size_wh[0]), (y >= 0) & (y <= view.size_wh[1])
    return inside_y[:, None] & inside_x
