"""Which folders and files below an input folder are scenes, and what their pairs' folders are."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...core.errors import InputError, Remedy
from ...core.natural_order import sorted_naturally
from ...files.photo_folders import (
    BY_NAME,
    MAX_NESTING,
    any_photos,
    find_videos,
    list_folder,
    look_for_photos,
    photos_below,
)
from ...files.photos import PHOTO_EXTENSIONS
from ...files.video import is_video
from ...files.zip_scenes import is_zip
from ...recordings.registry import find_recording

IMAGES = re.compile(r"images(_\d+)?")
"""Folders that are never scenes of their own: nerfstudio's, shrunk where they name a factor."""

OF_A_SCENE = ("nerfstudio", "colmap", "dense")
"""Folders that hold a scene's recording; scenes are called so as well."""

log = logging.getLogger(__name__)


def find_scenes(input_dir: Path) -> list[Path]:
    """The scenes below a folder, in natural order; the folder itself may be one.

    A scene is a folder of photos or with a recording, a zip of one, or a video.

    Args:
        input_dir: The folder, or one scene's zip or video.

    Raises:
        InputError: The folder is missing or holds no scene.
    """
    if input_dir.is_file() and (is_zip(input_dir) or is_video(input_dir)):
        return [input_dir]
    if not input_dir.is_dir():
        raise InputError(
            f"{input_dir}: found no such folder, need one with photos",
            Remedy.INPUT_FOLDER,
        )
    if find_recording(input_dir) is not None and not _recorded_by_one_of_many(input_dir):
        return [input_dir]
    here = list_folder(input_dir)
    folders = [path for path in here.folders if may_be_scene(path)]
    scenes = sorted_naturally([*folders, *here.videos, *here.archives])
    if any(IMAGES.fullmatch(path.name) for path in scenes):
        return [input_dir]
    if here.photos or here.unreadable:
        return [input_dir, *scenes]
    if len(scenes) == 1 and _holds_photos_of_one_scene(scenes[0].name):
        return [input_dir]
    if not scenes:
        raise _no_scene(input_dir)
    _say_overlooked(path for path in here.folders if path not in scenes)
    return scenes


def innermost(scene: Path) -> Path:
    """The folder with a scene's recording: its own, or the only one with photos below it."""
    folder = scene
    for _ in range(MAX_NESTING):
        if find_recording(folder) is not None:
            return folder
        here = list_folder(folder)
        inner = [path for path in here.folders if may_be_scene(path)]
        if here.photos or len(inner) != 1 or _holds_photos_of_one_scene(inner[0].name):
            break
        folder = inner[0]
    return folder if find_recording(folder) is not None else scene


def _recorded_by_one_of_many(input_dir: Path) -> bool:
    """Whether what records a folder of scenes is one of them, called as if it were a part.

    Whole scenes beside it tell, but for those of the same photos (DL3DV's `gaussian_splat/`).
    """
    found = find_recording(input_dir)
    assert found is not None, "asked of recorded folders only"
    part = input_dir / found[1].relative_to(input_dir).parts[0]
    if part.name not in OF_A_SCENE or find_recording(part) is None:
        return False
    own = _photo_marks(part)
    siblings = [path for path in list_folder(input_dir).folders if path != part]
    scenes = [
        path
        for path in siblings
        if not _holds_photos_of_one_scene(path.name) and may_be_scene(path)
    ]
    return bool(own) and any(not own & _photo_marks(path) for path in scenes)


def _photo_marks(scene: Path) -> set[tuple[str, int]]:
    """Name and size in bytes of a scene's photos."""
    photos = [photo for photo in look_for_photos(scene).photos if photo.is_file()]
    return {(photo.name, photo.stat().st_size) for photo in photos}


def _holds_photos_of_one_scene(folder_name: str) -> bool:
    return folder_name.startswith("images") or BY_NAME.fullmatch(folder_name) is not None


def may_be_scene(path: Path) -> bool:
    """Whether a folder holds photos or a recording; one that cannot be looked into counts, too."""
    try:
        if find_recording(path) is not None or find_videos(path):
            return True
        find = photos_below if _holds_photos_of_one_scene(path.name) else look_for_photos
        return any_photos(find(path))
    except OSError:
        return True


def scene_name(scene: Path) -> str:
    """What a scene's output folder is called: the folder's own name, also for `.` and `..`.

    A zip or a video gives the name without its extension, unless that is a neighbour's.
    """
    if scene.name in ("", ".."):
        return scene.resolve().name
    if not (is_zip(scene) or is_video(scene)) or not scene.is_file():
        return scene.name
    return name_of_packed(scene, names_taken(path.name for path in scene.parent.iterdir()))


def names_taken(names: Iterable[str]) -> Mapping[str, int]:
    """How many of a folder's entries would have an output folder of some name."""
    taken = Counter[str]()
    for name in names:
        path = Path(name)
        taken.update({name, path.stem} if is_zip(path) or is_video(path) else {name})
    return taken


def name_of_packed(scene: Path, taken: Mapping[str, int]) -> str:
    """What the output folder of a zip or video is called beside others, see `names_taken`."""
    is_alone = taken[scene.stem] == 1
    return scene.stem if is_alone else f"{scene.stem}_{scene.suffix[1:].lower()}"


def _no_scene(input_dir: Path) -> InputError:
    entries = sorted_naturally(path for path in input_dir.iterdir() if path.name[0] != ".")
    extensions = " ".join(sorted(PHOTO_EXTENSIONS))
    return InputError(
        f"{input_dir}: found no scene, saw {_inventory(entries)}; need photos ({extensions}) in "
        "it, in its sub-folders or in their images/, input/ or rgb/, or videos or zips of scenes",
        Remedy.INPUT_FOLDER,
    )


def _inventory(entries: Sequence[Path]) -> str:
    """What lies in a folder, in a few words: `2 .txt, folders a, b`."""
    folders = [path.name for path in entries if path.is_dir()]
    files = Counter(path.suffix.lower() or "unnamed" for path in entries if path.is_file())
    seen = [f"{count} {suffix}" for suffix, count in sorted(files.items())]
    if folders:
        more = f" and {len(folders) - 3} more" if len(folders) > 3 else ""
        seen.append(f"folder{'s' if len(folders) > 1 else ''} {', '.join(folders[:3])}{more}")
    return ", ".join(seen) or "nothing"


def _say_overlooked(entries: Iterable[Path]) -> None:
    """Say which folders hold photos deeper than a scene's may lie."""
    for path in entries:
        if _holds_photos(path, MAX_NESTING):
            log.warning(
                f"{path}: found photos in several of its folders, need them in one a scene; "
                "left out, give it as the input folder to build them"
            )


def _holds_photos(folder: Path, nesting: int) -> bool:
    here = list_folder(folder)
    deeper = nesting > 0 and any(_holds_photos(path, nesting - 1) for path in here.folders)
    return bool(here.photos) or deeper
