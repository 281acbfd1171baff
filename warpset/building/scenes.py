"""Scene folders: find them, and choose the photos to work on; no depth, no pixels."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import InputError
from ..core.natural_order import sorted_naturally
from ..files.photos import check_photo, find_photos, photos_in
from ..recordings.recording import RecordedFrame, Recording, near_origin
from ..recordings.registry import find_recording, read_recording
from .frames import FrameSelection, scene_size, select_frames, view_overlap

PHOTO_FOLDER = re.compile(r"images(_\d+)?")
"""Folders that hold one scene's photos, shrunk by a factor where they name one (nerfstudio)."""


def find_scenes(input_dir: Path) -> list[Path]:
    """The scene folders below a folder, in natural order; the folder itself may be one.

    Raises:
        InputError: The folder is missing or holds no scene.
    """
    if not input_dir.is_dir():
        raise InputError(
            f"{input_dir}: found no such folder, need one with photos; see --input-dir"
        )
    if find_recording(input_dir) is not None:
        return [input_dir]
    folders = sorted_naturally(path for path in input_dir.iterdir() if path.name[0] != ".")
    scenes = [folder for folder in folders if _may_be_scene(folder)]
    if photos_in(input_dir):
        return [input_dir, *scenes]
    if any(PHOTO_FOLDER.fullmatch(scene.name) for scene in scenes):
        return [input_dir]
    if [scene.name[:6] for scene in scenes] == ["images"]:
        return [input_dir]
    if not scenes:
        raise InputError(
            f"{input_dir}: found no scene, need photos in it or in its sub-folders; see --input-dir"
        )
    return scenes


def _may_be_scene(folder: Path) -> bool:
    """Whether a folder holds photos or a recording; one that cannot be looked into counts, too."""
    try:
        return folder.is_dir() and (find_recording(folder) is not None or bool(find_photos(folder)))
    except OSError:
        return True


def scene_name(scene: Path) -> str:
    """What a scene's output folder is called: the folder's own name, also for `.` and `..`."""
    return scene.resolve().name if scene.name in ("", "..") else scene.name


@dataclass(frozen=True)
class SceneInput:
    """What a scene offers.

    Attributes:
        path: The scene folder.
        photos: The chosen photos, readable, in natural order.
        recording: What the scene records of cameras and depth; None where nothing.
        problems: A line for each photo that had to be left out.
        missing: How many photos the recording lists that are not on disk.
        unlisted: Photos on disk that the recording does not list.
    """

    path: Path
    photos: tuple[Path, ...]
    recording: Recording | None
    problems: tuple[str, ...]
    missing: int
    unlisted: tuple[Path, ...] = ()

    def recorded_frames(self) -> tuple[RecordedFrame, ...]:
        """What is recorded of the chosen photos, in their order; nothing without a recording."""
        if self.recording is None:
            return ()
        frame_of = {frame.photo.path: frame for frame in self.recording.frames}
        return tuple(frame_of[path] for path in self.photos)


def open_scene(
    scene: Path, selection: FrameSelection, minimum: int = 2, workers: int = 1
) -> SceneInput:
    """Look at a scene's photos and recording, and choose its frames.

    Args:
        scene: The scene folder.
        selection: Which photos become frames.
        minimum: How many photos are needed; a pair takes two.
        workers: Threads that look at photos.

    Raises:
        InputError: There is no such folder, its recording cannot be read, or fewer photos than
            needed are left.
    """
    if not scene.is_dir():
        raise InputError(f"{scene}: found no such folder, need one with photos")
    try:
        recording, found = read_recording(scene), find_photos(scene)
    except OSError as error:
        raise InputError(
            f"{scene}: cannot be looked into ({error.strerror}); check its permissions"
        ) from error
    recording = near_origin(recording) if recording else None
    problems = dict(recording.problems) if recording else {}
    posed = [frame.photo.path for frame in recording.frames] if recording else []
    on_disk = [path for path in found if path not in problems]
    candidates = sorted_naturally({*posed, *on_disk})
    with ThreadPoolExecutor(workers) as pool:
        faults = zip(candidates, pool.map(_fault, candidates), strict=True)
        problems |= {path: fault for path, fault in faults if fault is not None}
    listed = set(posed) if recording else set(candidates)
    usable = [path for path in candidates if path in listed and path not in problems]
    photos = _chosen(scene, usable, recording, selection)
    bad = sorted_naturally(problems)
    unlisted = tuple(path for path in candidates if path not in listed and path not in problems)
    missing = recording.missing if recording else 0
    lines = tuple(problems[path] for path in bad)
    opened = SceneInput(scene, tuple(photos), recording, lines, missing, unlisted)
    if len(photos) < minimum:
        raise _too_few(opened, len(usable), minimum, bad)
    return opened


def _fault(photo: Path) -> str | None:
    """Why a photo cannot be used; None where it can."""
    try:
        check_photo(photo)
    except InputError as error:
        return str(error)
    return None


def _chosen(
    scene: Path, usable: Sequence[Path], recording: Recording | None, selection: FrameSelection
) -> list[Path]:
    overlap = None
    if selection.target_overlap is not None:
        overlap = _overlap_of(scene, usable, recording)
    return [usable[index] for index in select_frames(len(usable), selection, overlap)]


def _too_few(scene: SceneInput, readable: int, minimum: int, bad: Sequence[Path]) -> InputError:
    found = f"found {readable} readable photo{'' if readable == 1 else 's'}"
    if bad:
        found += f" and {len(bad)} that cannot be used ({_first_reason(scene.problems)})"
    if scene.recording and (scene.missing or scene.unlisted):
        found += (
            f"; {scene.recording.origin} lists {scene.missing} that are not there, and "
            f"{len(scene.unlisted)} are there that it does not list"
        )
    if minimum == 1:
        return InputError(f"{scene.path}: {found}, need at least 1; add photos")
    if readable > 1:
        found += f", of which the options keep {len(scene.photos)}"
    return InputError(
        f"{scene.path}: {found}, need at least {minimum} to make a pair; add photos or lower "
        "--skip-every"
    )


def _first_reason(problems: Sequence[str]) -> str:
    """The first problem, and how many share its reason; a problem starts with its path."""
    reasons = [problem.partition(": ")[2] for problem in problems]
    share = reasons.count(reasons[0])
    alike = f"{share} alike: " if share > 1 else ""
    return alike + problems[0].removesuffix("; left out")


def _overlap_of(
    scene: Path, usable: Sequence[Path], recording: Recording | None
) -> Callable[[int, int], float]:
    """View overlap of two usable photos, by index."""
    if recording is None:
        raise InputError(
            f"{scene}: found no cameras, --auto-skip needs a transforms.json; "
            "add one or use --skip-every"
        )
    camera_of = {frame.photo.path: frame.photo.camera for frame in recording.frames}
    cameras = [camera_of[path] for path in usable]
    extent = scene_size(cameras) if cameras else 0.0
    return lambda one, other: view_overlap(cameras[one], cameras[other], extent)
