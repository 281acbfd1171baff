"""The folder in which estimated geometry outlives a run, and who uses it now."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from warpset.core.errors import FolderInUseError

CACHE = Path(__file__).parents[1] / ".cache"


def clear_cache() -> None:
    """Delete what is in the cache; the folder itself may be a link to a larger disk.

    Raises:
        FolderInUseError: Another run reads from it.
        OSError: Something cannot be deleted.
    """
    if not CACHE.is_dir():
        return
    for lock in CACHE.glob(".*.lock"):
        if _is_held(lock):
            raise FolderInUseError(
                f"{CACHE}: another run is using it, nothing was cleared; wait for it"
            )
    for path in CACHE.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def cache_folder(keep: bool) -> Iterator[Path]:
    """Where estimated geometry is kept; a folder that goes away again if it shall not be."""
    if keep:
        with _in_use():
            yield CACHE
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextlib.contextmanager
def _in_use() -> Iterator[None]:
    """Keep others from clearing the cache; any number of runs may use it at once.

    Where the folder cannot be written nothing is kept, and whoever wants to keep something says so.
    """
    path = CACHE / f".{secrets.token_hex(8)}.lock"
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            CACHE.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(path))
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows keeps open files
                path.unlink(missing_ok=True)


def _is_held(path: Path) -> bool:
    """Whether a run holds a lock; one that a killed run left is free."""
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
