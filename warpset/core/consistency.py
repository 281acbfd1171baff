"""What several views' depths agree on, and where one view's depth spills over; no matching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .cameras import Camera
from .geometry import Depth, DepthMap
from .reprojection import Reprojected, Reprojection, corners, sample

TIGHTEST, LOOSEST = 0.005, 0.02
"""Bounds of the tolerance within which two depths agree, as a ratio."""

TOLERATED_MEDIANS = 1.5
"""The tolerance between, in units of the median difference of well-matched pixels."""

WELL_MATCHED = 0.5
"""The correlation of such pixels."""

RIM_REACH_PX, RIM_WIDTH_PX = 6, 5
"""A rim pixel is so near to one that has a farther surface so near; together a large window."""

RIM_STEP, RIM_STEP_TOLERANCES = 0.05, 8.0
"""A surface is farther from this ratio on, or from so many tolerances in noisy scenes."""


class Agreement(NamedTuple):
    """What the other views say of one view's depth.

    Attributes:
        inverse_depth: (h, w) mean of the view's own inverse depth and those that agree.
        supporters: (h, w) number of other views that agree.
        tolerance: Mean ratio up to which they counted as agreeing.
    """

    inverse_depth: Tensor
    supporters: Tensor
    tolerance: float


def agreement(
    inverse_depth: Tensor,
    correlation: Tensor,
    camera: Camera,
    others: Sequence[tuple[Tensor, Camera]],
) -> Agreement:
    """Compare a view's inverse depth with that of other views, pixel by pixel.

    A pixel agrees with another view when its point, carried there, has the depth found there.
    How exactly is taken from the two views themselves: a scene with precise cameras and much
    texture is held to more than one without.

    Args:
        inverse_depth: (h, w) of the view.
        correlation: (h, w) how well it matched.
        camera: Its camera.
        others: (H, W) inverse depths of the other views, and their cameras; at least one.
    """
    own = inverse_depth[None]
    total, supporters = torch.ones_like(own), torch.zeros_like(own)
    tolerances = []
    for other_inverse_depth, other_camera in others:
        there = Reprojection(camera, other_camera, own).at(own)
        ratio = sample(other_inverse_depth, there) / there.inverse_depth
        difference = (ratio - 1.0).abs()
        matched = difference[there.seen & (correlation > WELL_MATCHED)]
        typical = float(matched.median()) if len(matched) else 0.0
        tolerances.append(min(max(TOLERATED_MEDIANS * typical, TIGHTEST), LOOSEST))
        agrees = there.seen & (difference < tolerances[-1])
        total += torch.where(agrees, ratio, 0.0)
        supporters += agrees
    mean = own * total / (1.0 + supporters)
    return Agreement(mean[0], supporters[0], sum(tolerances) / len(tolerances))


def contradictions(
    view: DepthMap, others: Sequence[DepthMap], tolerance: float
) -> NDArray[np.float32]:
    """How many more views contradict each pixel of a view's depth than agree with it.

    A view contradicts a pixel when it sees through it, to a farther surface; or when it sees a
    nearer surface before the pixel which the pixel's own view sees through, so that one of the two
    is wrong. What is truly hidden, and what nobody looks at, is contradicted by none.

    Args:
        view: The view.
        others: What others see, of the same world; their unknown depth says nothing.
        tolerance: Ratio by which depths may differ and agree.

    Returns:
        (h, w) float32, below 0 where more agree; 0 where nobody looks, or depth is unknown.
    """
    votes = torch.zeros(view.camera.shape_hw)
    for other in others:
        there, back = _seen_from(view, other, tolerance), _seen_from(other, view, tolerance)
        seen_through = torch.zeros(other.camera.shape_hw, dtype=torch.bool)
        seen_through.view(-1)[back.pixels] = back.seen_through
        shone_through = corners(seen_through, there.place) & there.hidden_by
        # amax is `any`, and on CPUs forty times as fast
        against = there.seen_through | shone_through.amax(0)[0]
        votes.view(-1)[there.pixels] += against.float() - there.agrees.float()
    return votes.numpy()


class _Seen(NamedTuple):
    """What another view sees where a view's known pixels lie, (n,) of them.

    Attributes:
        pixels: (n,) their numbers, row by row.
        place: Where they lie, (1, n).
        agrees: (n,) whether the same surface is seen.
        seen_through: (n,) whether only farther surfaces are seen.
        hidden_by: (4, 1, n) which of the pixels around the place show a nearer surface.
    """

    pixels: Tensor
    place: Reprojected
    agrees: Tensor
    seen_through: Tensor
    hidden_by: Tensor


def _seen_from(view: DepthMap, other: DepthMap, tolerance: float) -> _Seen:
    own = _inverse(view.depth).flatten()
    pixels = own.nonzero()[:, 0]
    place = Reprojection(view.camera, other.camera, own).only(pixels).at(own[pixels][None])
    ratio = corners(_inverse(other.depth), place) / place.inverse_depth
    agrees = place.seen & ((ratio - 1.0).abs() < tolerance).amax(0)
    nearest = ratio.amax(0)
    farther = place.seen & (nearest > 0) & (nearest <= 1.0 - tolerance)
    hidden_by = place.seen & ~agrees & (ratio >= 1.0 + tolerance)
    return _Seen(pixels, place, agrees[0], farther[0], hidden_by)


def _inverse(depth: Depth) -> Tensor:
    with np.errstate(divide="ignore"):
        return torch.from_numpy(np.where(depth > 0, 1.0 / depth, 0.0).astype(np.float32))


def near_rims(inverse_depth: Tensor, keep: Tensor, tolerance: float) -> Tensor:
    """(h, w) kept pixels on the near side of a depth edge, where windows spill over it.

    Around a near object the background within a matching window takes the object's depth, in
    every view alike, so that agreement does not tell.

    Args:
        inverse_depth: (h, w).
        keep: (h, w) pixels that count.
        tolerance: Of the `Agreement`; steps within the noise are no edges.
    """
    step = max(RIM_STEP, RIM_STEP_TOLERANCES * tolerance)
    farthest = -largest_around(torch.where(keep, -inverse_depth, -torch.inf), RIM_REACH_PX)
    is_edge = keep & (inverse_depth > farthest * (1.0 + step))
    near_edge = -largest_around(torch.where(is_edge, -inverse_depth, -torch.inf), RIM_WIDTH_PX)
    return keep & (inverse_depth > near_edge * (1.0 - step / 2))


def largest_around(image: Tensor, radius: int) -> Tensor:
    """(h, w) maximum over squares; thirty times as fast as torch's pooling on CPUs."""
    square = np.ones((2 * radius + 1,) * 2, np.uint8)
    return torch.from_numpy(cv2.dilate(image.cpu().numpy(), square)).to(image.device)
