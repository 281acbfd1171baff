"""Depth that several photos tell of another one's pixels, and planes through it; no matching."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.cameras import Camera
from ..core.consistency import (
    RIM_REACH_PX,
    RIM_WIDTH_PX,
    contradictions,
    largest_around,
    near_rims,
)
from ..core.geometry import DepthMap
from ..core.reprojection import Reprojection
from .filling import fill_gaps
from .guesses import CONFIRMED_TOLERANCES, MIN_CORRELATION, Guess, Map, as_depth, unlike_in_most
from .matching import GrayView
from .planes.likeness import mean_difference
from .planes.plane_priors import plane_prior
from .planes.sky import without_sky
from .planes.superpixels import Segments

UNKNOWN_CONFIDENCE = 1.0  # as networks say it: 1 is the least there is

# Of gaps filled and of planes carried on. Just above the main job's default threshold of 1.01, so
# that these are points, and below every measured pixel, whose least is 1 + 2 x 0.1.
FILLED_CONFIDENCE = 1.05

# Photos that have to have measured what is told of a pixel for it to count as measured, and for
# planes to set out from it: one alone may err. Told it is by one already, where none sees farther.
FEWEST_WITNESSES = 2

# Radius in pixels over which brightness tells which of two depths a pixel has. At 0, noise decides
# wrongly for 0.2 % more of the pixels of a textured box before a textured wall.
LIKENESS_RADIUS_PX = 2

# How much more alike, 0 to 1, a rim has to be at its own depth than at the farthest beside it where
# nothing else is known of it: five levels of 255. At 0.005 1.2 % more of the room's pixels get
# depth, of which 69 % are within 2 %.
LEAST_MARGIN = 0.02


def fuse(
    view: GrayView,
    segments: Segments,
    own: Guess,
    others: Sequence[tuple[Guess, GrayView]],
) -> DepthMap:
    """A photo's depth: what it measured, else what most photos tell, else planes through both.

    Args:
        view: The photo.
        segments: It in pieces.
        own: Its guess.
        others: Guesses of other photos.

    Returns:
        Its depth; confidence as `estimate_depths` says.
    """
    tolerance = CONFIRMED_TOLERANCES * float(own.tolerance)
    theirs = [_carried(guess, other, view) for guess, other in others]
    told = most_told([torch.from_numpy(own.inferred), *(each[0] for each in theirs)], tolerance)
    told = np.where(own.measured > 0, np.float32(0), _first_known(told, own.inferred))
    known = _first_known(own.measured, told)
    measured, certain = ([each[part].numpy() for each in theirs] for part in (1, 2))
    # planes set out from what is certain here, or in several photos: so a wall that only others
    # measured goes on to where none but this photo sees it. What is not certain carries no plane
    # on: a thing before a blank wall would spread over it piece by piece
    is_certain = own.is_certain | (_witnesses(known, certain, tolerance) >= FEWEST_WITNESSES)
    sure = np.where(is_certain, known, np.float32(0))
    guessed = np.where(known > 0, told, plane_prior(segments, sure, float(own.tolerance)))
    guessed = without_sky(guessed, own.is_sky, own.measured)
    guessed = np.where(_is_contradicted(view, own, others, guessed), np.float32(0), guessed)
    guessed = np.where(_is_foreign_rim(own, guessed, tolerance), np.float32(0), guessed)
    guessed = _nearer_where_alike(view, own, others, guessed, tolerance)
    depth = as_depth(fill_gaps(_first_known(own.measured, guessed), view.gray.cpu().numpy()))
    witnesses = _witnesses(guessed, measured, tolerance)
    return DepthMap(depth, _confidence(own, depth, witnesses), view.camera)


def _all(guess: Guess) -> Map:
    return _first_known(guess.measured, guess.inferred)


def _first_known(first: Map, second: Map) -> Map:
    return np.where(first > 0, first, second)


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


def _nearer_where_alike(
    view: GrayView,
    own: Guess,
    others: Sequence[tuple[Guess, GrayView]],
    guessed: Map,
    tolerance: float,
) -> Map:
    """(h, w) what is guessed, or what is doubted before it where others show that more alike.

    At the rim of a near thing both may be right: its own depth, and that of what is behind it,
    which is that of the farthest surface beside it where nothing else is guessed.
    """
    behind = np.where(guessed > 0, guessed, _farthest_beside(_first_known(own.measured, guessed)))
    is_open = (behind > 0) & (own.doubted > (1 + tolerance) * behind)
    measured = torch.from_numpy(own.measured > 0).to(view.gray.device)
    views, size = [other for _, other in others], 2 * LIKENESS_RADIUS_PX + 1

    def difference(choice: Map) -> Map:
        known = torch.from_numpy(np.where(is_open, choice, own.measured)).to(view.gray.device)
        unlike = mean_difference(view, known, measured, views).cpu().numpy()
        unlike = np.where(is_open, unlike, np.float32(0))
        return np.asarray(cv2.blur(unlike, (size, size)), np.float32)

    margin = np.where(guessed > 0, np.float32(0), np.float32(LEAST_MARGIN))
    is_nearer = is_open & (difference(own.doubted) + margin < difference(behind))
    return np.where(is_nearer, own.doubted, guessed)


def _farthest_beside(known: Map) -> Map:
    """(h, w) the least inverse depth known as near as a window's rim is wide; 0 where none is."""
    nothing = np.float32(known.max() + 1)
    beside = torch.from_numpy(-np.where(known > 0, known, nothing))
    farthest = -largest_around(beside, RIM_REACH_PX + RIM_WIDTH_PX).numpy()
    return np.where(farthest < nothing, farthest, np.float32(0))


def _witnesses(guessed: Map, measured: Sequence[Map], tolerance: float) -> NDArray[np.intp]:
    """(h, w) number of photos that measured what is guessed, of what (h, w) each measured."""
    return np.sum([np.abs(known - guessed) < tolerance * guessed for known in measured], axis=0)


def _confidence(own: Guess, depth: Map, witnesses: NDArray[np.intp]) -> Map:
    confidence = np.where(depth > 0, FILLED_CONFIDENCE, UNKNOWN_CONFIDENCE)
    # what others measured counts as little as the weakest match of as many photos does
    told = 1 + MIN_CORRELATION[2] * witnesses
    confidence = np.where(witnesses >= FEWEST_WITNESSES, told, confidence)
    return np.where(own.measured > 0, own.trust, confidence).astype(np.float32)


def _carried(guess: Guess, view: GrayView, to: GrayView) -> list[Tensor]:
    """(H, W) what another view sees of all of a guess, of what was measured, of what is certain."""
    inverse_depth = torch.from_numpy(_all(guess))
    parts = [inverse_depth > 0, torch.from_numpy(guess.measured > 0)]
    parts.append(torch.from_numpy(guess.is_certain))
    return carried(inverse_depth, parts, view.camera, to.camera)


def carried(
    inverse_depth: Tensor, parts: Sequence[Tensor], camera: Camera, to: Camera
) -> list[Tensor]:
    """(H, W) what another camera sees of parts of a view's points, the nearest of each pixel.

    A point covers the four pixels around it, so that surfaces do not fall apart.

    Args:
        inverse_depth: (h, w) of the view, 0 = unknown.
        parts: (h, w) bool each, the points that count.
        camera: Of the view.
        to: The other camera.

    Returns:
        Inverse depth of each part, 0 where none of its points is seen.
    """
    width, height = to.size_wh
    there = Reprojection(camera, to, inverse_depth).at(inverse_depth[None])
    counts = (there.seen & (inverse_depth > 0))[0]
    left = ((there.x[0][counts] + 1) * (width / 2) - 0.5).floor().long()
    top = ((there.y[0][counts] + 1) * (height / 2) - 0.5).floor().long()
    columns = [(left + right).clamp(0, width - 1) for right in (0, 1)]
    rows = [(top + down).clamp(0, height - 1) * width for down in (0, 1)]
    seen = inverse_depth.new_zeros(len(parts), height * width)
    for part, its_seen in zip(parts, seen, strict=True):
        values = there.inverse_depth[0][counts] * part[counts]
        for pixel in (row + column for row in rows for column in columns):
            its_seen.scatter_reduce_(0, pixel, values, "amax")
    return list(seen.reshape(-1, height, width))


def most_told(views: Sequence[Tensor], tolerance: float) -> Map:
    """(h, w) inverse depth that most views tell of each pixel, 0 where none does.

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
        better = (view > 0) & (votes > most)
        best = torch.where(better, total / count.clamp_min(1), best)
        most = torch.where(better, votes, most)
    return best.numpy()
