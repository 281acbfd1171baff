"""A temporary folder of this process's own, which the next run removes where a kill left it."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ..core.errors import InputError
from .locks import sole_writer

PREFIX = "warpset-scratch-"


@contextlib.contextmanager
def own_scratch() -> Iterator[Path]:
    """Within, all temporary files of the process go to a folder of its own.

    What it holds of a bucket may be gigabytes; `tempfile` cleans up after errors, not after kills.

    Raises:
        InputError: The system's temporary folder cannot be written.
    """
    before, parent = tempfile.tempdir, Path(tempfile.gettempdir())
    _remove_left_over(parent)
    folder = parent / f"{PREFIX}{secrets.token_hex(4)}"
    with sole_writer(folder):
        folder.mkdir()
        tempfile.tempdir = str(folder)
        try:
            yield folder
        finally:
            tempfile.tempdir = before
            shutil.rmtree(folder, ignore_errors=True)


def _remove_left_over(parent: Path) -> None:
    """Remove folders whose process is gone: the system has given their locks free."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(InputError, OSError), sole_writer(folder):
            shutil.rmtree(folder)
