"""USDZ packages: stored ZIP archives with every file on a 64-byte line; contents are unknown.

Plain ZIP reaches 4 GiB, but Python's zipfile turns to ZIP64, which USDZ forbids, before 2 GiB. So
the headers are written here, after PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

from .errors import SplatError

ALIGNMENT = 64
ZIP_LIMIT = 2**32 - 2
"""Largest size and offset of plain ZIP; 2^32 - 1 refers to a field of ZIP64."""

LOCAL_HEADER = struct.Struct("<4s5H3I2H")
DIRECTORY_ENTRY = struct.Struct("<4s6H3I5H2I")
DIRECTORY_END = struct.Struct("<4s4H2IH")
PADDING_HEADER = struct.Struct("<2H")
PADDING_ID = 0x1986
"""Extra field that OpenUSD pads with."""

VERSION = 20
MADE_ON_UNIX = 3 << 8 | VERSION
READ_AND_WRITTEN_BY_OWNER = 0o600 << 16
NO_FLAGS, STORED, MIDNIGHT, FIRST_DAY_OF_1980 = 0, 0, 0, 1 << 5 | 1

_CHUNK = 2**20


class Entry(NamedTuple):
    """A file's place in a package.

    Attributes:
        name: Its name.
        size: Its bytes.
        start: Where its header begins.
        data_start: Where its content begins, on a 64-byte line.
    """

    name: bytes
    size: int
    start: int
    data_start: int

    @property
    def end(self) -> int:
        """Where its content ends."""
        return self.data_start + self.size


def check_fits(size_bytes: int, where: object) -> None:
    """Raise a SplatError if a package would need ZIP64, which USDZ forbids."""
    if size_bytes > ZIP_LIMIT:
        raise SplatError(
            f"{where}: found {size_bytes / 2**30:.1f} GiB, need less than 4 GiB in a USDZ; "
            "export .usdc or split the splats"
        )


def write_usdz(members: Sequence[Path], path: Path, where: object) -> None:
    """Pack files under their own names; equal files make equal bytes.

    Args:
        members: Files with ASCII names; the first is the layer that opens.
        path: The package.
        where: What the error names.

    Raises:
        SplatError: The package would not fit.
        OSError: A file cannot be read or written.
    """
    entries = _lay_out(members)
    end = entries[-1].end
    listed = sum(DIRECTORY_ENTRY.size + len(entry.name) for entry in entries)
    check_fits(end + listed + DIRECTORY_END.size, where)
    checksums = []
    with path.open("wb") as package:
        for member, entry in zip(members, entries, strict=True):
            package.seek(entry.data_start)
            checksums.append(_copy(member, package))
            package.seek(entry.start)
            package.write(_local_header(entry, checksums[-1]))
        package.seek(end)
        package.write(_directory(entries, checksums))


def _lay_out(members: Sequence[Path]) -> list[Entry]:
    entries, start = [], 0
    for member in members:
        name = member.name.encode("ascii")
        header_end = start + LOCAL_HEADER.size + len(name) + PADDING_HEADER.size
        data_start = header_end + -header_end % ALIGNMENT
        entries.append(Entry(name, member.stat().st_size, start, data_start))
        start = entries[-1].end
    return entries


def _copy(member: Path, package: IO[bytes]) -> int:
    """Copy a file to where the package stands; its CRC-32."""
    checksum = 0
    with member.open("rb") as source:
        while chunk := source.read(_CHUNK):
            checksum = zlib.crc32(chunk, checksum)
            package.write(chunk)
    return checksum


def _local_header(entry: Entry, checksum: int) -> bytes:
    """The header of a file, padded up to its content."""
    length = entry.data_start - entry.start
    extra = length - LOCAL_HEADER.size - len(entry.name)
    header = LOCAL_HEADER.pack(b"PK\3\4", *_described(entry, checksum), extra)
    padding = PADDING_HEADER.pack(PADDING_ID, extra - PADDING_HEADER.size)
    return (header + entry.name + padding).ljust(length, b"\0")


def _directory(entries: Sequence[Entry], checksums: Sequence[int]) -> bytes:
    """What follows the last file: an entry for each, and the end record."""
    listed = b"".join(
        DIRECTORY_ENTRY.pack(
            *(b"PK\1\2", MADE_ON_UNIX, *_described(entry, checksum)),
            *(0, 0, 0, 0, READ_AND_WRITTEN_BY_OWNER, entry.start),
        )
        + entry.name
        for entry, checksum in zip(entries, checksums, strict=True)
    )
    counts = (len(entries), len(entries))
    end = entries[-1].end
    return listed + DIRECTORY_END.pack(b"PK\5\6", 0, 0, *counts, len(listed), end, 0)


def _described(entry: Entry, checksum: int) -> tuple[int, ...]:
    """The fields that a file's header and its directory entry share."""
    sizes = (entry.size, entry.size)
    how = (VERSION, NO_FLAGS, STORED, MIDNIGHT, FIRST_DAY_OF_1980)
    return (*how, checksum, *sizes, len(entry.name))
