"""Writing that neither a kill nor a second run can tear: renames and locks; no formats."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import InputError

PARTIAL_SUFFIX = ".partial"


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


@contextlib.contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Say in one line that a folder cannot be written.

    Raises:
        InputError: Something inside raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); make room or choose another "
            "output folder, then run the same again"
        ) from error
