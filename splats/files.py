"""Whole files or none: a file appears under its name when it is complete; no format is known."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import SplatError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, of the same suffix, that becomes `path` if the block succeeds.

    Missing parent folders are made. The path lies in a folder of its own beside `path`, which
    has room for intermediate files, is locked, and is removed afterwards in any case; what a
    killed run left in it goes first.

    Raises:
        SplatError: The file cannot be written, or another run writes it.
    """
    aside = path.with_name(f".{path.name}.partial")
    try:
        aside.mkdir(parents=True, exist_ok=True)
        with FileLock(aside / "lock", timeout=0):
            try:
                shutil.rmtree(aside / "made", ignore_errors=True)
                (aside / "made").mkdir()
                partial = aside / "made" / f"partial{path.suffix}"
                yield partial
                partial.replace(path)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
    except Timeout:
        raise SplatError(
            f"{path}: another run is writing here; wait for it or choose another output"
        ) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise SplatError(f"{path}: cannot be written ({reason}); choose another output") from error
