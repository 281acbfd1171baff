"""USDZ packages: stored ZIP archives with every file on a 64-byte line; contents are unknown."""

from __future__ import annotations

import shutil
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

from .errors import SplatError

ALIGNMENT = 64
ZIP_LIMIT = 2**32 - 1
LOCAL_HEADER_BYTES = 30
EXTRA_HEADER_BYTES = 4
PADDING_ID = 0x1986
"""Extra field that OpenUSD pads with."""

HEADERS_PER_FILE = 512
"""More than the local header, the directory entry and the padding of a file take."""


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
    sizes = [member.stat().st_size for member in members]
    check_fits(sum(sizes) + HEADERS_PER_FILE * len(sizes), where)
    header_start = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as package:
        for member, size in zip(members, sizes, strict=True):
            header_end = header_start + LOCAL_HEADER_BYTES + len(member.name) + EXTRA_HEADER_BYTES
            fill = -header_end % ALIGNMENT
            entry = zipfile.ZipInfo(member.name)
            entry.create_system = 3
            entry.file_size = size
            entry.extra = struct.pack("<HH", PADDING_ID, fill) + bytes(fill)
            with member.open("rb") as source, package.open(entry, "w") as target:
                shutil.copyfileobj(source, target, 2**20)
            header_start = header_end + fill + size
