"""Which scenes are of panoramas (equirectangular, 2:1), recorded or not; nothing is cut here."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..core.errors import InputError
from ..core.lens import colmap_library
from ..files.json_files import MAX_TEXT_BYTES, read_bytes
from ..files.photo_folders import look_for_photos
from ..files.photos import read_photo, upright_size
from .recording import PANORAMA, Recording, is_panorama
from .registry import find_recording, read_any_recording

SEAM_STEPS = 3.0
"""The first and the last column of a panorama are neighbours: they differ as others do, times so
much at most. Those of other photos differ ten times as much and more."""

LEAST_STEP = 2.0
"""Gray levels; smaller differences of neighbours are noise."""


class Panoramas(NamedTuple):
    """The panoramas that a scene is made of.

    Attributes:
        photos: In natural order.
        recording: Their poses, depth and masks, in that order; None where nothing is recorded.
    """

    photos: tuple[Path, ...]
    recording: Recording | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        """A line for each photo that is left out."""
        if self.recording is None:
            return ()
        lines = tuple(self.recording.problems.values())
        if missing := self.recording.missing:
            lines += (
                f"{self.recording.origin}: lists {len(missing)} panoramas that are not there",
            )
        return lines


def find_panoramas(scene: Path) -> Panoramas | None:
    """The panoramas of a scene that has nothing but panoramas; None for every other scene.

    Without a recording they are known by what they show.

    Raises:
        InputError: The recording cannot be read.
    """
    found = find_recording(scene)
    if found is None:
        photos = look_for_photos(scene).photos
        return Panoramas(photos) if photos and all(map(_closes, photos)) else None
    if not _mentions_panoramas(found[1]):
        return None
    recording = read_any_recording(scene)
    if recording is None or not recording.frames or not all(map(is_panorama, recording.frames)):
        return None
    return Panoramas(tuple(frame.photo.path for frame in recording.frames), recording)


def _mentions_panoramas(origin: Path) -> bool:
    """A cheap look, since most recordings are not of panoramas."""
    try:
        if origin.is_file():
            return PANORAMA.encode() in read_bytes(origin, MAX_TEXT_BYTES)
        if (origin / "cameras.bin").is_file():
            with (origin / "cameras.bin").open("rb") as file:
                _, _, model = struct.unpack("<QIi", file.read(16))
            known = getattr(colmap_library(str(origin)).CameraModelId, PANORAMA, None)
            return known is not None and model == int(known)
        return PANORAMA.encode() in read_bytes(origin / "cameras.txt", MAX_TEXT_BYTES)
    except (OSError, ValueError, struct.error):
        return False


def _closes(photo: Path) -> bool:
    """Whether a photo is twice as wide as high and its left end goes on at its right end."""
    try:
        width, height = upright_size(photo)
        if width != 2 * height:
            return False
        gray = read_photo(photo).mean(axis=2)
    except InputError:
        return False
    step = np.median(np.abs(np.diff(gray, axis=1)).mean(axis=0))
    return bool(np.abs(gray[:, 0] - gray[:, -1]).mean() < SEAM_STEPS * max(step, LEAST_STEP))
