"""A scene as a folder of photos, whatever it is: a folder, a zip, a video; nothing is chosen."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ...core.errors import InputError
from ...files.photo_folders import MAX_NESTING, any_photos, list_folder, look_for_photos
from ...files.video import is_video
from ...files.zip_scenes import is_zip, unpack
from ...fleet.locks import sole_writer
from ...recordings.registry import find_recording
from ..frames import FrameSampling
from .scene_folders import find_scenes
from .video_frames import keep_frames


class StagedScene(NamedTuple):
    """A scene's folder.

    Attributes:
        folder: Where its photos and recording lie.
        hidden: What its paths start with and nobody needs to read; empty where nothing.
        shown: What to say instead.
    """

    folder: Path
    hidden: str = ""
    shown: str = ""


@contextlib.contextmanager
def staged(
    scene: Path, output: Path, sampling: FrameSampling, keep: bool = True
) -> Iterator[StagedScene]:
    """A scene as a folder, while it is needed.

    Args:
        scene: A folder, a zip or a video.
        output: Where its pairs go; a video's frames are kept there.
        sampling: Which frames of a video become photos.
        keep: Whether a video's frames stay in the output folder.

    Raises:
        InputError: The zip or video is damaged or refused, or the folder cannot be written.
    """
    if is_zip(scene) and scene.is_file():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / scene.name
            folder.mkdir()
            unpack(scene, folder)
            yield StagedScene(_only_scene(scene, folder), scratch, str(scene.parent))
        return
    video = video_of(scene)
    if video is None:
        yield StagedScene(scene)
        return
    if keep:
        with sole_writer(output):
            frames = keep_frames(video, output, sampling)
        yield StagedScene(frames)
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield StagedScene(keep_frames(video, Path(scratch), sampling), scratch, str(video))


def video_of(scene: Path) -> Path | None:
    """The video that a scene is: the file itself, or the only one in a folder without photos.

    Raises:
        InputError: A folder holds several and no photos.
    """
    if is_video(scene) and scene.is_file():
        return scene
    if not scene.is_dir():
        return None
    videos = list_folder(scene).videos
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
