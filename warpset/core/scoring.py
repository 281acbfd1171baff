"""How good a pair is: PSNR, SSIM, overlap, misalignment, the largest hole, what moved; no files."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .cameras import Camera

PERFECT_PSNR_DB = 100.0

BLOCK_POINTS = 1 << 14
"""So many points are projected at once: they fit a core's cache."""

BAND_ROWS = 64
"""So many rows are compared at once, for the same reason."""

SSIM_REACH_PX = 5
"""How far the Gaussian window of SSIM reaches."""


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """Peak signal-to-noise ratio of 8-bit pictures over chosen pixels, in dB."""
    squared_errors = cv2.norm(one, other, cv2.NORM_L2SQR, where.view(np.uint8))
    if squared_errors == 0:
        return PERFECT_PSNR_DB
    mean_squared_error = squared_errors / (one.shape[-1] * np.count_nonzero(where))
    return min(PERFECT_PSNR_DB, 10.0 * np.log10(255.0**2 / mean_squared_error))


def ssim(one: NDArray[np.uint8], other: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """Mean structural similarity of luminance over chosen pixels.

    Wang, Bovik, Sheikh, Simoncelli, 2004: Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03.
    """
    x, y = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (one, other))
    total, height = 0.0, len(x)
    for top in range(0, height, BAND_ROWS):
        end, first = min(top + BAND_ROWS, height), max(0, top - SSIM_REACH_PX)
        rows = slice(first, end + SSIM_REACH_PX)
        similarity = _similarity(x[rows], y[rows])[top - first : end - first]
        similarity *= where[top:end]
        total += cv2.sumElems(similarity)[0]
    return total / np.count_nonzero(where)


def _similarity(x: NDArray[np.uint8], y: NDArray[np.uint8]) -> NDArray[np.float32]:
    """SSIM of every pixel of grey pictures (h, w); both variances only ever occur as their sum."""
    x, y = x.astype(np.float32), y.astype(np.float32)
    squares, product = x * x, cv2.multiply(x, y, scale=2)
    squares += y * y
    mean_x, mean_y, mean_squares, mean_product = (
        cv2.GaussianBlur(each, (2 * SSIM_REACH_PX + 1,) * 2, 1.5)
        for each in (x, y, squares, product)
    )
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    # from here on in place: a band's arrays would not fit the cache besides as many new ones
    product_of_means = cv2.multiply(mean_x, mean_y, scale=2)
    squares_of_means = np.multiply(mean_x, mean_x, out=mean_x)
    squares_of_means += np.multiply(mean_y, mean_y, out=mean_y)
    mean_product -= product_of_means
    mean_product += c2
    product_of_means += c1
    mean_squares -= squares_of_means
    mean_squares += c2
    squares_of_means += c1
    mean_product *= product_of_means
    mean_product /= np.multiply(mean_squares, squares_of_means, out=mean_squares)
    return mean_product


def share_in_view(xyz_world: NDArray[np.float32], camera: Camera) -> float:
    """Share of points (n, 3) that project into the camera's raster, 0 for no points."""
    if len(xyz_world) == 0:
        return 0.0
    (width, height), center = camera.size_wh, camera.center_world
    # homogeneous pixel positions, in pixels times z, from the left, right, upper and lower border:
    # of what lies behind the camera, that from the left or from the right is negative
    from_borders = np.array([[1, 0, 0], [-1, 0, width], [0, 1, 0], [0, -1, height]])
    to_borders = (from_borders @ camera.K @ camera.cam_from_world[:3, :3]).astype(np.float32)
    centers = np.tile(center.astype(np.float32), BLOCK_POINTS)
    count, coordinates = 0, xyz_world.reshape(-1)
    for start in range(0, len(coordinates), len(centers)):
        away = coordinates[start : start + len(centers)]
        away = (away - centers[: len(away)]).reshape(-1, 3)
        with np.errstate(invalid="ignore"):
            count += np.count_nonzero((to_borders @ away.T).min(axis=0) > 0)
    return count / len(xyz_world)


def share_of(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    """Share of the pixels of one mask that another, which lies in it, takes up; 0 of none."""
    total = np.count_nonzero(whole)
    return np.count_nonzero(part) / total if total else 0.0


def largest_share(mask: NDArray[np.bool_], counted: NDArray[np.bool_]) -> float:
    """Share of the counted pixels that the largest connected part of a mask (h, w) takes up."""
    total = np.count_nonzero(counted)
    if not total:
        return 0.0
    wanted = mask & counted
    _, labels = cv2.connectedComponents(wanted.view(np.uint8), connectivity=8)
    areas = np.bincount(labels[wanted])
    return int(areas.max()) / total if len(areas) else 0.0


MOTION_REACH_PX = 2
"""A splat that lies so near to where it should is not taken for something that moved.

Raised, small things that moved by little are missed."""

MOTION_MEAN_PX = 5
"""Side of the square whose mean difference is judged; noise of single pixels is evened out."""

MOTION_LEVELS = 12.0
"""Differences of fewer levels than this are noise, reflections and compression."""

MOTION_DEVIATIONS = 8.0
"""In pairs that differ all over, as with coarse depth, so many robust deviations are common."""

MOTION_STRIDE = 4
"""Every so many pixels of every so many rows tell what is common in a pair.

Medians of all pixels would take longer than the rest."""

MOTION_CORE_PX, MOTION_GROWTH_PX = 7, 6
"""Narrower than the first, a difference is the rim of an object; the others grow by the second, to
take in the faint edges of what moved."""


def moved_pixels(
    splats: NDArray[np.uint8], target: NDArray[np.uint8], seen: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Seen pixels where the target shows another thing than the splats, as what moved does.

    A splat is compared with the range of the target's colours around it, so that a warp that is
    slightly off differs by nothing. What is left is averaged, and what stands out from the pair's
    own differences (median and median absolute deviation) counts, grown.

    Args:
        splats: (h, w, 3), as bright as the target.
        target: (h, w, 3).
        seen: (h, w), the pixels to compare.
    """
    reach = np.ones((2 * MOTION_REACH_PX + 1,) * 2, np.uint8)
    above = cv2.subtract(splats, cv2.dilate(target, reach))
    below = cv2.subtract(cv2.erode(target, reach), splats)
    red, green, blue = cv2.split(cv2.max(above, below))
    excess = cv2.max(cv2.max(red, green), blue)
    known = seen.view(np.uint8)
    share = np.maximum(_box_mean(known, MOTION_MEAN_PX), 1e-3)
    excess = _box_mean(excess * known, MOTION_MEAN_PX)
    excess /= share
    every = (slice(None, None, MOTION_STRIDE),) * 2
    common = excess[every][seen[every]]
    if not len(common):
        return np.zeros_like(seen)
    middle = float(np.median(common))
    deviation = 1.4826 * float(np.median(np.abs(common - middle)))
    limit = max(MOTION_LEVELS, middle + MOTION_DEVIATIONS * deviation)
    differs = ((excess > limit) & seen).view(np.uint8)
    core = cv2.morphologyEx(differs, cv2.MORPH_OPEN, _disc(MOTION_CORE_PX))
    if not core.any():
        return np.zeros_like(seen)
    grown = cv2.dilate(core, _disc(2 * MOTION_GROWTH_PX + 1))
    return (grown > 0) & seen


def _disc(side_px: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side_px, side_px)), np.uint8)


WINDOW_PX = 15
"""Side of what is compared; larger ones find more in faint texture and mix depths."""

NEIGHBOURHOOD_PX = 25
"""Side of the neighbourhood over which brightness and contrast are made equal."""

LEAST_CONTRAST = 4.0
"""Grey levels; fainter structure is not amplified, as it is noise of sensor and of compression."""

CORNERS = 1500
CORNER_QUALITY = 0.01
"""Relative to the best corner; lower takes weaker ones, whose place is less certain."""

CORNER_DISTANCE_PX = 5
FEWEST_CORNERS = 8
LARGEST_RETURN_PX = 0.5
"""Followed to the target and back, a corner is at most so far from where it was."""

LEAST_PARALLAX_PX = 1.0
"""Corners tell of the depth from here on: following them is exact to a few tenths."""

EXPLAINED_SHARE = 0.5
"""A factor that leaves more of the displacement has not found its cause."""

COARSEST_SIDE_PX = 24
"""The pyramid ends where the shorter side is about this: a shift of some twentieth is found."""


class Shift(NamedTuple):
    """Displacement of splats against the target over covered pixels.

    Attributes:
        median: In pixels.
        p90: Its 90th percentile.
    """

    median: float
    p90: float


class Followed(NamedTuple):
    """Corners of the splats, and where the target shows the same.

    Attributes:
        corners: (n, 2) x and y in pixels, the first pixel's centre at 0.
        there: (n, 2) in the target.
    """

    corners: NDArray[np.float32]
    there: NDArray[np.float32]


def misalignment(followed: Followed) -> Shift | None:
    """The displacement of splats against their target.

    Returns:
        None where too few corners can be followed, as without texture.
    """
    if len(followed.corners) < FEWEST_CORNERS:
        return None
    lengths = np.linalg.norm(followed.there - followed.corners, axis=1)
    return Shift(float(np.median(lengths)), float(np.percentile(lengths, 90)))


def depth_factor(
    followed: Followed, depth: NDArray[np.float32], target: Camera, reference: Camera
) -> float | None:
    """What the reference's depth has to be multiplied by for splats to lie on their target.

    A point X in the target's axes whose depth in the reference is multiplied by s moves onto the
    ray of X + (1/s - 1) t, t being the reference's centre in the target's axes. Each corner tells
    1/s by least squares over its ray (x, y, 1); the median of all is taken.

    Args:
        followed: Corners of the splats.
        depth: (h, w) z-depth of the splats in the target's view, 0 = unknown.
        target: The camera of splats and target.
        reference: The camera that the depth was seen from.

    Returns:
        None where a factor moves the corners too little to tell, or does not explain where they
        lie: cameras are off then, or nothing is.
    """
    columns, rows = np.floor(followed.corners + 0.5).astype(np.intp).T
    z = depth[rows, columns][:, None].astype(np.float64)
    known = z[:, 0] > 0
    here, there = (_on_rays(points[known], target) for points in followed)
    center = target.cam_from_world[:3, :3] @ reference.center_world + target.cam_from_world[:3, 3]
    moves = there * center[2] - center[:2]
    missed = (here - there) * z[known]
    pixels = target.K[0, 0] / z[known]
    tells = (np.linalg.norm(moves * pixels, axis=1) > LEAST_PARALLAX_PX) | (
        np.linalg.norm(missed * pixels, axis=1) > LEAST_PARALLAX_PX
    )
    tells &= np.any(moves != 0, axis=1)
    if np.count_nonzero(tells) < FEWEST_CORNERS:
        return None
    moves, missed, pixels = moves[tells], missed[tells], pixels[tells]
    excess = float(np.median(np.sum(moves * missed, axis=1) / np.sum(moves**2, axis=1)))
    before = float(np.median(np.linalg.norm(missed * pixels, axis=1)))
    after = float(np.median(np.linalg.norm((missed - excess * moves) * pixels, axis=1)))
    explains = before < LEAST_PARALLAX_PX or after < EXPLAINED_SHARE * before
    return 1.0 / (1.0 + excess) if explains and excess > -1.0 else None


def _on_rays(pixels: NDArray[np.float32], camera: Camera) -> NDArray[np.float64]:
    focal, center = np.diag(camera.K)[:2], camera.K[:2, 2]
    return (pixels + 0.5 - center) / focal


def followed_corners(
    splats: NDArray[np.uint8], target: NDArray[np.uint8], hole: NDArray[np.bool_]
) -> Followed:
    """Follow corners of splats (h, w, 3) to target (h, w, 3), holes (h, w) left out."""
    known = (~hole).view(np.uint8)
    covered = cv2.morphologyEx(known, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    one, other = _equalised(splats, known), _equalised(target)
    well_inside = cv2.erode(covered, np.ones((WINDOW_PX, WINDOW_PX), np.uint8), borderValue=0)
    found = cv2.goodFeaturesToTrack(
        one, CORNERS, CORNER_QUALITY, CORNER_DISTANCE_PX, mask=well_inside
    )
    if found is None:
        return Followed(np.empty((0, 2), np.float32), np.empty((0, 2), np.float32))
    levels = max(0, int(np.log2(min(hole.shape) / COARSEST_SIDE_PX)))
    there, is_found = _follow(one, other, found, levels)
    back, is_back = _follow(other, one, there, levels)
    returned = np.linalg.norm(back - found, axis=-1)[:, 0] < LARGEST_RETURN_PX
    good = is_found & is_back & returned
    return Followed(found[good, 0], there[good, 0])


def _follow(
    one: NDArray[np.uint8], other: NDArray[np.uint8], points: NDArray, levels: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    followed, status, _ = cv2.calcOpticalFlowPyrLK(
        one, other, points, np.empty(0), winSize=(WINDOW_PX, WINDOW_PX), maxLevel=levels
    )
    return np.asarray(followed, np.float32), status[:, 0] == 1


def _equalised(
    rgb: NDArray[np.uint8], known: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Grey of one local brightness and contrast, 128 where nothing is known.

    Args:
        rgb: (h, w, 3).
        known: (h, w), 1 where the picture is known and 0 elsewhere; None where it is everywhere.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    mean = _box_mean(grey if known is None else grey * known, NEIGHBOURHOOD_PX)
    share = 1.0
    if known is not None:
        share = np.maximum(_box_mean(known, NEIGHBOURHOOD_PX), 1e-3)
        mean /= share
    deviation = np.subtract(grey, mean, out=mean)
    if known is not None:
        deviation *= known
    contrast = _box_mean(deviation * deviation, NEIGHBOURHOOD_PX)
    contrast /= share
    contrast += LEAST_CONTRAST**2
    np.sqrt(contrast, out=contrast)
    deviation *= 50
    deviation /= contrast
    deviation += 128
    return np.clip(deviation, 0, 255, out=deviation).astype(np.uint8)


def _box_mean(
    picture: NDArray[np.uint8] | NDArray[np.float32], side_px: int
) -> NDArray[np.float32]:
    """Mean (h, w) over the square around each pixel."""
    window = (side_px, side_px)
    if picture.dtype != np.uint8:
        return np.asarray(cv2.blur(picture, window), np.float32)
    # sums of whole numbers are exact in integers, which take half the time of double precision
    total = np.asarray(cv2.boxFilter(picture, cv2.CV_32F, window, normalize=False), np.float32)
    total /= side_px * side_px
    return total
