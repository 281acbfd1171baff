"""Dense depth of posed photos by classical multi-view stereo; no networks, no camera search.

Each photo's depth is swept on its own, then kept where other photos' depths agree with it.
Memory does not grow with the number of photos: what waits for its neighbours waits on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.geometry import DepthMap, PosedPhoto
from ..core.sizes import shrunk
from ..files.pinhole_photos import read_pinhole
from .fusing import fuse
from .guesses import Guess, guess
from .matching import GrayView
from .plane_sweep import Sweep, sweep
from .planes.superpixels import Segments, segment
from .sparse import SourceView, SparsePoints, choose_sources, inverse_depth_range

LUMINANCE = np.array([0.299, 0.587, 0.114], np.float32)  # of red, green and blue, Rec. 601

# Photos that stay in memory, 5.3 MB each at 800x600: neighbours need the same ones. Fewer are read
# and cut into pieces more than once.
VIEWS_KEPT = 12

# Other photos whose depth is compared with a photo's own; it is swept against the best of them.
# More take no more sweeps but as many comparisons, and confirm more.
CHECKING_VIEWS = 8

# Share of pixels, over all photos, whose depth others confirm, below which a scene is refused: its
# pairs would be black. Ten photos of Sacre Coeur by tourists reach 20 %.
LEAST_MEASURED_SHARE = 0.02

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
        InputError: No photo shares enough points with another, or photos agree on hardly any depth.
    """
    scene = _Scene(photos, points, options)
    swept = scene.swept
    if not swept:
        raise InputError(
            f"{photos[0].path.parent}: no two of {len(photos)} photos share enough texture"
            " seen from two spots to find depth; add overlapping photos from more spots"
        )
    share = _estimate_swept(scene, on_depth, progress)
    if share < LEAST_MEASURED_SHARE:
        raise InputError(
            f"{photos[0].path.parent}: {len(swept)} photos agree on depth for {share:.1%} of their"
            f" pixels, need {LEAST_MEASURED_SHARE:.0%}: cameras do not fit the photos, or there is"
            " hardly any texture; check the poses or add photos"
        )
    return tuple(index for index in range(len(photos)) if index not in set(swept))


def _estimate_swept(
    scene: _Scene, on_depth: Callable[[int, DepthMap], None], progress: Progress
) -> float:
    """Hand over the depth of all photos that can be swept; the mean share that was measured."""
    swept_after = {index: index for index in scene.swept}
    guessed_after, sweep_used_until = _schedule(swept_after, scene.checking_views)
    told_after, guess_used_until = _schedule(guessed_after, scene.checking_views)
    with TemporaryDirectory() as folder, torch.inference_mode():
        sweeps, guesses = _Spool(Path(folder) / "sweeps"), _Spool(Path(folder) / "guesses")
        shares = []
        for index in progress(scene.swept):
            sweeps.save(index, [part.cpu().numpy() for part in scene.sweep(index)])
            for ready in _now(index, guessed_after):
                own = scene.guess(ready, sweeps)
                shares.append(float(np.mean(own.measured > 0)))
                guesses.save(ready, own)
            for ready in _now(index, told_after):
                on_depth(ready, scene.depth_map(ready, guesses))
            # what no later photo asks for leaves the disk at once
            for done in _now(index, sweep_used_until):
                sweeps.drop(done)
            for done in _now(index, guess_used_until):
                guesses.drop(done)
    return float(np.mean(shares))


def _schedule(
    made_after: Mapping[int, int], checking_views: Sequence[Sequence[SourceView]]
) -> tuple[dict[int, int], dict[int, int]]:
    """When what is made of each photo and its checking views can be, and how long each is needed.

    Args:
        made_after: After which sweep that is there which it is made of, by photo.
        checking_views: Of each photo.
    """
    asked = {
        index: [index, *(view.photo for view in checking_views[index])] for index in made_after
    }
    can_be = {index: max(made_after[part] for part in parts) for index, parts in asked.items()}
    used_until = dict(can_be)
    for index, parts in asked.items():
        for part in parts:
            used_until[part] = max(used_until[part], can_be[index])
    return can_be, used_until


def _now(index: int, after: Mapping[int, int]) -> list[int]:
    """Photos whose turn comes after the sweep of a photo."""
    return [photo for photo, last in after.items() if last == index]


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
        self._segments = lru_cache(VIEWS_KEPT)(self._segment)

    def _read_rgb(self, index: int) -> NDArray[np.uint8]:
        return read_pinhole(self._photos[index], self._cameras[index])

    def _gray_view(self, index: int) -> GrayView:
        gray = torch.from_numpy(self._rgb(index).astype(np.float32) @ (LUMINANCE / 255.0))
        return GrayView(gray.to(self._options.device), self._cameras[index])

    def _segment(self, index: int) -> Segments:
        return segment(self._rgb(index))

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

    def guess(self, index: int, sweeps: _Spool) -> Guess:
        """What one photo's sweep and its checking views agree on, and what that lets infer."""
        others = [
            (_as_sweep(sweeps.load(source.photo)), self._view(source.photo))
            for source in self.checking_views[index]
        ]
        own = _as_sweep(sweeps.load(index))
        return guess(self._view(index), self._segments(index), own, others)

    def depth_map(self, index: int, guesses: _Spool) -> DepthMap:
        """What one photo and its checking views tell of its pixels."""
        others = [
            (Guess(*guesses.load(source.photo)), self._view(source.photo))
            for source in self.checking_views[index]
        ]
        own = Guess(*guesses.load(index))
        return fuse(self._view(index), self._segments(index), own, others)


def _as_sweep(arrays: Sequence[NDArray[np.float32]]) -> Sweep:
    return Sweep(*map(torch.from_numpy, arrays))


class _Spool:
    """Arrays of photos that wait on disk for those of their neighbours."""

    def __init__(self, folder: Path):
        folder.mkdir()
        self._folder = folder

    def _path(self, index: int) -> Path:
        return self._folder / f"{index}.npz"

    def save(self, index: int, arrays: Sequence[NDArray]) -> None:
        np.savez(self._path(index), *arrays)

    def load(self, index: int) -> list[NDArray]:
        """The arrays as they were saved."""
        with np.load(self._path(index)) as saved:
            return [saved[name] for name in saved.files]

    def drop(self, index: int) -> None:
        self._path(index).unlink()
