"""Depth and masks of a recorded frame, brought to its upright photo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..core.geometry import DepthMap
from ..files.depth_files import to_scene_units
from .recording import RecordedFrame

# Share by which the aspects of depth and photo may differ. ScanNet's 1296x968 colour and 640x480
# depth differ by 0.4 %, a crop that loses one row in fifty by 2 %.
ASPECT_TOLERANCE = 0.01


def load_depth(frame: RecordedFrame) -> DepthMap:
    """The depth of a frame, free of lens distortion.

    Raises:
        InputError: There is none, it cannot be read, or it cannot belong to the photo.
    """
    photo = frame.photo
    if frame.depth_path is None:
        raise InputError(f"{photo.path}: no depth is recorded for this photo")
    depth = to_scene_units(frame.read_stored(frame.depth_path), frame.unit_scale)
    depth = np.rot90(depth, frame.quarter_turns)
    confidence = _confidence(frame, depth.shape)
    size_wh = (depth.shape[1], depth.shape[0])
    taken_wh = photo.lens.size_wh if photo.lens else photo.camera.size_wh
    if abs(size_wh[0] * taken_wh[1] / (size_wh[1] * taken_wh[0]) - 1) > ASPECT_TOLERANCE:
        raise InputError(
            f"{frame.depth_path}: found {_wxh(size_wh)}, need the aspect of its photo "
            f"{_wxh(taken_wh)}"
        )
    if photo.lens is None:
        depth = np.ascontiguousarray(depth)
        return DepthMap(depth, confidence, photo.camera.resized(size_wh))
    lens, scale = photo.lens.resized(size_wh), size_wh[0] / taken_wh[0]
    camera = photo.camera.resized(_scaled(photo.camera.size_wh, scale))
    positions = lens.photo_positions(camera)
    if confidence is not None:
        confidence = _nearest(confidence, positions)
    return DepthMap(_nearest(depth, positions), confidence, camera)


def _confidence(frame: RecordedFrame, shape_hw: tuple[int, ...]) -> NDArray[np.float32] | None:
    if frame.confidence_path is None:
        return None
    levels = np.rot90(frame.read_confidence(frame.confidence_path), frame.quarter_turns)
    if levels.shape != shape_hw:
        raise InputError(
            f"{frame.confidence_path}: found {_wxh(levels.shape[::-1])}, need the size of its "
            f"depth {_wxh(shape_hw[::-1])}"
        )
    return (levels / np.float32(frame.confidence_step)).astype(np.float32)


def _nearest(values: NDArray, positions: NDArray) -> NDArray[np.float32]:
    columns, rows = np.floor(np.moveaxis(positions, -1, 0)).astype(np.intp)
    height, width = values.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    sampled = values[rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return np.where(inside, sampled, np.float32(0))


def _scaled(size_wh: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def _wxh(size_wh: tuple[int, ...]) -> str:
    return f"{size_wh[0]}x{size_wh[1]}"
