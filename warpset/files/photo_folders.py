"""Where a scene's photos lie, and what lies beside them and is none; nothing is decoded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..core.natural_order import sorted_naturally
from .photos import PHOTO_EXTENSIONS
from .raw_photos import RAW_EXTENSIONS
from .video import VIDEO_EXTENSIONS
from .zip_scenes import is_zip

NEED_THE_GROUP = (RAW_EXTENSIONS | {".jxl"}) - PHOTO_EXTENSIONS
"""Lower-case extensions of photos that an optional group reads, which is not installed."""

UNREADABLE_EXTENSIONS = NEED_THE_GROUP | {".gif", ".jp2", ".j2k", ".psd"}
"""Lower-case extensions of photos that cannot be read here; they are counted."""

BY_NAME = re.compile(r"images?(_\d+)?|input|rgb|colou?rs?|photos?|frames?|keyframes", re.IGNORECASE)
"""Folders that hold one scene's photos: nerfstudio, COLMAP, 3DGS (`input`), TUM (`rgb`), ..."""

_BESIDE = re.compile(
    r"depths?|depth_?maps?|disparit(y|ies)|masks?|normals?|conf(idences?)?|semantics?|"
    r"segmentations?|labels?|thumb(nail)?s?|previews?|sparse([-_]?(txt|bin|\d+))?|__macosx",
    re.IGNORECASE,
)
"""Folders of pictures that belong to photos and are none."""

_BESIDE_WORDS = frozenset(
    "depth disp disparity mask normal normals conf confidence seg semantic label alpha".split()
)
_NO_NAMES = _BESIDE_WORDS | frozenset("color colour rgb".split())

_LEAST_SPOILT: Sequence[str] = (
    ".heic .heif .hif .tif .tiff .png .webp .avif .jxl .bmp .jpg .jpeg .jfif .jpe "
    ".dng .cr2 .cr3 .nef .arw .raf .rw2 .orf"
).split()
"""Which file of one shot is taken: what the camera developed itself, the original before copies."""

MAX_NESTING = 3


class FolderListing(NamedTuple):
    """What lies directly in a folder, each in natural order, hidden files left out.

    Attributes:
        photos: Photos by their extension.
        beside: Depth pictures, masks and the like: named like one of the photos, and what it is.
        unreadable: Photos in formats that cannot be read here.
        videos: Videos, but for those that have a photo of the same name (Live Photos).
        archives: Zips, each of which may hold a scene.
        folders: Sub-folders, but for those of depth, masks and the like.
    """

    photos: tuple[Path, ...]
    beside: tuple[Path, ...]
    unreadable: tuple[Path, ...]
    videos: tuple[Path, ...]
    archives: tuple[Path, ...]
    folders: tuple[Path, ...]


class FoundPhotos(NamedTuple):
    """A scene's photos.

    Attributes:
        photos: In natural order.
        unreadable: Photos among them in formats that cannot be read here.
        remarks: A line for each kind of file that was left out.
    """

    photos: tuple[Path, ...]
    unreadable: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()


def list_folder(folder: Path) -> FolderListing:
    """What lies directly in a folder.

    Raises:
        OSError: It cannot be looked into.
    """
    visible = sorted_naturally(path for path in folder.iterdir() if path.name[0] != ".")
    files = [path for path in visible if not path.is_dir()]  # pipes too: whoever reads refuses
    by_extension = {path: path.suffix.lower() for path in files}
    pictures = [path for path in files if by_extension[path] in PHOTO_EXTENSIONS]
    beside = _beside_photos(pictures)
    photos = [path for path in pictures if path not in beside]
    stems = {path.stem.lower() for path in photos}
    rest = [path for path in files if path.stem.lower() not in stems]
    return FolderListing(
        tuple(photos),
        tuple(path for path in pictures if path in beside),
        tuple(path for path in rest if by_extension[path] in UNREADABLE_EXTENSIONS),
        tuple(path for path in rest if by_extension[path] in VIDEO_EXTENSIONS),
        tuple(path for path in files if is_zip(path)),
        tuple(path for path in visible if not _BESIDE.fullmatch(path.name) and path.is_dir()),
    )


def photos_in(folder: Path) -> list[Path]:
    """Photos directly in a folder by their extension, in natural order, hidden files left out."""
    return list(list_folder(folder).photos)


def find_photos(scene: Path) -> list[Path]:
    """A scene's photos, see `look_for_photos`."""
    return list(look_for_photos(scene).photos)


def look_for_photos(scene: Path, nesting: int = MAX_NESTING) -> FoundPhotos:
    """A scene's photos: in its folder, in its folder of photos, else in its only sub-folder.

    A folder of photos (`images*`, `input`, `rgb`, ...) goes first where it holds more than lie
    beside it, so that a thumbnail does not hide it. Its own sub-folders (the cameras of a rig) are
    looked into where no photo lies directly in it.

    Raises:
        OSError: A folder cannot be looked into.
    """
    here = list_folder(scene)
    inside = next(
        (found for folder in _photo_folders(here) if any_photos(found := photos_below(folder))),
        None,
    )
    if inside and len(inside.photos) + len(inside.unreadable) > len(here.photos):
        lines = _remarks(scene, (), here.photos, here.videos)
        return inside._replace(remarks=(*lines, *inside.remarks))
    if here.photos or here.unreadable:
        lines = _remarks(scene, here.beside, (), here.videos)
        return FoundPhotos(here.photos, here.unreadable, lines)
    if nesting:
        nested = [look_for_photos(folder, nesting - 1) for folder in here.folders]
        with_photos = [found for found in nested if any_photos(found)]
        if len(with_photos) == 1:
            return with_photos[0]
    return FoundPhotos(())


def find_videos(scene: Path) -> tuple[Path, ...]:
    """Videos directly in a scene's folder, else in its folder of photos (`input/walk.mp4`)."""
    here = list_folder(scene)
    return here.videos or tuple(
        video for folder in _photo_folders(here) for video in list_folder(folder).videos
    )


def any_photos(found: FoundPhotos) -> bool:
    """Whether there are photos, be it ones that cannot be read."""
    return bool(found.photos or found.unreadable)


def _photo_folders(listing: FolderListing) -> list[Path]:
    """Sub-folders that are named as those of photos; `images*` first."""
    first = [folder for folder in listing.folders if folder.name.startswith("images")]
    others = [folder for folder in listing.folders if BY_NAME.fullmatch(folder.name)]
    return first + [folder for folder in others if folder not in first]


def photos_below(folder: Path) -> FoundPhotos:
    """Photos of a folder of photos, else those of all its sub-folders."""
    here = list_folder(folder)
    listings = [here] if here.photos else [here, *map(list_folder, here.folders)]
    return FoundPhotos(
        tuple(photo for listing in listings for photo in listing.photos),
        tuple(photo for listing in listings for photo in listing.unreadable),
        _remarks(folder, [path for listing in listings for path in listing.beside]),
    )


def _remarks(
    folder: Path,
    beside: Sequence[Path],
    left_out: Sequence[Path] = (),
    videos: Sequence[Path] = (),
) -> tuple[str, ...]:
    lines = []
    if beside:
        lines.append(
            f"{folder}: {len(beside)} depth pictures or masks named like photos "
            f"({beside[0].name} first); left out"
        )
    if left_out:
        lines.append(
            f"{folder}: {len(left_out)} photos beside a folder of more ({left_out[0].name} first); "
            "left out"
        )
    if videos:
        lines.append(
            f"{folder}: {len(videos)} videos beside photos ({videos[0].name} first); left out"
        )
    return tuple(lines)


def _beside_photos(pictures: Iterable[Path]) -> set[Path]:
    """Pictures named like another one of the folder and a word such as `depth` or `mask`."""
    words = {path: set(_words(path)) for path in pictures}
    names = {path: tuple(w for w in _words(path) if w not in _NO_NAMES) for path in words}
    plain = {names[path] for path in words if not _BESIDE_WORDS & words[path]}
    return {path for path in words if _BESIDE_WORDS & words[path] and names[path] in plain}


def _words(path: Path) -> list[str]:
    return re.split(r"[._-]", path.stem.lower())


def one_file_a_shot(photos: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Photos of which no two are one shot in two formats (`IMG_1.HEIC`, `IMG_1.JPG`).

    Returns:
        Those to take, in the order given, and the others.
    """
    shots: dict[tuple[Path, str], list[Path]] = {}
    for photo in photos:
        shots.setdefault((photo.parent, photo.stem.lower()), []).append(photo)
    taken = [min(files, key=_spoilt) for files in shots.values()]
    left_out = [file for files in shots.values() for file in files if file not in taken]
    return taken, left_out


def _spoilt(photo: Path) -> tuple[int, str]:
    return _LEAST_SPOILT.index(photo.suffix.lower()), photo.name
