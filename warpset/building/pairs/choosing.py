"""Which pairs of a scene are made once its geometry is there, and how hard they will be."""

from __future__ import annotations

import logging

from tqdm import tqdm

from ...core.covisibility import small_view
from ...core.geometry import DepthMap, SceneGeometry
from ..pairing import covisible_pairs, expected_hole_shares
from ..scene_job import SceneJob

log = logging.getLogger(__name__)


def chosen_pairs(geometry: SceneGeometry, job: SceneJob) -> list[tuple[int, int]]:
    """(reference, target) indices of the frames to pair, by what they share where that decides."""
    if not job.options.pairing.needs_depth:
        return job.options.pairing.of_frames(len(geometry.frames), job.options.bidirectional)
    return _covisible(geometry, job, _small_views(geometry, job))


def expected_difficulty(geometry: SceneGeometry, job: SceneJob) -> list[float]:
    """What share of the picture of each pair that a run would make will be holes, at a guess."""
    views = _small_views(geometry, job)
    if job.options.pairing.needs_depth:
        return expected_hole_shares(views, _covisible(geometry, job, views))
    return expected_hole_shares(views, chosen_pairs(geometry, job))


def _small_views(geometry: SceneGeometry, job: SceneJob) -> list[DepthMap]:
    name, disable = job.folder.path.name, job.options.quiet
    frames = tqdm(geometry.frames, desc=f"{name} pairing", unit="frame", disable=disable)
    return [small_view(frame.load_depth()) for frame in frames]


def _covisible(
    geometry: SceneGeometry, job: SceneJob, views: list[DepthMap]
) -> list[tuple[int, int]]:
    keys = [job.photo_key(frame.photo.path) for frame in geometry.frames]
    chosen = covisible_pairs(views, keys, job.options.pairing)
    if chosen.scarcity:
        log.info(f"{job.folder.path}: {chosen.scarcity}")
    return chosen.pairs
