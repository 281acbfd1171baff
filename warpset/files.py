"""Writing that a kill cannot tear: a temporary name first, then one rename; no formats."""

from __future__ import annotations

import contextlib
from pathlib import Path

PARTIAL_SUFFIX = ".partial"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file that is either whole or not there.

    Raises:
        OSError: The folder is full or read-only; nothing is left behind.
    """
    partial = path.with_name(f".{path.name}{PARTIAL_SUFFIX}")
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
