"""Which pairs of a scene are made once its geometry is there, and how hard they will be."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from tqdm import tqdm

from ...core.covisibility import FINE_SIDE_PX, small_view_of
from ...core.errors import InputError
from ...core.geometry import DepthMap, SceneGeometry
from ..pairing import covisible_pairs, expected_hole_shares
from ..scene_job import SceneJob
from .references import further_references

log = logging.getLogger(__name__)

Report = Callable[[str], None]
"""What takes a line about something that could not be done."""


class ChosenPairs(NamedTuple):
    """The pairs of a scene.

    Attributes:
        reference_and_target: Indices of the frames that make each pair.
        others: Indices of further references of each pair; empty where none are wanted.
    """

    reference_and_target: Sequence[tuple[int, int]]
    others: Mapping[tuple[int, int], tuple[int, ...]] = {}


def chosen_pairs(geometry: SceneGeometry, job: SceneJob, report: Report) -> ChosenPairs:
    """The frames to pair, by what they share where that decides."""
    if job.is_planned:
        count, options = len(geometry.frames), job.options
        return ChosenPairs(options.pairing.of_frames(count, options.bidirectional))
    return _by_surface(geometry, job, _small_views(geometry, job, report))


def expected_difficulty(geometry: SceneGeometry, job: SceneJob, report: Report) -> list[float]:
    """What share of the picture of each pair that a run would make will be holes, at a guess."""
    views = _small_views(geometry, job, report)
    pairs, others = _by_surface(geometry, job, views)
    return expected_hole_shares(views, pairs, others)


def _small_views(geometry: SceneGeometry, job: SceneJob, report: Report) -> list[DepthMap]:
    def say(error: InputError) -> None:
        report(f"{error}; shares nothing with other photos")

    name, disable = job.folder.path.name, job.options.quiet
    frames = tqdm(geometry.frames, desc=f"{name} pairing", unit="frame", disable=disable)
    return [small_view_of(frame, say, FINE_SIDE_PX) for frame in frames]


def _by_surface(geometry: SceneGeometry, job: SceneJob, views: Sequence[DepthMap]) -> ChosenPairs:
    """Pairs by what frames share where that decides, and further references where wanted."""
    options, candidates = job.options, None
    pairs = options.pairing.of_frames(len(views), options.bidirectional)
    keys = [job.photo_key(frame.photo.path) for frame in geometry.frames]
    if options.pairing.needs_depth:
        chosen = covisible_pairs(views, keys, options.pairing)
        pairs, candidates = chosen.pairs, chosen.candidates
        if chosen.scarcity:
            log.info(f"{job.folder.path}: {chosen.scarcity}")
    if options.references == 1:
        return ChosenPairs(pairs)
    others = further_references(views, keys, pairs, options.references, candidates)
    if few := sum(len(found) + 1 < options.references for found in others.values()):
        log.info(
            f"{job.folder.path}: {few} of {len(pairs)} pairs have fewer than {options.references} "
            "references, for depth tells of no more photos that see their target"
        )
    return ChosenPairs(pairs, others)
