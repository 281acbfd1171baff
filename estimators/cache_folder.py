"""The folder in which estimated geometry outlives a run."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

CACHE = Path(__file__).parents[1] / ".cache"


def clear_cache() -> None:
    """Delete what is in the cache; the folder itself may be a link to a larger disk.

    Raises:
        OSError: Something cannot be deleted.
    """
    if CACHE.is_dir():
        for path in CACHE.iterdir():
            shutil.rmtree(path)


@contextlib.contextmanager
def cache_folder(keep: bool) -> Iterator[Path]:
    """Where estimated geometry is kept; a folder that goes away again if it shall not be."""
    if keep:
        yield CACHE
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
