"""How far splats lie beside what their target shows, by corners that are followed; no files."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ..cameras import Camera
from .means import box_mean

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


def _equalised(rgb: NDArray[np.uint8], known: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Grey of one local brightness and contrast, 128 where nothing is known.

    Args:
        rgb: (h, w, 3).
        known: (h, w), 1 where the picture is known and 0 elsewhere; None where it is everywhere.
    """
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    mean = box_mean(grey if known is None else grey * known, NEIGHBOURHOOD_PX)
    share = 1.0
    if known is not None:
        share = np.maximum(box_mean(known, NEIGHBOURHOOD_PX), 1e-3)
        mean /= share
    deviation = np.subtract(grey, mean, out=mean)
    if known is not None:
        deviation *= known
    contrast = box_mean(deviation * deviation, NEIGHBOURHOOD_PX)
    contrast /= share
    contrast += LEAST_CONTRAST**2
    np.sqrt(contrast, out=contrast)
    deviation *= 50
    deviation /= contrast
    deviation += 128
    return np.clip(deviation, 0, 255, out=deviation).astype(np.uint8)
