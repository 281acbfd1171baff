"""The order in which people count: `2.jpg` before `10.jpg`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key that puts `2.jpg` before `10.jpg`; names that differ never compare equal."""
    parts = re.split(r"(\d+)", name)
    key = tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
    return (*key, (2, 0, name))


def sorted_naturally(paths: Iterable[Path]) -> list[Path]:
    """Paths in natural order, folder by folder."""
    return sorted(paths, key=lambda path: [natural_key(part) for part in path.parts])
