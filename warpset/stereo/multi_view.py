"""Dense depth of posed photos by classical multi-view stereo; no networks, no camera search.

Each photo's depth is swept on its own, then kept where other photos' depths agree with it.
Memory does not grow with the number of photos: what waits for its neighbours waits on disk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.consistency import Agreement, agreement, contradictions, near_rims
from ..core.errors import InputError
from ..core.geometry import DepthMap, PosedPhoto
from ..core.sizes import shrunk
from ..files.pinhole_photos import read_pinhole
from .filling import fill_gaps, without_speckles
from .plane_sweep import GrayView, Sweep, sweep
from .planes.likeness import unlike_votes
from .planes.plane_priors import plane_prior
from .sparse import SourceView, SparsePoints, choose_sources, inverse_depth_range

UNKNOWN_CONFIDENCE = 1.0  # as networks say it: 1 is the least there is

# Of gaps filled and of planes carried on. Just above the main job's default threshold of 1.01, so
# that these are points, and below every measured pixel, whose least is 1 + 2 x 0.1.
FILLED_CONFIDENCE = 1.05

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue, Rec. 601

# Photos that stay in memory, 1.9 MB each at 800x600: neighbours need the same ones. Fewer are read
# more than once.
VIEWS_KEPT = 12

# Other photos whose depth is compared with a photo's own; it is swept against the best of them.
# More take no more sweeps but as many comparisons, and confirm more.
CHECKING_VIEWS = 8

# The correlation that a pixel needs to be kept, by how many photos agree with it. What one photo
# alone agrees with may be a repeated pattern, unless it looks the very same; two rarely err alike.
MIN_CORRELATION = {1: 0.8, 2: 0.1}

# How much a pixel's match beats those a pixel off and more, for planes to be fitted to it. Blank
# walls beside a near object get its depth in every view alike, but match the same elsewhere. At 0
# the wall of hololens follows the cabinet before it; at 0.1 there are too few pixels left on it.
LEAST_DISTINCTNESS = 0.05

# Tolerances within which a pixel's own depth is on the plane it belongs to: then it was measured.
CONFIRMED_TOLERANCES = 2.0

# Correlation from which another view's depth, by itself, contradicts what is inferred. Raised, less
# is refused: depth that views agree on, in its stead, lets 8 % more of the room be inferred, of
# which 69 % are within 2 %, not 77 %.
CONTRADICTING_CORRELATION = 0.6

# A source that shows the scene larger than this is shrunk to the same scale first: bilinear samples
# of a larger picture skip pixels, and correlate the worse for it. Just above 1, shrinking only
# blurs.
LARGEST_USEFUL_ZOOM = 1.2


@dataclass(frozen=True)
class StereoOptions:
    """How depth is estimated.

    Attributes:
        device: A torch device.
        max_side_px: Photos are shrunk until no side is longer.
        sources: Photos that each photo is compared with.
    """

    device: str = "cpu"
    max_side_px: int = 800
    sources: int = 4


Progress = Callable[[Sequence[int]], Iterable[int]]
"""Goes through items one after the other, and may show how far it has come."""


def estimate_depths(
    photos: Sequence[PosedPhoto],
    points: SparsePoints,
    options: StereoOptions,
    on_depth: Callable[[int, DepthMap], None],
    progress: Progress = iter,
) -> tuple[int, ...]:
    """Estimate the depth of every photo.

    Confidence is 1 for unknown pixels, `FILLED_CONFIDENCE` for filled ones, and for measured
    ones 1 + the number of photos that agree times the correlation with the best of them: 1.2
    to 9. So more is better, as with other estimators, but the units are not theirs.

    Args:
        photos: Posed photos of one scene.
        points: Sparse points; photo indices are those of `photos`.
        options: How.
        on_depth: Called once for each photo with its index and depth, as soon as its
            neighbours are known too; not in order.
        progress: Goes through the photos that are swept, as a progress bar does.

    Returns:
        Indices of photos without depth: no photo shares enough points with them.

    Raises:
        InputError: No photo shares enough points with another.
    """
    scene = _Scene(photos, points, options)
    swept = scene.swept
    if not swept:
        raise InputError(
            f"{photos[0].path.parent}: no two of {len(photos)} photos share enough texture"
            " seen from two spots to find depth; add overlapping photos from more spots"
        )
    finished_at, last_used_at = _schedule(swept, scene.checking_views)
    with TemporaryDirectory() as folder, torch.inference_mode():
        spool = _Spool(Path(folder), options.device)
        for index in progress(swept):
            spool.save(index, scene.sweep(index))
            for ready in finished_at[index]:
                on_depth(ready, scene.depth_map(ready, spool))
            # sweeps that no later photo asks for leave the disk at once
            for done in last_used_at[index]:
                spool.drop(done)
    return tuple(index for index in range(len(photos)) if index not in set(swept))


def _schedule(
    swept: Sequence[int], checking_views: Sequence[Sequence[SourceView]]
) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """After which sweep each photo can be finished, and after which its sweep is needed no more."""
    can_finish = {
        index: max([index, *(view.photo for view in checking_views[index])]) for index in swept
    }
    last_use = dict(can_finish)
    for index in swept:
        for view in checking_views[index]:
            last_use[view.photo] = max(last_use[view.photo], can_finish[index])
    finished_at, last_used_at = defaultdict(list), defaultdict(list)
    for index in swept:
        finished_at[can_finish[index]].append(index)
        last_used_at[last_use[index]].append(index)
    return finished_at, last_used_at


def swept_photos(
    has_range: Sequence[bool], checking_views: Sequence[Sequence[SourceView]]
) -> tuple[list[int], list[list[SourceView]]]:
    """Photos that can be swept, in order, and of each photo's checking views those that are swept.

    Args:
        has_range: Whether a range of depths is known, by photo.
        checking_views: Photos that see the same, by photo.
    """
    swept = {index for index, known in enumerate(has_range) if known}
    while True:
        kept = [[view for view in each if view.photo in swept] for each in checking_views]
        # dropping one may leave another without anyone to check it, hence the loop
        alone = {index for index in swept if not kept[index]}
        if not alone:
            return sorted(swept), kept
        swept -= alone


class _Scene:
    """The photos of a scene, read when needed and kept for a while, and what each is swept with."""

    def __init__(self, photos: Sequence[PosedPhoto], points: SparsePoints, options: StereoOptions):
        self._photos, self._options = photos, options
        self._cameras = [shrunk(photo.camera, options.max_side_px) for photo in photos]
        self._ranges = [
            inverse_depth_range(points, index, camera) for index, camera in enumerate(self._cameras)
        ]
        checking_views = [
            choose_sources(points, self._cameras, index, max(CHECKING_VIEWS, options.sources))
            for index in range(len(photos))
        ]
        has_range = [depths is not None for depths in self._ranges]
        self.swept, self.checking_views = swept_photos(has_range, checking_views)
        self._rgb = lru_cache(VIEWS_KEPT)(self._read_rgb)
        self._view = lru_cache(VIEWS_KEPT)(self._gray_view)

    def _read_rgb(self, index: int) -> NDArray[np.uint8]:
        return read_pinhole(self._photos[index], self._cameras[index])

    def _gray_view(self, index: int) -> GrayView:
        gray = torch.from_numpy(self._rgb(index).astype(np.float32) @ (LUMINANCE / 255.0))
        return GrayView(gray.to(self._options.device), self._cameras[index])

    def sweep(self, index: int) -> Sweep:
        """The inverse depth of one photo by itself."""
        chosen = self.checking_views[index][: self._options.sources]
        sources = [self._source_view(source) for source in chosen]
        depth_range = self._ranges[index]
        assert depth_range is not None, "only photos in `swept` are swept"
        return sweep(self._view(index), sources, depth_range)

    def _source_view(self, source: SourceView) -> GrayView:
        view = self._view(source.photo)
        return view.scaled(1.0 / source.zoom) if source.zoom > LARGEST_USEFUL_ZOOM else view

    def depth_map(self, index: int, spool: _Spool) -> DepthMap:
        """What one photo's sweep and its checking views agree on, and what that lets infer."""
        camera, swept = self._cameras[index], spool.load(index)
        checking = [
            (spool.load(source.photo), self._cameras[source.photo])
            for source in self.checking_views[index]
        ]
        others = [(theirs.inverse_depth, their_camera) for theirs, their_camera in checking]
        agreed = agreement(swept.inverse_depth, swept.correlation, camera, others)
        measured, prior = _measured_and_prior(swept, agreed, self._rgb(index))
        filled = fill_gaps(measured, self._view(index).gray.cpu().numpy())
        inferred = _as_depth(np.where(filled > 0, np.float32(0), prior))
        refused = contradictions(
            DepthMap(inferred, None, camera),
            [
                DepthMap(_well_matched_depth(theirs), None, their_camera)
                for theirs, their_camera in checking
            ],
            CONFIRMED_TOLERANCES * agreed.tolerance,
        )
        is_refused = (refused > 0) | self._is_unlike(index, measured, prior)
        depth = np.where(filled > 0, _as_depth(filled), np.where(is_refused, 0, inferred))
        trust = (1.0 + agreed.supporters * swept.correlation).cpu().numpy()
        confidence = np.where(depth > 0, FILLED_CONFIDENCE, UNKNOWN_CONFIDENCE)
        confidence = np.where(measured > 0, trust, confidence).astype(np.float32)
        return DepthMap(depth.astype(np.float32), confidence, camera)

    def _is_unlike(
        self, index: int, measured: NDArray[np.float32], prior: NDArray[np.float32]
    ) -> NDArray[np.bool_]:
        """(h, w) whether most photos show what a prior says in another brightness."""
        known = torch.from_numpy(np.where(measured > 0, measured, prior))
        votes = unlike_votes(
            self._view(index),
            known.to(self._options.device),
            torch.from_numpy(measured > 0).to(self._options.device),
            [self._view(source.photo) for source in self.checking_views[index]],
        )
        return (votes > 0).cpu().numpy()


def _measured_and_prior(
    swept: Sweep, agreed: Agreement, rgb: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Inverse depth (h, w) that was measured, and that of the planes through it; 0 = unknown."""
    keep = _trusted(swept.correlation, agreed.supporters)
    # only what others confirm is kept, and not the rims of near things, over which large windows
    # smear the near depth
    is_inner = keep & ~near_rims(swept.inverse_depth, keep, agreed.tolerance)
    inner = without_speckles(torch.where(is_inner, agreed.inverse_depth, 0.0).cpu().numpy())
    is_distinct = (swept.distinctness > LEAST_DISTINCTNESS).cpu().numpy()
    certain = np.where(is_distinct, inner, np.float32(0))
    prior = plane_prior(rgb, certain, agreed.tolerance)
    candidates = torch.where(keep, agreed.inverse_depth, 0.0).cpu().numpy()
    off = np.abs(candidates - prior)
    # rims, and what matches the same elsewhere, were measured where a plane of others says so too
    is_confirmed = (candidates > 0) & (off < CONFIRMED_TOLERANCES * agreed.tolerance * prior)
    weaker = np.where(is_confirmed, candidates, np.where(prior > 0, np.float32(0), inner))
    return np.where(is_distinct & (inner > 0), inner, weaker), prior


def _well_matched_depth(swept: Sweep) -> NDArray[np.float32]:
    """(h, w) depth of a sweep by itself where it matched well; 0 elsewhere."""
    is_matched = swept.correlation > CONTRADICTING_CORRELATION
    return _as_depth(torch.where(is_matched, swept.inverse_depth, 0.0).cpu().numpy())


def _as_depth(inverse_depth: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(divide="ignore"):
        return np.where(inverse_depth > 0, 1.0 / inverse_depth, 0.0).astype(np.float32)


def _trusted(correlation: Tensor, supporters: Tensor) -> Tensor:
    """(h, w) pixels that enough other photos agree with, the fewer the better they match."""
    return torch.stack(
        [(supporters >= views) & (correlation >= least) for views, least in MIN_CORRELATION.items()]
    ).any(0)


class _Spool:
    """Sweeps that wait on disk for their neighbours."""

    def __init__(self, folder: Path, device: str):
        self._folder, self._device = folder, device

    def _path(self, index: int) -> Path:
        return self._folder / f"{index}.npy"

    def save(self, index: int, swept: Sweep) -> None:
        np.save(self._path(index), torch.stack(swept).cpu().numpy())

    def load(self, index: int) -> Sweep:
        return Sweep(*torch.from_numpy(np.load(self._path(index))).to(self._device))

    def drop(self, index: int) -> None:
        self._path(index).unlink()
