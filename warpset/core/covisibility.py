"""How much of one view's surface another sees, and what it leaves empty there; no files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from .cameras import Camera, unproject
from .errors import InputError
from .geometry import Depth, DepthMap, FrameGeometry, resample_depth
from .masks import Mask
from .sizes import shrunk

MAX_SIDE_PX = 160
"""Views are compared on rasters none of whose sides is longer."""

MAX_POINTS = 1500
"""A view is carried into the others by about so many of its pixels, evenly spread."""

FINE_SIDE_PX, FINE_POINTS = 320, 3000
"""The same where pairs are chosen by a bound on covisibility.

On the recorded scenes shares are within 0.017 of those of all pixels. At 160 pixels surfaces seen
slantwise and edges differ from what they are in full by 0.014 on average; with 1,500 points some
shares are off by 0.02 for that alone. Time grows with the points, memory with the square of the
side."""

SPREAD = (0.7548776662466927, 0.5698402909980532)
"""Steps along columns and rows whose sum's fraction is below p for an evenly spread share p of
pixels: 1/g and 1/g^2 for the plastic number g (Roberts 2018, "The unreasonable effectiveness of
quasirandom sequences"). Every k-th pixel in row order falls on few columns where k divides the
width; shares were then off by up to 0.04."""

FEW_POINTS = 64
"""By so many where only a first guess is wanted."""

MAX_PARTNERS = 64
"""Others that a view is compared with exactly, those that most of a few points fall on.

In a scene of 1,000 frames this bounds the comparisons to 64,000 instead of a million. Raised, it
finds partners that stand behind many nearer ones, at a cost that grows with it."""

SAME_DEPTH = 0.05
"""Two depths of one point that differ by no more than this ratio are one surface."""

HOLES_SIDE_PX = 80
"""Holes are guessed on rasters none of whose sides is longer.

On the recorded scenes that this was chosen on, guesses are off by at most 0.03 at 64 pixels, and by
0.015 at 80; time grows with the square."""

SPLAT_SIDES = 1.25
"""A guessed splat is so much wider than its pixel, so that surfaces seen slantwise stay closed.

With 1.0, a tenth too many holes are found in a view that was turned; raised further, narrow holes
beside edges close as well."""


def small_view(view: DepthMap, side_px: int = MAX_SIDE_PX) -> DepthMap:
    """The view on the raster that views are compared on, none of whose sides is longer."""
    return resample_depth(view, shrunk(view.camera, side_px))


def small_view_of(
    frame: FrameGeometry,
    report: Callable[[InputError], object] | None = None,
    side_px: int = MAX_SIDE_PX,
) -> DepthMap:
    """`small_view` of a frame; one without any depth where that cannot be read, which sees nothing.

    Args:
        frame: The frame.
        report: Takes why it cannot be read; None where whoever needs the depth itself says so.
        side_px: Of the view's raster.
    """
    try:
        return small_view(frame.load_depth(), side_px)
    except InputError as error:
        if report is not None:
            report(error)
        camera = shrunk(frame.photo.camera, side_px)
        return DepthMap(np.zeros(camera.shape_hw, np.float32), None, camera)


def depth_ratios(xyz_world: NDArray[np.floating], depth: Depth, camera: Camera) -> NDArray:
    """Depth found over depth expected, of the points that a view has a depth for.

    Args:
        xyz_world: (n, 3) points.
        depth: (h, w) z-depth of the view, 0 = unknown.
        camera: Its camera, on the raster of `depth`.

    Returns:
        (m,) ratios; 1 where view and point agree, less where something stands before the point.
    """
    _, found, z = _looked_up(xyz_world, depth, camera)
    return found[found > 0] / z[found > 0]


def _looked_up(
    xyz_world: NDArray[np.floating], depth: Depth, camera: Camera
) -> tuple[NDArray[np.intp], Depth, NDArray[np.floating]]:
    """Which of (n, 3) points fall on a view's raster, the depth found there, and their own."""
    to_raster, (width, height) = camera.K @ camera.cam_from_world[:3], camera.size_wh
    x, y, z = to_raster[:, :3] @ xyz_world.T + to_raster[:, 3:]
    inside = np.flatnonzero((z > 0) & (x >= 0) & (x < width * z) & (y >= 0) & (y < height * z))
    x, y, z = x[inside], y[inside], z[inside]
    column = np.minimum((x / z).astype(np.intp), width - 1)  # a quotient may round up
    row = np.minimum((y / z).astype(np.intp), height - 1)
    return inside, depth[row, column], z


def covisibility(
    views: Sequence[DepthMap],
    partners: Sequence[NDArray[np.intp]] | None = None,
    max_points: int = MAX_POINTS,
) -> NDArray[np.float32]:
    """Share of each view's known pixels that each other view sees.

    Args:
        views: Views of one world, small ones (see `small_view`).
        partners: For each view, which others to ask (see `likely_partners`); None for all.
        max_points: About so many of a view's pixels are looked for in the others.

    Returns:
        (n, n) float32; row i, column j is the share of view i that view j sees, 0 where j was not
        asked; the diagonal is 1 for views with depth. Views without depth see nothing and are not
        seen.
    """
    shares = np.zeros((len(views), len(views)), np.float32)
    for index, view in enumerate(views):
        xyz_world = _spread_points(view, max_points)
        if not len(xyz_world):
            continue
        for other in range(len(views)) if partners is None else partners[index]:
            ratios = depth_ratios(xyz_world, views[other].depth, views[other].camera)
            shares[index, other] = np.count_nonzero(np.abs(ratios - 1) < SAME_DEPTH)
        shares[index] /= len(xyz_world)
        shares[index, index] = 1.0
    return shares


def points_seen(view: DepthMap, others: Sequence[DepthMap]) -> NDArray[np.bool_]:
    """(n, points) which of a view's points, evenly spread, each of n other views sees.

    Args:
        view: A small view (see `small_view`).
        others: Views of the same world.
    """
    xyz_world = _spread_points(view, MAX_POINTS)
    seen = np.zeros((len(others), len(xyz_world)), bool)
    for row, other in zip(seen, others, strict=True):
        inside, found, z = _looked_up(xyz_world, other.depth, other.camera)
        row[inside] = np.abs(found / z - 1) < SAME_DEPTH
    return seen


def share_seen(view: DepthMap, other: DepthMap) -> float:
    """Share of a view's surface that another view sees, by its full depth.

    The view is carried by all pixels of its small raster, so that within 0.01 the share is that of
    all pixels on the recorded scenes; `covisibility` asks fewer, for many views at once.
    """
    xyz_world = _spread_points(small_view(view), MAX_SIDE_PX**2)
    if not len(xyz_world):
        return 0.0
    ratios = depth_ratios(xyz_world, other.depth, other.camera)
    return int(np.count_nonzero(np.abs(ratios - 1) < SAME_DEPTH)) / len(xyz_world)


def likely_partners(
    views: Sequence[DepthMap], maximum: int = MAX_PARTNERS
) -> list[NDArray[np.intp]]:
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


def expected_holes(view: DepthMap, others: Sequence[Camera]) -> NDArray[np.float32]:
    """Share of each other camera's picture that no point of a view would cover, at a guess.

    Every pixel of the view is drawn as a square of the size that it has in the other camera, and
    the pixels whose centres lie in none are counted.

    Args:
        view: The view, on a small raster (see `view_for_holes`).
        others: Cameras on small rasters.

    Returns:
        (n,) float32 shares, 1 where nothing is covered.
    """
    shares = [1 - mask.mean(dtype=np.float32) for mask in covered_pixels(view, others)]
    return np.array(shares, np.float32)


def covered_pixels(view: DepthMap, others: Sequence[Camera]) -> Iterator[Mask]:
    """Which pixels (h, w) of each other camera's picture a view's points cover, at a guess.

    See `expected_holes`. One camera after the other: what a few thousand points need stays in the
    processor's cache.
    """
    known = view.depth > 0
    xyz_world = unproject(view.camera, view.depth)[known].astype(np.float32)
    focal_px = np.float32(view.camera.K[0, 0])
    for camera in others:
        matrix = (camera.K @ camera.cam_from_world[:3]).astype(np.float32)
        x, y, z = matrix[:, :3] @ xyz_world.T + matrix[:, 3:]
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = view.depth[known] / z * (np.float32(camera.K[0, 0]) / focal_px)
            columns, rows = x / z - 0.5, y / z - 0.5
        reach = np.where(z > 0, SPLAT_SIDES / 2 * scale, np.nan)
        yield _marked_squares(columns, rows, reach, camera.shape_hw)


def _marked_squares(
    columns: NDArray[np.float32],
    rows: NDArray[np.float32],
    reach: NDArray[np.float32],
    shape_hw: tuple[int, int],
) -> Mask:
    """Pixels (h, w) in squares: their centres in pixel indices, half their sides, nan for none.

    A square marks the pixels at its four corners, so one that is more than two pixels wide, as of
    a view twice as near, leaves some within it to its neighbours.
    """
    height, width = shape_hw
    with np.errstate(invalid="ignore"):
        left, right = np.ceil(columns - reach), np.floor(columns + reach)
        top, bottom = np.ceil(rows - reach), np.floor(rows + reach)
        left, top = np.maximum(left, 0), np.maximum(top, 0)
        right, bottom = np.minimum(right, width - 1), np.minimum(bottom, height - 1)
        there = np.flatnonzero((left <= right) & (top <= bottom))
    left, right, top, bottom = (edge[there].astype(np.int32) for edge in (left, right, top, bottom))
    covered = np.zeros(height * width, bool)
    for start in (top * width, bottom * width):
        covered[start + left] = True
        covered[start + right] = True
    return covered.reshape(height, width)


def view_for_holes(view: DepthMap) -> DepthMap:
    """The view on the raster that `expected_holes` guesses on, gaps that splats close filled.

    They are filled on the finer raster that the view comes on, where a gap is a pixel or two wide:
    filled on the coarse one, wider ones went as well, and of recorded depth with many of them 0.01
    too few holes were found.
    """
    closed = cv2.morphologyEx(view.depth, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    filled = view._replace(depth=np.where(view.depth > 0, view.depth, closed))
    return resample_depth(filled, shrunk(view.camera, HOLES_SIDE_PX))


def _spread_points(view: DepthMap, maximum: int) -> NDArray[np.floating]:
    """(n, 3) points of a view in world units, evenly spread over it, about `maximum` of all."""
    known = view.depth > 0
    share = maximum / max(1, np.count_nonzero(known))
    if share < 1:
        rows, columns = (np.arange(side) for side in known.shape)
        known &= (SPREAD[1] * rows[:, None] + SPREAD[0] * columns) % 1.0 < share
    return unproject(view.camera, view.depth)[known]


def pair_scores(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, n) symmetric scores of pairs: the mean of both shares, in 0..1.

    An aerial view holds little of a photo's size, but the photo much of it: the mean lets such
    pairs count where the lesser share would not.
    """
    return (shares + shares.T) / 2
