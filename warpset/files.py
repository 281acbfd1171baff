"""Writing that neither a kill nor a second run can tear: renames and locks; no formats."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import FolderInUseError, InputError

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
            "--output-dir, then run the same command again"
        ) from error


@contextlib.contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Be the only run that writes into a folder; the system ends it with the process, however.

    The lock is a file beside the folder, removed while it is still held. So a file that was
    locked may no longer be the one under its name; then its lock counts for nothing.

    Args:
        folder: Need not be there; the folder around it is made.

    Raises:
        FolderInUseError: Another process holds it.
        InputError: The lock cannot be written.
    """
    path = folder.with_name(f".{folder.name}.lock")
    in_use = FolderInUseError(
        f"{folder}: another run is writing here; wait for it or choose another --output-dir"
    )
    with contextlib.ExitStack() as held:
        with writing_to(folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            seen = held.enter_context(path.open("ab")).fileno()
            lock = FileLock(path, timeout=0)
            try:
                held.enter_context(lock)
            except Timeout:
                raise in_use from None
        if not _is_at(path, seen):
            raise in_use
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows keeps open files
                path.unlink()


def _is_at(path: Path, file: int) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False
