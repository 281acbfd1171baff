"""A scene's depth without what its other frames contradict; no files, no pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from threading import Lock
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.covisibility import covisibility, likely_partners, small_view_of
from ...core.geometry import DepthMap, FrameGeometry, SceneGeometry, resample_depth
from ...core.masks import Mask, not_flying
from ...core.sizes import shrunk
from ...fleet.stages import LRUCache
from ..options import PointFilter

CHECKING_VIEWS = 8
"""Views that a frame is compared with, from the one that shares most to one that shares little:
what near views see alike, wrong edges among it, tells nothing. Each costs as much as the first."""

LEAST_SHARED = 0.2
"""Share of a frame's points that a view has to see to be asked first. Lowered, views from far aside
speak, whose depth is coarse there; raised, near ones alone. Where they are too few, others that
look the same way are asked as well: what is wrong as a whole shares nothing with any."""

CANDIDATES = 32
"""Views that are looked at for `CHECKING_VIEWS` among them."""

ROUNDS = 2
"""What is clearly wrong in one round has no say in the next, so that the fault of one view does not
cost the others what they have right there. A third changes nothing that can be measured."""

CLEARLY = 2
"""So many more views have to contradict than agree. With 1, two views that contradict each other
both fall silent, and nobody is left who tells which was wrong."""

MAX_SIDE_PX = 1024
"""Larger depth is compared on a raster of this size."""

DEPTHS_KEPT = 32
"""Frames whose depth is held at once; enough that frames in a row are read once."""


def agreeing(geometry: SceneGeometry, tolerance: float, point_filter: PointFilter) -> SceneGeometry:
    """The geometry without depth that other frames contradict; `contradicted` says how much.

    Args:
        geometry: The scene.
        tolerance: Ratio by which depths of one place may differ.
        point_filter: What is not trusted enough to become points has no say either.
    """
    check = _Check(geometry.frames, tolerance, point_filter)
    frames = tuple(
        replace(frame, load_depth=partial(check.checked, index))
        for index, frame in enumerate(geometry.frames)
    )
    return replace(geometry, frames=frames)


class _Marks(NamedTuple):
    """A mask small enough to be kept for every frame.

    Attributes:
        bits: The packed mask.
        shape_hw: Its shape.
    """

    bits: NDArray[np.uint8]
    shape_hw: tuple[int, ...]

    def on(self, shape_hw: tuple[int, ...]) -> Mask:
        """The mask on a raster of the same view."""
        flat = np.unpackbits(self.bits, count=math.prod(self.shape_hw))
        size_wh = shape_hw[1], shape_hw[0]
        mask = cv2.resize(flat.reshape(self.shape_hw), size_wh, interpolation=cv2.INTER_NEAREST)
        return np.asarray(mask, bool)


class _Verdict(NamedTuple):
    """What the others say of a frame.

    Attributes:
        dropped: Where it is contradicted.
        silenced: Where it is so clearly that it has no say itself.
        share: Share of the trusted pixels that are dropped.
    """

    dropped: _Marks
    silenced: _Marks
    share: float


class _Check:
    """Compares frames; several threads may ask at once."""

    def __init__(
        self, frames: Sequence[FrameGeometry], tolerance: float, point_filter: PointFilter
    ):
        self._frames, self._tolerance, self._filter = frames, tolerance, point_filter
        self._trusted = LRUCache(self._compute_trusted, DEPTHS_KEPT)
        self._verdict = LRUCache(self._compute_verdict, ROUNDS * len(frames))
        self._lock = Lock()

    def checked(self, index: int) -> DepthMap:
        """A frame's depth where it is not contradicted."""
        depth_map, verdict = self._frames[index].load_depth(), self._verdict((index, ROUNDS))
        dropped = verdict.dropped.on(depth_map.depth.shape) | self._flying(depth_map)
        return _without(depth_map, dropped)._replace(contradicted=verdict.share)

    def _compute_verdict(self, key: tuple[int, int]) -> _Verdict:
        from ...core.consistency import contradictions  # loads torch

        index, number = key
        trusted = self._trusted(index)
        others = [self._opinion(other, number - 1) for other in self._partners_of(index)]
        votes = contradictions(trusted, others, self._tolerance)
        dropped = votes > 0
        if number > 1:  # what was dropped comes back only where more agree than contradict now
            dropped |= self._verdict((index, number - 1)).dropped.on(votes.shape) & (votes == 0)
        share = np.count_nonzero(dropped) / max(1, np.count_nonzero(trusted.depth))
        return _Verdict(_marks(dropped), _marks(votes >= CLEARLY), share)

    def _opinion(self, index: int, number: int) -> DepthMap:
        """A frame's trusted depth after a round, as far as it has a say."""
        trusted = self._trusted(index)
        if number == 0:
            return trusted
        return _without(trusted, self._verdict((index, number)).silenced.on(trusted.depth.shape))

    def _flying(self, depth_map: DepthMap) -> Mask:
        """Flying pixels, before depth beside them is gone by which they are known."""
        threshold = self._filter.edge_threshold
        assert threshold != "auto", "is settled where the depth's source is known"
        if threshold is None:
            return np.zeros(depth_map.depth.shape, bool)
        return ~not_flying(depth_map.depth, threshold)

    def _compute_trusted(self, index: int) -> DepthMap:
        depth_map = self._frames[index].load_depth()
        keep = depth_map.depth > 0
        if depth_map.confidence is not None:
            keep &= self._filter.confidence.passed(depth_map.confidence, keep)
        trusted = _without(depth_map, ~keep | self._flying(depth_map))
        return resample_depth(trusted, shrunk(trusted.camera, MAX_SIDE_PX))

    def _partners_of(self, index: int) -> Sequence[int]:
        with self._lock:
            return self._partners[index]

    @cached_property
    def _partners(self) -> list[list[int]]:
        """For each frame, whom it is compared with, spread from much that is shared to little."""
        views = [small_view_of(frame) for frame in self._frames]
        candidates = likely_partners(views, CANDIDATES)
        shares = covisibility(views, candidates)

        def with_depth(found: NDArray[np.intp]) -> NDArray[np.intp]:
            return np.array([index for index in found if views[index].depth.any()], np.intp)

        return [
            _spread(known, row[known])
            for known, row in zip(map(with_depth, candidates), shares, strict=True)
        ]


def _spread(candidates: NDArray[np.intp], shares: NDArray[np.float32]) -> list[int]:
    """`CHECKING_VIEWS` of the candidates, evenly over the order of what they share."""
    order = np.argsort(-shares, kind="stable")
    asked = order[: max(CHECKING_VIEWS, np.count_nonzero(shares >= LEAST_SHARED))]
    count = min(CHECKING_VIEWS, len(asked))
    chosen = asked[np.linspace(0, len(asked) - 1, count).astype(int)] if count else asked
    return candidates[chosen].tolist()


def _marks(mask: Mask) -> _Marks:
    return _Marks(np.packbits(mask), mask.shape)


def _without(depth_map: DepthMap, dropped: Mask) -> DepthMap:
    return depth_map._replace(depth=np.where(dropped, np.float32(0), depth_map.depth))
