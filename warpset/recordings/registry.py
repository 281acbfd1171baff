"""The formats of recordings; a new one is a file that ends in a `READER`, and a line here."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from ..core.errors import InputError
from ..core.geometry import DepthMap, FrameGeometry, SceneGeometry
from ..core.natural_order import sorted_naturally
from ..files.depth_files import read_depth
from . import colmap_model, transforms_json
from .recording import Reader, RecordedFrame, Recording, same_aspect

RECORDED = "recorded"

READERS: tuple[Reader, ...] = (transforms_json.READER, colmap_model.READER)
"""In the order they are asked; the first one that knows a folder reads it."""


def find_recording(scene: Path) -> tuple[Reader, Path] | None:
    """Who reads a scene folder's recording, and the file or folder it starts from."""
    found = ((reader, reader.find(scene)) for reader in READERS)
    return next(((reader, origin) for reader, origin in found if origin is not None), None)


def read_recording(scene: Path) -> Recording | None:
    """What a scene folder records of its cameras and depth; None where it records nothing.

    Frames come in natural order of their photos. Photos that are listed but cannot be used are
    in `Recording.problems`.

    Raises:
        InputError: The recording as a whole cannot be read or contradicts itself.
    """
    found = find_recording(scene)
    if found is None:
        return None
    reader, origin = found
    recording = reader.read(scene, origin)._replace(format=reader.format)
    by_path = {frame.photo.path: frame for frame in recording.frames}
    if len(by_path) < len(recording.frames):
        raise InputError(f"{scene / recording.origin}: lists a photo twice; list each once")
    in_order = tuple(by_path[path] for path in sorted_naturally(by_path))
    return recording._replace(frames=in_order)


def recorded_geometry(recording: Recording, frames: tuple[RecordedFrame, ...]) -> SceneGeometry:
    """Geometry of chosen frames of a recording; depth is read when it is needed."""
    return SceneGeometry(
        tuple(FrameGeometry(frame.photo, partial(_load_depth, frame)) for frame in frames),
        source=RECORDED,
        revision=recording.origin,
        world_offset=recording.world_offset,
    )


def _load_depth(frame: RecordedFrame) -> DepthMap:
    photo = frame.photo
    if frame.depth_path is None:
        raise InputError(f"{photo.path}: no depth is recorded for this photo")
    depth = read_depth(frame.depth_path, frame.unit_scale)
    size_wh = (depth.shape[1], depth.shape[0])
    taken_size_wh = photo.lens.size_wh if photo.lens else photo.camera.size_wh
    if not same_aspect(size_wh, taken_size_wh):
        raise InputError(
            f"{frame.depth_path}: found {_wxh(size_wh)}, need the aspect of its photo "
            f"{_wxh(taken_size_wh)}"
        )
    if photo.lens is None:
        return DepthMap(depth, None, photo.camera.resized(size_wh))
    lens = photo.lens.resized(size_wh)
    scale = size_wh[0] / taken_size_wh[0]
    camera = photo.camera.resized(_scaled(photo.camera.size_wh, scale))
    return DepthMap(_nearest(depth, lens.photo_positions(camera)), None, camera)


def _nearest(depth: np.ndarray, positions: np.ndarray) -> np.ndarray:
    columns, rows = np.floor(np.moveaxis(positions, -1, 0)).astype(np.intp)
    height, width = depth.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    sampled = depth[rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return np.where(inside, sampled, np.float32(0))


def _scaled(size_wh: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))


def _wxh(size_wh: tuple[int, int]) -> str:
    return f"{size_wh[0]}x{size_wh[1]}"
