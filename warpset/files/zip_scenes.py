"""Unpacking the zip of a scene into a folder that goes away again; untrusted, so bounded.

Nothing leaves the folder: names that climb out of it, links and encrypted files are refused, and
so is what unpacks to far more than it is.
"""

from __future__ import annotations

import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from ..core.errors import InputError, reason_of
from .json_files import open_regular

MAX_FILES = 200_000
MAX_RATIO = 100
"""Photos hardly shrink, depth as text to a tenth; a bomb grows a thousandfold and more."""

FREE_BYTES = 256 << 20
"""So much may be unpacked however little the zip is."""


def is_zip(path: Path) -> bool:
    """Whether a file's name says that it is a zip; Record3D's `.r3d` are."""
    return path.suffix.lower() in (".zip", ".r3d")


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip into an empty folder.

    Raises:
        InputError: It is no zip, damaged, holds what could leave the folder, or is too large.
    """
    try:
        file = open_regular(archive)
    except OSError as error:
        raise InputError(f"{archive}: cannot be read as a zip ({error.strerror})") from error
    try:
        with file, zipfile.ZipFile(file) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            _check_sizes(archive, members, folder)
            paths = [_inside(archive, member, folder) for member in members]
            for member, path in zip(members, paths, strict=True):
                path.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise InputError(
            f"{archive}: cannot be read as a zip ({reason_of(error)}); download or pack it again"
        ) from error
    except OSError as error:
        raise InputError(
            f"{archive}: cannot be unpacked ({error.strerror}); make room for temporary files"
        ) from error


def _check_sizes(archive: Path, members: list[zipfile.ZipInfo], folder: Path) -> None:
    if len(members) > MAX_FILES:
        raise InputError(f"{archive}: found {len(members)} files, need at most {MAX_FILES}")
    total = sum(member.file_size for member in members)
    most = max(FREE_BYTES, MAX_RATIO * archive.stat().st_size)
    if total > most:
        raise InputError(
            f"{archive}: unpacks to {total >> 20} MB, over {MAX_RATIO} times its size; refused, "
            "unpack it yourself if you trust it"
        )
    if total > shutil.disk_usage(folder).free:
        raise InputError(
            f"{archive}: needs {total >> 20} MB of temporary files, more than there is room for"
        )


def _inside(archive: Path, member: zipfile.ZipInfo, folder: Path) -> Path:
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or ":" in member.filename or not name.parts:
        raise InputError(f"{archive}: holds a file outside its folder ({member.filename!r})")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise InputError(f"{archive}: holds a link ({member.filename!r}), need plain files")
    if member.flag_bits & 1:
        raise InputError(f"{archive}: is encrypted, need a plain zip")
    return folder.joinpath(*name.parts)
