"""The formats of recordings; a new one is a file that ends in a `READER`, and a line here."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path

from ..core.errors import InputError
from ..core.geometry import FrameGeometry, SceneGeometry
from ..core.natural_order import sorted_naturally
from .formats import (
    blender,
    colmap_model,
    polycam,
    record3d,
    scannet,
    scannetpp,
    seven_scenes,
    stray_scanner,
    transforms_json,
    tum,
)
from .recorded_depth import load_depth
from .recording import NONSENSE, PANORAMA, Reader, RecordedFrame, Recording, is_panorama

RECORDED = "recorded"

READERS: tuple[Reader, ...] = (
    scannetpp.READER,
    transforms_json.READER,
    blender.READER,
    polycam.READER,
    record3d.READER,
    stray_scanner.READER,
    scannet.READER,
    tum.READER,
    seven_scenes.READER,
    colmap_model.READER,
)
"""In the order they are asked; the first one that knows a folder reads it."""


def find_recording(scene: Path) -> tuple[Reader, Path] | None:
    """Who reads a scene folder's recording, and the file or folder it starts from."""
    found = ((reader, reader.find(scene)) for reader in READERS)
    return next(((reader, origin) for reader, origin in found if origin is not None), None)


def read_recording(scene: Path) -> Recording | None:
    """What a scene folder records of its cameras and depth; None where it records nothing.

    Frames come in natural order of their photos. Photos that are listed but cannot be used are
    in `Recording.problems`, panoramas among them: views are cut out of those beforehand.

    Raises:
        InputError: The recording as a whole cannot be read or contradicts itself.
    """
    recording = read_any_recording(scene)
    if recording is None:
        return None
    panoramas = [frame.photo.path for frame in recording.frames if is_panorama(frame)]
    if not panoramas:
        return recording
    problem = (
        f"its camera model is {PANORAMA}, and views are cut only for pairs, of scenes that have "
        "nothing else; left out"
    )
    return recording._replace(
        frames=tuple(frame for frame in recording.frames if not is_panorama(frame)),
        problems={**recording.problems, **{path: f"{path}: {problem}" for path in panoramas}},
    )


def read_any_recording(scene: Path) -> Recording | None:
    """As `read_recording`, panoramas being frames."""
    found = find_recording(scene)
    if found is None:
        return None
    reader, origin = found
    try:
        recording = reader.read(scene, origin)._replace(format=reader.format)
    except NONSENSE as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(
            f"{origin}: cannot be read as a recording of {reader.format} ({reason})"
        ) from error
    by_path = {frame.photo.path: frame for frame in recording.frames}
    if len(by_path) < len(recording.frames):
        listed = Counter(frame.photo.path for frame in recording.frames)
        twice = next(path.name for path, count in listed.items() if count > 1)
        raise InputError(
            f"{scene / recording.origin}: lists a photo twice ({twice} first); list each once"
        )
    in_order = tuple(by_path[path] for path in sorted_naturally(by_path))
    return recording._replace(frames=in_order)


def recorded_geometry(recording: Recording, frames: tuple[RecordedFrame, ...]) -> SceneGeometry:
    """Geometry of chosen frames of a recording; depth is read when it is needed."""
    return SceneGeometry(
        tuple(FrameGeometry(frame.photo, partial(load_depth, frame)) for frame in frames),
        source=RECORDED,
        revision=recording.origin,
        world_offset=recording.world_offset,
    )
