"""Which frames to pair, and on which raster to show them; no depth, no files."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .cameras import Camera, FloatArray, raster_transform
from .size_presets import preset_size


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


@dataclass(frozen=True)
class SizeRule:
    """The size of what is written.

    Attributes:
        max_megapixels: No more pixels than this many million; None for no bound.
        resize_wh: Explicit width and height, still bounded by `max_megapixels`; None keeps the
            photo's.
        preset: A key of `SIZE_PRESETS`: the nearest of its sizes, without any other bound.
    """

    max_megapixels: float | None = 1.0
    resize_wh: tuple[int, int] | None = None
    preset: str | None = None

    def size_of(self, photo_wh: tuple[int, int]) -> tuple[int, int]:
        """Output size (width, height) of a photo."""
        if self.preset is not None:
            return preset_size(self.preset, photo_wh)
        width, height = self.resize_wh or photo_wh
        if self.max_megapixels is None:
            return width, height
        scale = min(1.0, math.sqrt(self.max_megapixels * 1e6 / (width * height)))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def common_size(self, photos_wh: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """One output size for several photos: that of their least width and least height."""
        sizes = [photo_wh if self.preset else self.size_of(photo_wh) for photo_wh in photos_wh]
        width, height = np.array(sizes).min(axis=0)
        return self.size_of((int(width), int(height)))


def fit_camera(camera: Camera, size_wh: tuple[int, int]) -> Camera:
    """The camera on a raster of another size: scaled to cover it, what sticks out cut off evenly.

    Pixels stay as square as they were: no picture is stretched.
    """
    (width, height), (old_width, old_height) = size_wh, camera.size_wh
    scale = max(width / old_width, height / old_height)
    to_raster = np.diag([scale, scale, 1.0])
    to_raster[:2, 2] = (width - scale * old_width) / 2.0, (height - scale * old_height) / 2.0
    return camera.on_raster(size_wh, to_raster)


def photo_box(photo: Camera, view: Camera) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a view's raster in pixel positions of the photo."""
    to_photo: FloatArray = raster_transform(view, photo)
    corners = np.array([[0.0, 0.0, 1.0], [*view.size_wh, 1.0]]) @ to_photo.T
    left, top, right, bottom = np.round(corners[:, :2].reshape(4), 9)
    return float(left), float(top), float(right), float(bottom)
