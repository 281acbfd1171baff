"""Paths that a recording lists: which file of the scene they mean; none leads out of it."""

from __future__ import annotations

import os
import posixpath
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path, PureWindowsPath

from ..core.errors import InputError
from ..core.natural_order import sorted_naturally
from ..files.photos import PHOTO_EXTENSIONS

MAX_NAME_BYTES, MAX_PATH_BYTES = 250, 3000
"""Of a name and of a path, with room for an extension and the scene's own path."""


def places(scene: Path, listed: str, origin: Path) -> list[Path]:
    """Where in the scene a listed path may lie, likeliest first.

    Relative paths count from the file that lists them, then from the scene. Absolute ones were
    written elsewhere: of those, each end that exists in the scene, else the end from `images/` on.

    Args:
        scene: The scene's folder.
        listed: As listed, with slashes of either kind.
        origin: The file that lists it.

    Raises:
        InputError: The path leaves the scene folder.
    """
    path = posixpath.normpath(listed.replace("\\", "/"))
    drive = PureWindowsPath(path).drive
    if not _can_be_a_path(listed):
        found = []
    elif drive or posixpath.isabs(path):
        found = list(_ends(scene, path.removeprefix(drive)))
    else:
        found = list(_below(scene, path, origin))
    if not found:
        raise InputError(
            f"{origin}: refused the path {listed[:200]!r}, which leaves the scene folder"
        )
    return found


def _can_be_a_path(listed: str) -> bool:
    """Whether a file system can be asked for it at all."""
    try:
        path = os.fsencode(listed.replace("\\", "/"))
    except UnicodeEncodeError:
        return False
    longest = max(map(len, path.split(b"/")))
    return b"\0" not in path and longest <= MAX_NAME_BYTES and len(path) <= MAX_PATH_BYTES


def _below(scene: Path, path: str, origin: Path) -> Iterator[Path]:
    folder = origin.relative_to(scene).parent.as_posix()
    for base in dict.fromkeys((folder, ".")):
        relative = posixpath.normpath(posixpath.join(base, path))
        if relative.split("/")[0] not in ("", ".", ".."):
            yield scene / relative


def _ends(scene: Path, path: str) -> Iterator[Path]:
    here = os.path.normpath(scene.absolute())
    relative = posixpath.normpath(os.path.relpath(path, here)) if path.startswith(here) else ".."
    if relative.split("/")[0] not in ("", ".", ".."):
        yield scene / relative
    parts = path.strip("/").split("/")
    tails = (scene / "/".join(parts[start:]) for start in range(len(parts)))
    yield from (tail for tail in tails if tail.exists())
    if "images" in parts[:-1]:
        yield scene / "/".join(parts[parts.index("images") :])


def existing_file(candidates: list[Path]) -> Path | None:
    """The first candidate that is a file, else the first whose folder has one of such a name.

    Lists of Windows and macOS come with names of another case or Unicode form than their files.
    What else has the name, such as a pipe or a link to nothing, is left to readers to refuse.
    """
    exact = next((path for path in candidates if path.is_file()), None)
    alike = exact or next(filter(None, map(_named_alike, candidates)), None)
    return alike or next(filter(os.path.lexists, candidates), None)


def _named_alike(path: Path) -> Path | None:
    """The only file of a folder whose name is a path's but for its case and Unicode form."""
    try:
        names = _names(path.parent, path.parent.stat().st_mtime_ns)
    except (OSError, ValueError):
        return None
    name = names.get(_folded(path.name))
    found = path.with_name(name) if name else None
    return found if found and found.is_file() else None


@lru_cache(maxsize=64)
def _names(folder: Path, _changed_ns: int) -> Mapping[str, str | None]:
    """A folder's names by how they are compared; None where that does not tell them apart."""
    names: dict[str, str | None] = {}
    for path in folder.iterdir():
        key = _folded(path.name)
        names[key] = None if key in names else path.name
    return names


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def existing_photo(candidates: list[Path]) -> Path | None:
    """The first photo that is there; a path without extension takes the photo's."""
    for path in candidates:
        ends = ("",) if path.suffix else ("", *sorted(PHOTO_EXTENSIONS))
        if found := existing_file([path.with_name(path.name + end) for end in ends]):
            return found
    return None


def photo_folders(scene: Path) -> list[Path]:
    """The scene's `images*` folders, in natural order."""
    return sorted_naturally(path for path in scene.glob("images*") if path.is_dir())
