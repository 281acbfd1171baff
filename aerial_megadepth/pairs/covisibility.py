"""How much of one view's surface another view sees, from depth and cameras; no files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from warpset.core.cameras import Camera, project, unproject
from warpset.core.geometry import Depth, DepthMap, resample_depth
from warpset.files.pinhole_photos import shrunk

MAX_SIDE_PX = 160
"""Views are compared on rasters none of whose sides is longer."""

MAX_POINTS = 1500
"""A view is carried into the others by so many of its pixels, evenly spaced."""

SAME_DEPTH = 0.05
"""Two depths of one point that differ by no more than this ratio are one surface."""


def small_view(view: DepthMap) -> DepthMap:
    """The view on the raster that views are compared on."""
    return resample_depth(view, shrunk(view.camera, MAX_SIDE_PX))


def depth_ratios(xyz_world: NDArray[np.floating], depth: Depth, camera: Camera) -> NDArray:
    """Depth found over depth expected, of the points that a view has a depth for.

    Args:
        xyz_world: (n, 3) points.
        depth: (h, w) z-depth of the view, 0 = unknown.
        camera: Its camera, on the raster of `depth`.

    Returns:
        (m,) ratios; 1 where view and point agree, less where something stands before the point.
    """
    uv, z = project(camera, xyz_world)
    inside = (z > 0) & np.all((uv >= 0) & (uv < camera.size_wh), axis=-1)
    column, row = uv[inside].astype(np.intp).T
    found = depth[row, column]
    return found[found > 0] / z[inside][found > 0]


def covisibility(views: Sequence[DepthMap]) -> NDArray[np.float32]:
    """Share of each view's known pixels that each other view sees.

    Args:
        views: Views of one world, small ones (see `small_view`).

    Returns:
        (n, n) float32; row i, column j is the share of view i that view j sees; the diagonal is
        1 for views with depth. Views without depth see nothing and are not seen.
    """
    shares = np.zeros((len(views), len(views)), np.float32)
    for index, view in enumerate(views):
        xyz_world = unproject(view.camera, view.depth)[view.depth > 0]
        if not len(xyz_world):
            continue
        xyz_world = xyz_world[:: -(-len(xyz_world) // MAX_POINTS)]
        for other, seen_by in enumerate(views):
            ratios = depth_ratios(xyz_world, seen_by.depth, seen_by.camera)
            shares[index, other] = np.count_nonzero(np.abs(ratios - 1) < SAME_DEPTH)
        shares[index] /= len(xyz_world)
        shares[index, index] = 1.0
    return shares


def pair_scores(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, n) symmetric scores of pairs: the mean of both shares, in 0..1.

    An aerial view holds little of a photo's size, but the photo much of it: the mean lets such
    pairs count where the lesser share would not.
    """
    return (shares + shares.T) / 2
