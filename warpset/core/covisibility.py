"""How much of one view's surface another view sees, from depth and cameras; no files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .cameras import Camera, project, unproject
from .geometry import Depth, DepthMap, resample_depth
from .sizes import shrunk

MAX_SIDE_PX = 160
"""Views are compared on rasters none of whose sides is longer."""

MAX_POINTS = 1500
"""A view is carried into the others by so many of its pixels, evenly spaced."""

FEW_POINTS = 64
"""By so many where only a first guess is wanted."""

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


def covisibility(
    views: Sequence[DepthMap], partners: Sequence[NDArray[np.intp]] | None = None
) -> NDArray[np.float32]:
    """Share of each view's known pixels that each other view sees.

    Args:
        views: Views of one world, small ones (see `small_view`).
        partners: For each view, which others to ask (see `likely_partners`); None for all.

    Returns:
        (n, n) float32; row i, column j is the share of view i that view j sees, 0 where j was not
        asked; the diagonal is 1 for views with depth. Views without depth see nothing and are not
        seen.
    """
    shares = np.zeros((len(views), len(views)), np.float32)
    for index, view in enumerate(views):
        xyz_world = _spread_points(view, MAX_POINTS)
        if not len(xyz_world):
            continue
        for other in range(len(views)) if partners is None else partners[index]:
            ratios = depth_ratios(xyz_world, views[other].depth, views[other].camera)
            shares[index, other] = np.count_nonzero(np.abs(ratios - 1) < SAME_DEPTH)
        shares[index] /= len(xyz_world)
        shares[index, index] = 1.0
    return shares


def likely_partners(views: Sequence[DepthMap], maximum: int) -> list[NDArray[np.intp]]:
    """For each view, the others on whose rasters most of a few of its points fall.

    What stands between is not looked at, so this is an upper bound of covisibility that costs
    `FEW_POINTS` projections a pair; it spares the exact comparison of all with all, whose time
    grows with the square of their number.

    Args:
        views: Views of one world.
        maximum: No more partners than this for each; of equals the earlier views.

    Returns:
        Indices, ascending; never the view itself, nor one that none of its points falls on.
    """
    if not views:
        return []
    image_from_world = np.stack([v.camera.K @ v.camera.cam_from_world[:3] for v in views])
    sizes_wh = np.array([view.camera.size_wh for view in views], float)
    partners = []
    for index, view in enumerate(views):
        xyz_world = _spread_points(view, FEW_POINTS)
        homogeneous = np.column_stack([xyz_world, np.ones(len(xyz_world))])
        x, y, z = np.moveaxis(image_from_world @ homogeneous.T, 1, 0)
        in_width = (x >= 0) & (x < sizes_wh[:, :1] * z)
        in_height = (y >= 0) & (y < sizes_wh[:, 1:] * z)
        falling = np.count_nonzero((z > 0) & in_width & in_height, axis=1)
        falling[index] = 0
        most = np.argsort(-falling, kind="stable")[:maximum]
        partners.append(np.sort(most[falling[most] > 0]))
    return partners


def _spread_points(view: DepthMap, maximum: int) -> NDArray[np.floating]:
    """(n, 3) points of a view in world units, evenly spaced in row order, at most `maximum`."""
    xyz_world = unproject(view.camera, view.depth)[view.depth > 0]
    return xyz_world[:: max(1, -(-len(xyz_world) // maximum))]


def pair_scores(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, n) symmetric scores of pairs: the mean of both shares, in 0..1.

    An aerial view holds little of a photo's size, but the photo much of it: the mean lets such
    pairs count where the lesser share would not.
    """
    return (shares + shares.T) / 2
