"""A pair of one photo: its points seen from beside, what is seen there brought back; no files.

What the displaced camera cannot see are holes when its view is rendered back, and the photo itself
is the target: no motion, exposure or error of depth can come between the two.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ...core.cameras import Camera, FloatArray, invert_rigid, rotation_about
from ...core.drawing import Drawable, draw, drawable
from ...core.geometry import DepthMap
from ...core.masks import Mask
from ...core.points import PointCloud, lift, splat_size
from ...core.protocols import RenderedView, Renderer

TOLERANCE = 0.01
"""A share of holes is as wanted when it is off by no more: of 30 %, 29 to 31 are."""

ROUNDED = 1e-4
"""By so much records round shares."""

MAX_STEP = 0.8
"""The camera moves by no more than this share of the depth that it turns about; beyond, it stands
among the things it looks at."""

RENDERS = 8
"""Steps that are tried in one direction; four find nine of ten."""

TURNS = (1.0, 0.8, 0.6, 0.4, 0.2, 0.0)
"""How far the camera turns back to what it left, a direction each: at first wholly, so that holes
open behind things; then ever less, so that more of the photo leaves its view and large shares are
reached where little stands before anything. Backwards no step makes holes, hence several."""


@dataclass(frozen=True, eq=False)
class Displacement:
    """What is wanted of the camera's way out and back.

    Attributes:
        hole_share: Wanted share of the counted pixels that are holes, 0..1.
        pivot_depth: Depth of the point on the optical axis that the camera turns to.
        key: What the directions hang on.
        counted: (h, w), which of the target's pixels count.
    """

    hole_share: float
    pivot_depth: float
    key: str
    counted: Mask


class OutAndBack(NamedTuple):
    """A photo's points, seen from beside and brought back.

    Attributes:
        view: What the photo's camera sees of them.
        cloud: The points that the displaced camera saw.
        displaced: That camera.
        hole_share: The share of holes reached.
    """

    view: RenderedView
    cloud: PointCloud
    displaced: Camera
    hole_share: float


def out_and_back(
    points: Drawable,
    camera: Camera,
    wanted: Displacement,
    renderer: Renderer,
    with_own_splats: bool,
) -> OutAndBack:
    """Render a photo's points out and back so that the wanted share of pixels are holes.

    One direction after another is tried, each with steps that close in on the share; the nearest
    found is taken.

    Args:
        points: The photo's points.
        camera: Its camera, on the raster of the pictures.
        wanted: Share of holes, and what directions hang on.
        renderer: Draws on that raster.
        with_own_splats: Whether the way back takes the splat size that its points ask for.
    """

    def tried(direction: FloatArray, turn: float, step: float) -> OutAndBack:
        beside = _displaced(camera, direction * step, turn, wanted.pivot_depth)
        return _brought_back(points, camera, beside, renderer, wanted, with_own_splats)

    best: OutAndBack | None = None
    for number, turn in enumerate(TURNS):
        direction = _direction(f"{wanted.key} {number}")
        for found in _closing_in(partial(tried, direction, turn), wanted.hole_share):
            if best is None or _miss(found, wanted) < _miss(best, wanted):
                best = found
            if _miss(best, wanted) <= TOLERANCE:
                return best
    assert best is not None, "at least one step is tried in each direction"
    return best


def missed(wanted: float | None, reached: float | None) -> str | None:
    """Why a share of holes is not as wanted; None where it is, or none was wanted."""
    if wanted is None or (reached is not None and abs(reached - wanted) <= TOLERANCE + ROUNDED):
        return None
    return f"hole share {reached} is not the wanted {wanted:g}, in none of {len(TURNS)} directions"


def _miss(found: OutAndBack, wanted: Displacement) -> float:
    return abs(found.hole_share - wanted.hole_share)


def _closing_in(tried: Callable[[float], OutAndBack], hole_share: float) -> Iterator[OutAndBack]:
    """Ever better steps: doubled until holes are enough, then between too few and too many."""
    low, low_share, high, high_share = 0.0, 0.0, math.inf, 1.0
    step = hole_share / 2
    for _ in range(RENDERS):
        found = tried(step)
        yield found
        share = found.hole_share
        if abs(share - hole_share) <= TOLERANCE:
            return
        if share < hole_share:
            low, low_share = step, share
        else:
            high, high_share = step, share
        if high == math.inf:
            if step >= MAX_STEP:
                return
            step = min(2 * step, MAX_STEP)
        else:
            # between a straight line's guess and the middle, which a bend cannot mislead for long
            straight = (hole_share - low_share) / max(high_share - low_share, 1e-6)
            step = low + (high - low) * min(max(straight, 0.1), 0.9)


def _direction(key: str) -> FloatArray:
    """(3,) unit vector in camera axes, evenly over the sphere, by a hash."""
    height, turn = _two_shares(key)
    z, around = 2.0 * height - 1.0, 2.0 * math.pi * turn
    radius = math.sqrt(max(0.0, 1.0 - z * z))
    return np.array([radius * math.cos(around), radius * math.sin(around), z])


def _displaced(camera: Camera, step: FloatArray, turn: float, pivot_depth: float) -> Camera:
    """The camera moved by shares of the pivot's depth, and turned towards the pivot by a share."""
    to_pivot = np.array([0.0, 0.0, 1.0]) - step
    ahead = to_pivot / np.linalg.norm(to_pivot)
    axis = np.array([-ahead[1], ahead[0], 0.0])  # z x ahead
    sine = float(np.linalg.norm(axis))
    old_from_new = np.eye(4)
    if sine > 1e-12:
        angle = turn * math.atan2(sine, float(ahead[2]))
        old_from_new[:3, :3] = rotation_about(axis / sine, angle)
    old_from_new[:3, 3] = step * pivot_depth
    return replace(camera, cam_from_world=invert_rigid(old_from_new) @ camera.cam_from_world)


def _brought_back(
    points: Drawable,
    camera: Camera,
    beside: Camera,
    renderer: Renderer,
    wanted: Displacement,
    with_own_splats: bool,
) -> OutAndBack:
    own_splats = renderer.s0
    seen = draw(renderer, points, beside)
    depth_map = DepthMap(seen.depth, seen.confidence, beside)
    keep = ~np.asarray(seen.hole, bool) & (seen.depth > 0)
    cloud = lift(depth_map, seen.rgb, keep)
    if with_own_splats and keep.any():
        renderer.s0 = splat_size(seen.depth[keep], beside)
    view = draw(renderer, drawable(cloud), camera)
    renderer.s0 = own_splats
    holes = np.count_nonzero(np.asarray(view.hole, bool) & wanted.counted)
    return OutAndBack(view, cloud, beside, holes / max(1, np.count_nonzero(wanted.counted)))


def crop_of(picture_wh: tuple[int, int], key: str) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a quarter of a picture, somewhere by a hash."""
    across, down = _two_shares(key)
    width, height = picture_wh[0] / 2, picture_wh[1] / 2
    return across * width, down * height, across * width + width, down * height + height


def _two_shares(key: str) -> FloatArray:
    """(2,) numbers from 0 to below 1, by a hash."""
    digest = hashlib.sha256(key.encode()).digest()
    return np.frombuffer(digest[:8], "<u4") / 2.0**32
