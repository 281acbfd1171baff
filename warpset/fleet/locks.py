"""One writer a folder: a lock that the system takes back with the process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from ..core.errors import FolderInUseError
from ..files.json_files import check_regular
from ..files.writing import writing_to


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
        f"{folder}: another run is writing here; wait for it or choose another output folder"
    )
    with contextlib.ExitStack() as held:
        with writing_to(folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                check_regular(path)
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
