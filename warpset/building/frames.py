"""Which frames to pair, and on which raster to show them; no depth, no files."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..core.cameras import Camera


@dataclass(frozen=True)
class FrameSelection:
    """Which photos of a scene become frames.

    Attributes:
        skip_every: Take every n-th photo.
        target_overlap: Wanted view overlap of neighbours in 0..1; None takes every photo.
        limit: Keep no more frames than this, after all else; None keeps all.
    """

    skip_every: int = 1
    target_overlap: float | None = None
    limit: int | None = None


@dataclass(frozen=True)
class FrameSampling:
    """How densely a video's frames are taken; neither for as many as the motion asks for.

    Attributes:
        fps: One frame for each 1 / fps seconds.
        count: So many frames, evenly over the time.
    """

    fps: float | None = None
    count: int | None = None


def select_frames(
    count: int, selection: FrameSelection, overlap: Callable[[int, int], float] | None = None
) -> list[int]:
    """Indices of the chosen frames, ascending.

    With a target overlap, each frame is followed by the last one that still overlaps it by the
    target, or by its neighbour where even that overlaps less.

    Args:
        count: Number of photos.
        selection: What is wanted.
        overlap: View overlap of two photos by index; needed for a target overlap.
    """
    chosen = list(range(0, count, selection.skip_every))
    if selection.target_overlap is not None and overlap is not None:
        chosen = _spread(chosen, selection.target_overlap, overlap)
    return chosen[: selection.limit]


def _spread(
    candidates: list[int], target: float, overlap: Callable[[int, int], float]
) -> list[int]:
    chosen = candidates[:1]
    for candidate, following in zip(candidates[1:], [*candidates[2:], None], strict=True):
        if following is None or overlap(chosen[-1], following) < target:
            chosen.append(candidate)
    return chosen


def view_overlap(one: Camera, other: Camera, scene_size: float) -> float:
    """How much two cameras see of the same, estimated from their poses alone, in 0..1.

    (1 - angle / fov) * (1 - distance / scene_size), both factors cut off at 0: `angle` lies
    between the two rotations, `fov` is the wider field of view of `one`, `distance` lies between
    the two centres.
    """
    rotation = one.cam_from_world[:3, :3] @ other.cam_from_world[:3, :3].T
    angle = math.acos(np.clip((np.trace(rotation) - 1.0) / 2.0, -1.0, 1.0))
    distance = float(np.linalg.norm(one.center_world - other.center_world))
    turned = max(0.0, 1.0 - angle / max(one.fov_x, one.fov_y))
    moved = max(0.0, 1.0 - distance / scene_size) if scene_size > 0 else 1.0
    return turned * moved


def scene_size(cameras: Sequence[Camera]) -> float:
    """Diagonal of the box around the camera centres, in world units."""
    centers = np.array([camera.center_world for camera in cameras])
    return float(np.linalg.norm(np.ptp(centers, axis=0)))
