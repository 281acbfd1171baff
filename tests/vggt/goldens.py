"""Where golden outputs of the networks are: what `<NETWORK>_GOLDEN` names, else the shared ones."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path

import PIL
import pytest

from tests.builders import SHARED_DATA

SHARED_GOLDENS = SHARED_DATA.parent / "golden"


SAME_PILLOW = pytest.mark.skipif(
    int(PIL.__version__.split(".")[0]) < 13,
    reason="Pillow 12, the last for Python 3.10, scales tall pictures otherwise, by 2 % of numbers",
)


def golden_file(network: str, pattern: str) -> Path:
    """A golden file of a network; skips the test where it is missing.

    `DA3_GOLDEN`, `OMEGA_GOLDEN` and `VGGT_GOLDEN` may name a file or its folder; the other files
    of a network are looked for beside it, and then among the shared ones.

    Args:
        network: `da3`, `omega` or `vggt`.
        pattern: Of the file's name; the first of several is taken.
    """
    shared = SHARED_GOLDENS / network
    named = Path(os.environ.get(f"{network.upper()}_GOLDEN", shared))
    assert named.exists() or named == shared, f"{named}: no such golden file"
    if named.is_file() and fnmatch(named.name, pattern):
        return named
    for folder in (named.parent if named.is_file() else named, shared):
        for path in sorted(folder.glob(pattern)):
            return path
    pytest.skip(f"needs {pattern} in ../shared/golden/{network}")
