"""What one photo's sweep and those of others agree on, and the planes that this lets infer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.consistency import Agreement, agreement, contradictions, near_rims
from ..core.geometry import DepthMap
from .filling import fill_gaps, without_speckles
from .matching import GrayView
from .plane_sweep import Sweep
from .planes.likeness import unlike_votes
from .planes.plane_priors import plane_prior
from .planes.sky import find_sky, without_sky
from .planes.superpixels import Segments

Map = NDArray[np.float32]

# The correlation that a pixel needs to be kept, by how many photos agree with it. What one photo
# alone agrees with may be a repeated pattern, unless it looks the very same; two rarely err alike.
MIN_CORRELATION = {1: 0.8, 2: 0.1}

# How much a pixel's match beats those a pixel off and more, for planes to be fitted to it. Blank
# walls beside a near object get its depth in every view alike, but match the same elsewhere. At 0
# the wall of hololens follows the cabinet before it; at 0.1 there are too few pixels left on it.
LEAST_DISTINCTNESS = 0.04

# Tolerances within which a pixel's own depth is on the plane it belongs to: then it was measured.
CONFIRMED_TOLERANCES = 2.0

# Correlation from which another view's depth, by itself, contradicts what is inferred. Raised, less
# is refused: depth that views agree on, in its stead, lets 8 % more of the room be inferred, of
# which 69 % are within 2 %, not 77 %.
CONTRADICTING_CORRELATION = 0.6


class Guess(NamedTuple):
    """What is known of a photo before others' guesses are asked.

    Attributes:
        measured: (h, w) inverse depth that others confirm, 0 = unknown.
        inferred: (h, w) inverse depth of planes and small gaps, where nothing was measured.
        trust: (h, w) 1 + the number of photos that agree times the correlation with the best.
        tolerance: () ratio by which depths may differ and agree.
        is_certain: (h, w) bool what was measured so that planes may be fitted to it: it matches
            there alone, and away from the rims of near things.
        is_sky: (h, w) bool what looks like sky.
        doubted: (h, w) inverse depth that others confirm and that was not measured for all that: at
            the rims of near things it may be theirs or reach over them; 0 elsewhere.
    """

    measured: Map
    inferred: Map
    trust: Map
    tolerance: Map
    is_certain: NDArray[np.bool_]
    is_sky: NDArray[np.bool_]
    doubted: Map


def guess(
    view: GrayView,
    segments: Segments,
    swept: Sweep,
    others: Sequence[tuple[Sweep, GrayView]],
) -> Guess:
    """What a photo's sweep says in the light of others'.

    Args:
        view: The photo.
        segments: It in pieces.
        swept: Its sweep.
        others: Sweeps of other photos, at least one.
    """
    depths = [(theirs.inverse_depth, other.camera) for theirs, other in others]
    agreed = agreement(swept.inverse_depth, swept.correlation, view.camera, depths)
    measured, prior, is_certain, doubted = _measured_and_prior(swept, agreed, segments)
    is_sky = find_sky(segments, is_certain)
    prior = without_sky(prior, is_sky, measured)
    filled = fill_gaps(measured, view.gray.cpu().numpy())
    prior = np.where(filled > 0, np.float32(0), prior)
    refused = contradictions(
        DepthMap(as_depth(prior), None, view.camera),
        [DepthMap(_well_matched_depth(theirs), None, other.camera) for theirs, other in others],
        CONFIRMED_TOLERANCES * agreed.tolerance,
    )
    is_unlike = unlike_in_most(view, measured, prior, [other for _, other in others])
    inferred = np.where((refused > 0) | is_unlike, np.float32(0), prior)
    return Guess(
        measured,
        np.where(measured > 0, np.float32(0), np.where(filled > 0, filled, inferred)),
        (1.0 + agreed.supporters * swept.correlation).cpu().numpy(),
        np.array(agreed.tolerance, np.float32),
        is_certain,
        is_sky,
        doubted,
    )


def unlike_in_most(
    view: GrayView, measured: Map, inferred: Map, others: Sequence[GrayView]
) -> NDArray[np.bool_]:
    """(h, w) whether most photos show a view's points in another brightness."""
    device = view.gray.device
    known = torch.from_numpy(np.where(measured > 0, measured, inferred)).to(device)
    votes = unlike_votes(view, known, torch.from_numpy(measured > 0).to(device), others)
    return (votes > 0).cpu().numpy()


def as_depth(inverse_depth: Map) -> Map:
    """(h, w) depth of inverse depth; 0 = unknown in both."""
    with np.errstate(divide="ignore"):
        return np.where(inverse_depth > 0, 1.0 / inverse_depth, 0.0).astype(np.float32)


def _measured_and_prior(
    swept: Sweep, agreed: Agreement, segments: Segments
) -> tuple[Map, Map, NDArray[np.bool_], Map]:
    """Inverse depth (h, w) measured, of the planes through it, and which of it they go by."""
    keep = _trusted(swept.correlation, agreed.supporters)
    # only what others confirm is kept, and not the rims of near things, over which large windows
    # smear the near depth
    is_inner = keep & ~near_rims(swept.inverse_depth, keep, agreed.tolerance)
    inner = without_speckles(torch.where(is_inner, agreed.inverse_depth, 0.0).cpu().numpy())
    is_distinct = (swept.distinctness > LEAST_DISTINCTNESS).cpu().numpy()
    certain = np.where(is_distinct, inner, np.float32(0))
    prior = plane_prior(segments, certain, agreed.tolerance)
    candidates = torch.where(keep, agreed.inverse_depth, 0.0).cpu().numpy()
    off = np.abs(candidates - prior)
    # rims, and what matches the same elsewhere, were measured where a plane of others says so too
    is_confirmed = (candidates > 0) & (off < CONFIRMED_TOLERANCES * agreed.tolerance * prior)
    weaker = np.where(is_confirmed, candidates, np.where(prior > 0, np.float32(0), inner))
    measured = np.where(certain > 0, certain, weaker)
    doubted = np.where(measured == 0, candidates, np.float32(0))
    return measured, prior, certain > 0, doubted


def _well_matched_depth(swept: Sweep) -> Map:
    """(h, w) depth of a sweep by itself where it matched well; 0 elsewhere."""
    is_matched = swept.correlation > CONTRADICTING_CORRELATION
    return as_depth(torch.where(is_matched, swept.inverse_depth, 0.0).cpu().numpy())


def _trusted(correlation: Tensor, supporters: Tensor) -> Tensor:
    """(h, w) pixels that enough other photos agree with, the fewer the better they match."""
    return torch.stack(
        [(supporters >= views) & (correlation >= least) for views, least in MIN_CORRELATION.items()]
    ).any(0)
