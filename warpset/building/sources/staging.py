"""A scene as a folder of photos, whatever it is: a folder, a zip, a video; nothing is chosen."""

from __future__ import annotations

import contextlib
import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ...core.errors import InputError, looking_into
from ...files.photo_folders import MAX_NESTING, any_photos, find_videos, look_for_photos
from ...files.video import is_video
from ...files.zip_scenes import is_zip, unpack
from ...fleet.locks import sole_writer
from ...recordings.panoramas import find_panoramas
from ...recordings.registry import find_recording
from ..frames import FrameSampling
from .panorama_views import WHAT_IS_CUT, keep_views
from .scene_folders import find_scenes, innermost
from .stray_video import keep_stray_frames, stray_video_of
from .video_frames import keep_frames

log = logging.getLogger(__name__)


class StagedScene(NamedTuple):
    """A scene's folder.

    Attributes:
        folder: Where its photos and recording lie.
        shown_as: What to say instead of temporary folders that its paths start with.
        problems: A line for each photo that was left out on the way.
    """

    folder: Path
    shown_as: Mapping[str, str]
    problems: tuple[str, ...] = ()


@contextlib.contextmanager
def staged(
    scene: Path, output: Path, sampling: FrameSampling, keep: bool = True
) -> Iterator[StagedScene]:
    """A scene as a folder of photos that a lens could have taken, while it is needed.

    Args:
        scene: A folder, a zip or a video.
        output: Where its pairs go; frames of a video and views of panoramas are kept there.
        sampling: Which frames of a video become photos.
        keep: Whether frames and views stay in the output folder.

    Raises:
        InputError: The zip or video is damaged or refused, or the folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        asked, shown_as = scene, {}
        if is_zip(scene) and not scene.is_dir():
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            shown_as[str(scratch)] = str(scene.parent)
            (folder := scratch / scene.name).mkdir()
            unpack(scene, folder)
            scene = _only_scene(scene, folder)
        with looking_into(asked):
            folder = innermost(scene) if scene.is_dir() else scene
            make = _what_makes_photos(asked, scene, folder, sampling)
        if make is None:
            yield StagedScene(folder, shown_as)
            return
        made_in = output
        if not keep:
            made_in = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            shown_as[str(made_in)] = str(asked)
        with sole_writer(output) if keep else contextlib.nullcontext():
            made, problems = make(made_in)
        yield StagedScene(made, shown_as, problems)


MakePhotos = Callable[[Path], tuple[Path, tuple[str, ...]]]
"""Writes photos into a folder; where they are then, and a line for each that was left out."""


def _what_makes_photos(
    asked: Path, scene: Path, folder: Path, sampling: FrameSampling
) -> MakePhotos | None:
    """What makes photos of a scene that has none; None where it has."""
    if video := video_of(scene):
        return lambda made_in: (keep_frames(video, made_in, sampling), ())
    if stray_video_of(folder):
        return lambda made_in: (keep_stray_frames(folder, made_in, sampling), ())
    if panoramas := find_panoramas(folder):
        log.info(f"{asked}: {len(panoramas.photos)} panoramas; {WHAT_IS_CUT}")
        return lambda made_in: (keep_views(panoramas, made_in, folder), panoramas.problems)
    return None


def video_of(scene: Path) -> Path | None:
    """The video that a scene is: the file itself, or the only one in a folder without photos.

    Raises:
        InputError: A folder holds several and no photos.
    """
    if is_video(scene) and not scene.is_dir():
        return scene
    if not scene.is_dir():
        return None
    videos = find_videos(scene)
    if not videos or find_recording(scene) is not None or any_photos(look_for_photos(scene)):
        return None
    first, *others = videos
    if others:
        raise InputError(
            f"{scene}: found {len(videos)} videos ({first.name} first) and no photos, need one a "
            "scene; put each into a folder of its own"
        )
    return first


def _only_scene(archive: Path, folder: Path) -> Path:
    """The scene that a zip holds, be it some folders down."""
    scenes = find_scenes(folder)
    for _ in range(MAX_NESTING):
        if scenes == [folder] or len(scenes) != 1:
            break
        folder = scenes[0]
        scenes = find_scenes(folder)
    if len(scenes) > 1:
        names = ", ".join(path.name for path in scenes[:3])
        raise InputError(
            f"{archive}: holds {len(scenes)} scenes ({names}, ...), need one a zip; unpack it"
        )
    return scenes[0]
