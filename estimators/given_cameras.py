"""Cameras that depth is estimated for: recorded ones, or found by structure from motion."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from warpset.building.scenes import SceneInput
from warpset.core.errors import InputError, Remedy
from warpset.core.geometry import DepthMap, PosedPhoto
from warpset.recordings.registry import RECORDED
from warpset.stereo.depth_alignment import FEWEST_POINTS, Alignment, align_depth, aligned
from warpset.stereo.sfm import register_photos, triangulate_points
from warpset.stereo.sparse import SparsePoints

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class PlacedPhotos:
    """Photos of a scene with cameras and the points that they see.

    Attributes:
        posed: They and their cameras.
        points: Sparse points; photo indices are those of `posed`.
        indices: Of `posed` among the scene's photos.
        left_out: Why other photos, by index among the scene's, have no camera.
        source: Where the cameras come from, in a record's words.
    """

    posed: Sequence[PosedPhoto]
    points: SparsePoints
    indices: Sequence[int]
    left_out: Mapping[int, str]
    source: str


def recorded_poses(scene: SceneInput) -> tuple[PosedPhoto, ...] | None:
    """The scene's photos with their recorded cameras; None where none are recorded."""
    if scene.recording is None:
        return None
    return tuple(frame.photo for frame in scene.recorded_frames())


def needed_poses(scene: SceneInput) -> tuple[PosedPhoto, ...]:
    """`recorded_poses` where they are asked for.

    Raises:
        InputError: None are recorded.
    """
    if (posed := recorded_poses(scene)) is None:
        raise InputError(
            f"{scene.path}: found no recorded cameras, need a recording that has them, such as "
            "transforms.json or a COLMAP model",
            Remedy.CAMERAS,
        )
    return posed


def placed_photos(scene: SceneInput, posed: Sequence[PosedPhoto] | None) -> PlacedPhotos:
    """The scene's photos with the cameras given, else with those of structure from motion.

    Raises:
        InputError: The photos cannot be placed, or one cannot be read.
    """
    count, name = len(scene.photos), scene.path.name
    task = "finding points" if posed is not None else "finding points and cameras"
    log.info(f"{name}: {task} in {count} photos")
    with tempfile.TemporaryDirectory() as workspace:
        if posed is not None:
            points = triangulate_points(posed, Path(workspace))
            return PlacedPhotos(posed, points, range(count), {}, RECORDED)
        found = register_photos(scene.photos, Path(workspace))
    index_of = {path: index for index, path in enumerate(scene.photos)}
    indices = [index_of[photo.path] for photo in found.posed]
    reason = "structure from motion could not place it"
    left_out = dict.fromkeys(sorted(set(range(count)) - set(indices)), reason)
    return PlacedPhotos(found.posed, found.points, indices, left_out, "structure from motion")


def require_points(placed: PlacedPhotos) -> None:
    """Make sure that depth can be brought to the scale of the cameras.

    Raises:
        InputError: No photo sees enough points for it.
    """
    if np.bincount(placed.points.photo_index, minlength=1).max() < FEWEST_POINTS:
        raise _too_little_texture(placed)


def _too_little_texture(placed: PlacedPhotos) -> InputError:
    return InputError(
        f"{placed.posed[0].path.parent}: the photos share too little texture to bring depth to the "
        "scale of their cameras; add photos in between",
        Remedy.CAMERAS,
    )


def camera_entries(posed: Sequence[PosedPhoto]) -> list[Any]:
    """Cameras as part of a `content_key`."""
    return [
        [
            photo.camera.K.tolist(),
            photo.camera.cam_from_world.tolist(),
            photo.camera.size_wh,
            asdict(photo.lens) if photo.lens else None,
        ]
        for photo in posed
    ]


class DepthFitter:
    """Brings depth of a scale of its own to the scale of cameras, frame after frame.

    A frame that sees too few points takes what the frame before took, which is of the same scale in
    the network's world; the first ones wait for one that sees enough.

    Args:
        placed: The photos and the points that they see.
        keep: Told the position among `placed.posed` and the depth of each frame.
    """

    def __init__(self, placed: PlacedPhotos, keep: Callable[[int, DepthMap], None]):
        self._placed, self._keep = placed, keep
        self._last: Alignment | None = None
        self._waiting: list[tuple[int, DepthMap]] = []
        self._without: list[str] = []

    def add(self, position: int, depth_map: DepthMap) -> None:
        """Take the depth of the next frame, whose camera is the one that it was placed with."""
        fitted, found = align_depth(depth_map, self._placed.points.seen_by(position))
        if found is not None:
            self._last = found
            for earlier, waiting in self._waiting:
                self._keep(earlier, aligned(waiting, found))
            self._waiting = []
            self._keep(position, fitted)
            return
        self._without.append(self._placed.posed[position].path.name)
        if self._last is None:
            self._waiting.append((position, depth_map))
        else:
            self._keep(position, aligned(depth_map, self._last))

    def finish(self) -> str:
        """What records say of the cameras, and of depth that was brought to agree with them.

        Raises:
            InputError: No frame's depth could be.
        """
        count = len(self._placed.posed)
        if self._last is None:
            raise _too_little_texture(self._placed)
        fitted = f"{self._placed.source}, depth fitted in"
        if not self._without:
            return f"{fitted} all {count} frames"
        own, named = count - len(self._without), ", ".join(self._without)
        return f"{fitted} {own} of {count} frames, as in the one before in {named}"
