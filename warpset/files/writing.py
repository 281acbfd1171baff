"""Writing that neither a kill nor a second run can tear: renames and locks; no formats."""

from __future__ import annotations

import contextlib
import errno
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import InputError

PARTIAL_SUFFIX = ".partial"

ROOM_BYTES = 2**20
"""A disk with less has no room for a picture."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is either whole or not there, whoever else writes it at the same time.

    Raises:
        OSError: The folder is full or read-only; nothing is left behind.
    """
    partial = path.with_name(f".{secrets.token_hex(8)}{PARTIAL_SUFFIX}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def remove_partial_files(folder: Path) -> None:
    """Remove what a killed run left half-written."""
    for partial in folder.glob(f".*{PARTIAL_SUFFIX}"):
        partial.unlink()


def full_scratch(error: OSError, folder: Path) -> str | None:
    """A line about a full disk of temporary files, where it and not a folder's was the trouble.

    A write that finds no room does not say where.

    Args:
        error: What was raised.
        folder: What was being written, there or not.
    """
    scratch = Path(tempfile.gettempdir())
    if error.errno != errno.ENOSPC or _has_room(scratch) or not _has_room(folder):
        return None
    return (
        f"{scratch}: is full, need room for temporary files; make room there or set TMPDIR to a "
        "folder that has some"
    )


def _has_room(folder: Path) -> bool:
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(there).free > ROOM_BYTES


@contextlib.contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Say in one line that a folder cannot be written.

    Raises:
        InputError: Something inside raised an OSError.
    """
    try:
        yield
    except OSError as error:
        if line := full_scratch(error, folder):
            raise InputError(line) from error
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); make room or choose another "
            "output folder, then run the same again"
        ) from error
