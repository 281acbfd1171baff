"""Depth that several photos tell of another one's pixels, and planes through it; no matching."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.cameras import Camera
from ..core.consistency import contradictions, near_rims
from ..core.geometry import DepthMap
from ..core.reprojection import Reprojection
from .filling import fill_gaps
from .guesses import CONFIRMED_TOLERANCES, MIN_CORRELATION, Guess, Map, as_depth, unlike_in_most
from .plane_sweep import GrayView
from .planes.plane_priors import plane_prior

UNKNOWN_CONFIDENCE = 1.0  # as networks say it: 1 is the least there is

# Of gaps filled and of planes carried on. Just above the main job's default threshold of 1.01, so
# that these are points, and below every measured pixel, whose least is 1 + 2 x 0.1.
FILLED_CONFIDENCE = 1.05

# Photos that have to tell the same of a pixel that is unknown in its own photo. At 3 hololens gets
# depth for 2 % fewer of its pixels, no more precise.
FEWEST_WITNESSES = 2


def fuse(
    view: GrayView,
    rgb: NDArray[np.uint8],
    own: Guess,
    others: Sequence[tuple[Guess, GrayView]],
) -> DepthMap:
    """A photo's depth: what it measured, else what most photos tell, else planes through both.

    Args:
        view: The photo.
        rgb: (h, w, 3) its colours.
        own: Its guess.
        others: Guesses of other photos.

    Returns:
        Its depth; confidence as `estimate_depths` says.
    """
    tolerance = CONFIRMED_TOLERANCES * float(own.tolerance)
    told = most_told(
        [torch.from_numpy(own.inferred), *(_carried(_all(g), v, view) for g, v in others)],
        tolerance,
    )
    told = np.where(own.measured > 0, np.float32(0), _first_known(told, own.inferred))
    known = _first_known(own.measured, told)
    planes = plane_prior(rgb, _certain(view, own, others, known), float(own.tolerance))
    guessed = np.where(known > 0, told, planes)
    guessed = np.where(_is_contradicted(view, own, others, guessed), np.float32(0), guessed)
    guessed = np.where(_is_foreign_rim(own, guessed, tolerance), np.float32(0), guessed)
    depth = as_depth(fill_gaps(_first_known(own.measured, guessed), view.gray.cpu().numpy()))
    measured = [_carried(g.measured, v, view).numpy() for g, v in others]
    witnesses = _witnesses(guessed, measured, tolerance)
    return DepthMap(depth, _confidence(own, depth, witnesses), view.camera)


def _all(guess: Guess) -> Map:
    return _first_known(guess.measured, guess.inferred)


def _first_known(first: Map, second: Map) -> Map:
    return np.where(first > 0, first, second)


def _certain(
    view: GrayView, own: Guess, others: Sequence[tuple[Guess, GrayView]], known: Map
) -> Map:
    """(h, w) what is known that planes may set out from: certain here, or in several photos.

    So a wall that only others measured goes on to where none but this photo sees it. What is not
    certain carries no plane on: a thing before a blank wall would spread over it piece by piece.
    """
    theirs = [
        _carried(np.where(g.is_certain, g.measured, np.float32(0)), v, view).numpy()
        for g, v in others
    ]
    witnesses = _witnesses(known, theirs, CONFIRMED_TOLERANCES * float(own.tolerance))
    is_certain = own.is_certain | (witnesses >= FEWEST_WITNESSES)
    return np.where(is_certain, known, np.float32(0))


def _is_contradicted(
    view: GrayView, own: Guess, others: Sequence[tuple[Guess, GrayView]], guessed: Map
) -> NDArray[np.bool_]:
    """(h, w) what more photos contradict than agree with, by depth or brightness."""
    votes = contradictions(
        DepthMap(as_depth(guessed), None, view.camera),
        [DepthMap(as_depth(_all(g)), None, other.camera) for g, other in others],
        CONFIRMED_TOLERANCES * float(own.tolerance),
    )
    is_unlike = unlike_in_most(view, own.measured, guessed, [other for _, other in others])
    return (votes > 0) | is_unlike


def _is_foreign_rim(own: Guess, guessed: Map, tolerance: float) -> NDArray[np.bool_]:
    """(h, w) what the photo's own guess does not say on the near side of depth edges.

    It may reach over them.
    """
    known = torch.from_numpy(_first_known(own.measured, guessed))
    is_rim = near_rims(known, known > 0, float(own.tolerance)).numpy()
    return is_rim & (np.abs(guessed - own.inferred) > tolerance * guessed)


def _witnesses(guessed: Map, measured: Sequence[Map], tolerance: float) -> NDArray[np.intp]:
    """(h, w) number of photos that measured what is guessed, of what (h, w) each measured."""
    return np.sum([np.abs(known - guessed) < tolerance * guessed for known in measured], axis=0)


def _confidence(own: Guess, depth: Map, witnesses: NDArray[np.intp]) -> Map:
    confidence = np.where(depth > 0, FILLED_CONFIDENCE, UNKNOWN_CONFIDENCE)
    # what others measured counts as little as the weakest match of as many photos does
    told = 1 + MIN_CORRELATION[2] * witnesses
    confidence = np.where(witnesses >= FEWEST_WITNESSES, told, confidence)
    return np.where(own.measured > 0, own.trust, confidence).astype(np.float32)


def _carried(inverse_depth: Map, view: GrayView, to: GrayView) -> Tensor:
    return carried(torch.from_numpy(inverse_depth), view.camera, to.camera)


def carried(inverse_depth: Tensor, camera: Camera, to: Camera) -> Tensor:
    """(H, W) what another camera sees of a view's points, the nearest of each pixel; 0 = none.

    A point covers the four pixels around it, so that surfaces do not fall apart.

    Args:
        inverse_depth: (h, w) of the view, 0 = unknown.
        camera: Of the view.
        to: The other camera.
    """
    width, height = to.size_wh
    there = Reprojection(camera, to, inverse_depth).at(inverse_depth[None])
    counts = (there.seen & (inverse_depth > 0))[0]
    left = ((there.x[0][counts] + 1) * (width / 2) - 0.5).floor().long()
    top = ((there.y[0][counts] + 1) * (height / 2) - 0.5).floor().long()
    values = there.inverse_depth[0][counts]
    seen = inverse_depth.new_zeros(height * width)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        rows, columns = (top + down).clamp(0, height - 1), (left + right).clamp(0, width - 1)
        seen.scatter_reduce_(0, rows * width + columns, values, "amax")
    return seen.reshape(height, width)


def most_told(views: Sequence[Tensor], tolerance: float) -> Map:
    """(h, w) inverse depth that most views tell of each pixel; 0 where too few tell the same.

    Those that tell of a nearer surface speak against what it hides.

    Args:
        views: (h, w) each, 0 = nothing told.
        tolerance: Ratio by which those may differ that tell the same.
    """
    best, most = torch.zeros_like(views[0]), torch.zeros_like(views[0])
    for view in views:
        total, votes, count = (torch.zeros_like(view) for _ in range(3))
        for other in views:
            alike = (other - view).abs() < tolerance * view
            total += torch.where(alike, other, 0.0)
            count += alike
            votes -= (other > (1 + tolerance) * view).float()
        votes += count
        better = (view > 0) & (votes > most) & (count >= FEWEST_WITNESSES)
        best = torch.where(better, total / count.clamp_min(1), best)
        most = torch.where(better, votes, most)
    return best.numpy()
