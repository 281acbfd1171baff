"""One scene: what its photos and recording offer, and which photos become frames; no depth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..core.errors import InputError, Remedy, alike, looking_into, told_once
from ..core.natural_order import sorted_naturally
from ..files.photo_folders import (
    NEED_THE_GROUP,
    FoundPhotos,
    look_for_photos,
    one_file_a_shot,
)
from ..files.photos import PhotoFacts, read_photo_facts
from ..recordings.masks import kept_share, mask_files, unused_mask_folder
from ..recordings.recording import MaskFile, RecordedFrame, Recording, near_origin
from ..recordings.registry import read_recording
from .frames import FrameSelection, scene_size, select_frames, view_overlap
from .summary import SceneSummary

STILL = 0.03
"""Greatest RMS difference of two fingerprints of one content. The same photo as HEIC, as JPEG of
quality 50, at half its size or with noise of 8 levels lies at 0.005 to 0.027; moved sideways by
0.3 % of its width at 0.06 and more, neighbours of slow walks at 0.08 and more."""


HARDLY_KEPT = 0.5
"""Of photos: people and cars take up less, so masks that keep less may be the wrong way round."""

MOST_NAMED = 20
"""Photos that are left out for one reason and are each named; of more, the first one is."""


@dataclass(frozen=True)
class SceneInput:
    """What a scene offers.

    Attributes:
        path: The scene folder.
        photos: The chosen photos, readable, in natural order.
        recording: What the scene records of cameras and depth; None where nothing.
        problems: A line for each photo that had to be left out.
        missing: What names the photos that the recording lists and that are not on disk.
        unlisted: Photos on disk that the recording does not list.
        remarks: A line for each kind of file that was left out and is no problem.
        masks: What to leave out of a photo, by its path.
    """

    path: Path
    photos: tuple[Path, ...]
    recording: Recording | None
    problems: tuple[str, ...]
    missing: tuple[Path, ...]
    unlisted: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()
    masks: Mapping[Path, MaskFile] = field(default_factory=dict)

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
    with looking_into(scene):
        recording, found = read_recording(scene), look_for_photos(scene)
    recording = near_origin(recording) if recording else None
    choice = _Candidates(scene, recording, found, workers)
    photos = _chosen(scene, choice.usable, recording, selection)
    opened = SceneInput(
        scene,
        tuple(photos),
        recording,
        tuple(choice.problems[path] for path in sorted_naturally(choice.problems)),
        recording.missing if recording else (),
        tuple(choice.unlisted),
        tuple(choice.remarks),
        mask_files(scene, recording, photos),
    )
    if len(photos) < minimum:
        raise _too_few(opened, len(choice.usable), minimum)
    return opened


def report_photos(scene: SceneInput, summary: SceneSummary) -> None:
    """Say which photos are left out; those that lie there or are listed alone are no problem."""
    for problems in alike(scene.problems):
        told = [told_once(problems)] if len(problems) > MOST_NAMED else problems
        for problem in told:
            summary.report(problem)
    summary.missing_photos = len(scene.missing)
    if scene.recording:
        summary.say(
            f"{scene.path}: takes {scene.recording.shown_origin}, read as {scene.recording.format}"
        )
    _report_masks(scene, summary)
    for remark in scene.remarks:
        summary.warn(remark)
    if scene.recording and scene.unlisted:
        summary.warn(
            f"{scene.path}: {len(scene.unlisted)} photos are not in {scene.recording.shown_origin} "
            f"({scene.unlisted[0].name} first); left out"
        )
    if scene.recording and scene.missing:
        summary.warn(
            f"{scene.path}: {len(scene.missing)} photos of {scene.recording.shown_origin} are not "
            f"there ({scene.missing[0].name} first); left out"
        )


def _report_masks(scene: SceneInput, summary: SceneSummary) -> None:
    """Say how many photos have a mask and what those keep, since some swap black and white."""
    if not scene.masks:
        if found := unused_mask_folder(scene.path):
            folder, count = found
            summary.warn(
                f"{folder}: {count} pictures, of which none is named like a photo; not used, need "
                "<photo>.png or <photo with its extension>.png"
            )
        return
    line = f"{scene.path}: {len(scene.masks)} of {len(scene.photos)} photos have a mask"
    share = kept_share(scene.masks)
    if share is not None:
        line += f", which keeps {share:.0%}"
    if share is not None and share < HARDLY_KEPT:
        summary.warn(f"{line}; if that is too little, swap its black and white")
    else:
        summary.say(line)


class _Candidates:
    """Photos that may become frames, each looked at, and why others may not.

    Args:
        scene: The scene folder.
        recording: What it records; None where nothing.
        found: Photos that lie there.
        workers: Threads that look at photos.
    """

    def __init__(self, scene: Path, recording: Recording | None, found: FoundPhotos, workers: int):
        self._scene = scene
        self.problems = dict(recording.problems) if recording else {}
        self.remarks = list(found.remarks)
        self._tell_unreadable(found.unreadable)
        posed = [frame.photo.path for frame in recording.frames] if recording else []
        on_disk = [path for path in found.photos if path not in self.problems]
        if recording is None:
            on_disk, twins = one_file_a_shot(on_disk)
            self._remark(twins, "photos are another's shot in another format")
        candidates = sorted_naturally({*posed, *on_disk})
        with ThreadPoolExecutor(workers) as pool:
            examined = dict(zip(candidates, pool.map(_facts_or_problem, candidates), strict=True))
        self.problems |= {path: told for path, told in examined.items() if isinstance(told, str)}
        facts = {path: told for path, told in examined.items() if isinstance(told, PhotoFacts)}
        listed = set(posed) if recording else set(self._without_depth(facts))
        self.unlisted = [path for path in facts if path not in listed] if recording else []
        self.usable = self._moving([path for path in facts if path in listed], facts)

    def _remark(self, photos: Sequence[Path], what: str) -> None:
        if photos:
            self.remarks.append(
                f"{self._scene}: {len(photos)} {what} ({photos[0].name} first); left out"
            )

    def _tell_unreadable(self, photos: Sequence[Path]) -> None:
        if photos:
            formats = {path.suffix.lower() for path in photos}
            optional = formats & NEED_THE_GROUP
            self.problems[photos[0]] = (
                f"{self._scene}: {len(photos)} photos in formats that cannot be read here "
                f"({', '.join(sorted(formats))}; {photos[0].name} first); left out, "
                f"{'install the group `photos` or ' if optional else ''}convert them"
            )

    def _without_depth(self, facts: Mapping[Path, PhotoFacts]) -> list[Path]:
        """Photos but for gray ones of 16 bits among others, which are depth pictures."""
        deep = [path for path in facts if facts[path].is_sixteen_bit]
        if len(deep) in (0, len(facts)):
            return list(facts)
        self._remark(deep, "gray pictures of 16 bits among photos, taken for depth")
        return [path for path in facts if path not in deep]

    def _moving(self, photos: Sequence[Path], facts: Mapping[Path, PhotoFacts]) -> list[Path]:
        """Photos of which no neighbours show the same from the same place."""
        moving: list[Path] = []
        for path in photos:
            if not moving or _differ(facts[moving[-1]], facts[path]):
                moving.append(path)
        kept = set(moving)
        self._remark(
            [path for path in photos if path not in kept],
            "photos show what the one before shows, from the same place,",
        )
        return moving


def _differ(one: PhotoFacts, other: PhotoFacts) -> bool:
    return float(np.sqrt(np.mean((one.fingerprint - other.fingerprint) ** 2))) > STILL


def _facts_or_problem(photo: Path) -> PhotoFacts | str:
    """What a cheap look tells of a photo, or why it cannot be used."""
    try:
        return read_photo_facts(photo)
    except InputError as error:
        return str(error)


def _chosen(
    scene: Path, usable: Sequence[Path], recording: Recording | None, selection: FrameSelection
) -> list[Path]:
    overlap = None
    if selection.target_overlap is not None:
        overlap = _overlap_of(scene, usable, recording)
    return [usable[index] for index in select_frames(len(usable), selection, overlap)]


def _too_few(scene: SceneInput, readable: int, minimum: int) -> InputError:
    found = f"found {readable} readable photo{'' if readable == 1 else 's'}"
    if scene.problems:
        reason = _first_reason(scene.problems)
        found += f" and {len(scene.problems)} that cannot be used ({reason})"
    if scene.remarks:
        found += f" ({'; '.join(scene.remarks)})"
    if scene.recording and (scene.missing or scene.unlisted):
        found += (
            f"; {scene.recording.shown_origin} lists {len(scene.missing)} that are not there"
            f"{_first(scene.missing)}, and {len(scene.unlisted)} are there that it does not list"
            f"{_first(scene.unlisted)}"
        )
    needed = f"need at least {minimum}" + (" to make a pair" if minimum > 1 else "")
    if readable >= minimum:
        kept = f"of which the options keep {len(scene.photos)}"
        return InputError(f"{scene.path}: {found}, {kept}, {needed}", Remedy.FEWER_SKIPPED)
    return InputError(f"{scene.path}: {found}, {needed}; {_way_to_more(scene)}")


def _first(photos: Sequence[Path]) -> str:
    return f" ({photos[0].name} first)" if photos else ""


def _way_to_more(scene: SceneInput) -> str:
    """What gives a scene with too few usable photos more of them."""
    recording = scene.recording
    if recording and (recording.problems or scene.missing or scene.unlisted):
        amend = "mend" if recording.problems else "add the photos that it lists to"
        return f"{amend} this recording, or move its files away to do without its cameras"
    return "mend or replace those" if scene.problems else "add photos"


def _first_reason(problems: Sequence[str]) -> str:
    """The first problem, and how many share its reason."""
    first, *_ = alike(problems)
    count = f"{len(first)} alike: " if len(first) > 1 else ""
    return count + first[0].removesuffix("; left out")


def _overlap_of(
    scene: Path, usable: Sequence[Path], recording: Recording | None
) -> Callable[[int, int], float]:
    """View overlap of two usable photos, by index."""
    if recording is None:
        raise InputError(
            f"{scene}: found no cameras, need them to tell how views overlap; add a "
            "transforms.json",
            Remedy.EVERY_NTH_PHOTO,
        )
    camera_of = {frame.photo.path: frame.photo.camera for frame in recording.frames}
    cameras = [camera_of[path] for path in usable]
    extent = scene_size(cameras) if cameras else 0.0
    return lambda one, other: view_overlap(cameras[one], cameras[other], extent)
