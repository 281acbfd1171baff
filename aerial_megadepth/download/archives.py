"""Unpacking zip and tar from strangers: nothing leaves the folder, no links, no bombs; no network.

An archive is unpacked in a hidden folder beside it, and moved to its place when it is whole.
"""

from __future__ import annotations

import gzip
import io
import posixpath
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import IO, NamedTuple

from tqdm import tqdm

from warpset.core.errors import InputError, reason_of
from warpset.files.json_files import open_regular

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")

MAX_RATIO = 100
"""Bytes that a byte of an archive may unpack to; photos and depth files unpack to about one."""

FREE_BYTES = 2**26
"""What any archive may unpack to, however small it is."""

MAX_ENTRIES = 2_000_000

MAX_PADDING_BYTES = 2**24
"""Zeros at the end of a tar; tar itself pads to 10 kB, tapes to a megabyte."""

UNREADABLE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, OSError, EOFError, ValueError),
    RuntimeError,
)
"""What broken archives raise; RuntimeError is an encrypted zip, or one of unknown compression."""

_CHUNK = 2**20


class _Entry(NamedTuple):
    path: str
    size: int
    stream: IO[bytes]


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive that can be unpacked."""
    return path.name.lower().endswith(ARCHIVE_SUFFIXES)


def archive_stem(path: Path) -> str:
    """The name without the archive's suffix."""
    suffix = max((s for s in ARCHIVE_SUFFIXES if path.name.lower().endswith(s)), key=len)
    return path.name[: -len(suffix)]


def unpack(archive: Path, folder: Path, quiet: bool = False) -> list[Path]:
    """Unpack an archive into a folder, replacing files of the same names; hidden ones stay out.

    Args:
        archive: `.zip`, `.tar`, `.tar.gz` or `.tgz`.
        folder: Where to; made if it is not there.
        quiet: Show no progress.

    Returns:
        The files that came out.

    Raises:
        InputError: The archive is broken or empty, or holds a path that leaves the folder, a link,
            or far more bytes than its size explains. Nothing of it is then in the folder.
    """
    with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=archive.parent) as aside:
        try:
            paths = _unpack_aside(archive, Path(aside), quiet)
        except UNREADABLE as error:
            raise _unreadable(archive, error) from error
        for path in paths:
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            (Path(aside) / path).replace(place)
    return [folder / path for path in paths]


def _unpack_aside(archive: Path, aside: Path, quiet: bool) -> list[str]:
    open_regular(archive).close()
    most = FREE_BYTES + MAX_RATIO * archive.stat().st_size
    most = min(most, shutil.disk_usage(aside).free)
    entries = _zip_entries if archive.name.lower().endswith(".zip") else _tar_entries
    total, paths = 0, {}
    with tqdm(desc=archive.name, unit="B", unit_scale=True, disable=quiet, leave=False) as bar:
        for entry in entries(archive):
            path = _inside(entry.path, archive)
            total += entry.size
            if total > most or len(paths) >= MAX_ENTRIES:
                raise InputError(
                    f"{archive}: refused, it unpacks to more than {most} bytes or "
                    f"{MAX_ENTRIES} files, which its size does not explain or the disk not hold"
                )
            if any(part.startswith(".") for part in path.split("/")):
                continue
            place = aside / path
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as file:
                _copy(entry, file, bar)
            paths[path] = None
    if not paths:  # zeros are a tar, of nothing
        raise InputError(f"{archive}: found no file in it, need one; is it whole?")
    return list(paths)


def _copy(entry: _Entry, file: IO[bytes], bar: tqdm) -> None:
    left = entry.size
    while chunk := entry.stream.read(min(_CHUNK, left + 1)):
        left -= len(chunk)
        if left < 0:
            raise ValueError(f"{entry.path} is longer than announced")
        file.write(chunk)
        bar.update(len(chunk))
    if left:
        raise ValueError(f"{entry.path} breaks off")


def _zip_entries(archive: Path) -> Iterator[_Entry]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refused(archive, info.filename, "a link or device")
            if not info.is_dir():
                with opened.open(info) as stream:
                    yield _Entry(info.filename, info.file_size, stream)


def _tar_entries(archive: Path) -> Iterator[_Entry]:
    with _opened(archive) as stream, tarfile.open(fileobj=stream, mode="r:") as opened:
        for member in opened:
            if not (member.isreg() or member.isdir()):
                raise _refused(archive, member.name, "a link or device")
            content = opened.extractfile(member) if member.isreg() else None
            if content is not None:
                yield _Entry(member.name, member.size, content)
        _check_end(stream, opened.offset)


def _check_end(stream: _SmallReads, offset: int) -> None:
    """Refuse a tar that is damaged where a member should begin, which is read as its end.

    Reading on to the very end makes gzip compare its checksum as well.
    """
    stream.seek(offset)
    for _ in range(MAX_PADDING_BYTES // _CHUNK):
        block = stream.read(_CHUNK)
        if not block:
            return
        if block.strip(b"\0"):
            break
    raise ValueError(f"no member, but no end of the tar either, {offset} bytes into it")


def _opened(archive: Path) -> _SmallReads:
    with archive.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    return _SmallReads(gzip.open(archive) if is_gzip else archive.open("rb", buffering=0))


class _SmallReads(io.BufferedReader):
    """A stream that gives a header of a tar no more memory than any honest one needs."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= FREE_BYTES:
            raise ValueError(f"a header of {size} bytes")
        return super().read(size)


def _inside(listed: str, archive: Path) -> str:
    """The path of an entry, with forward slashes, below the folder."""
    path = posixpath.normpath(listed.replace("\\", "/"))
    parts = path.split("/")
    if (
        posixpath.isabs(path)
        or PureWindowsPath(path).drive
        or "\0" in listed
        or parts[0] in (".", "..")
        or any(":" in part for part in parts)
    ):
        raise _refused(archive, listed, "which leaves its folder")
    return path


def _refused(archive: Path, listed: str, why: str) -> InputError:
    return InputError(f"{archive}: refused {listed[:120]!r}, {why}; nothing of it was unpacked")


def _unreadable(archive: Path, error: Exception) -> InputError:
    return InputError(
        f"{archive}: cannot be unpacked ({reason_of(error)}); remove it and download it again"
    )
