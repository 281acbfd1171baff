"""Photos that are looked at: of a scene folder, or listed one by one; no geometry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...core.errors import InputError
from ...core.natural_order import sorted_naturally
from ...files.photos import check_photo
from ...recordings.recording import Recording, near_origin
from ...recordings.registry import read_recording
from ..frames import FrameSelection
from ..scenes import SceneInput, open_scene


def photos_of(scene: Path | None, photos: Sequence[Path]) -> SceneInput:
    """The photos of a scene folder, or those that are listed.

    Raises:
        InputError: There is nothing that can be read.
    """
    if scene is not None:
        return open_scene(scene, FrameSelection(), minimum=1)
    return scene_of_photos(photos)


def scene_of_photos(given: Sequence[Path]) -> SceneInput:
    """Photos as a scene, with what the folder they lie in records of all of them.

    Raises:
        InputError: None of them can be read, or one is a folder.
    """
    photos, problems = [], []
    for path in sorted_naturally(dict.fromkeys(given)):
        if path.is_dir():
            raise InputError(f"{path}: found a folder, need photos; give it as a scene")
        try:
            check_photo(path)
            photos.append(path)
        except InputError as error:
            problems.append(str(error))
    if not photos:
        raise InputError(f"{problems[0]}; found no photo that can be read, need at least one")
    recording, masks = _recording_of(photos), {}
    if recording is not None:
        photos = [frame.photo.path for frame in recording.frames]
        masks = {f.photo.path: f.mask for f in recording.frames if f.mask is not None}
    folder = photos[0].parent
    return SceneInput(folder, tuple(photos), recording, tuple(problems), (), masks=masks)


def _recording_of(photos: Sequence[Path]) -> Recording | None:
    """The frames of these photos in a recording beside or above them; None where one lacks."""
    wanted = {path.resolve() for path in photos}
    for folder in (photos[0].parent, photos[0].absolute().parent.parent):
        recording = read_recording(folder)
        frames = [] if recording is None else recording.frames
        chosen = tuple(frame for frame in frames if frame.photo.path.resolve() in wanted)
        if recording is not None and len(chosen) == len(wanted):
            return near_origin(recording._replace(frames=chosen, missing=()))
    return None
