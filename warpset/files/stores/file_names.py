"""Names that Windows cannot hold, or that its file system takes for one another's."""

from __future__ import annotations

import os
import re
import sys
import unicodedata

IS_WINDOWS = os.name == "nt"
IGNORES_CASE = IS_WINDOWS or sys.platform == "darwin"
"""What the file systems of these come with; Linux tells `Room` from `room`."""

DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])", re.IGNORECASE)
"""What Windows takes for a device, whatever follows a dot (Microsoft, "Naming Files")."""

FORBIDDEN = re.compile(r'[<>:"|?*\\/\x00-\x1f]')


def fault_on_windows(name: str) -> str | None:
    """Why a file or folder cannot have a name on Windows; None where it can."""
    if DEVICES.fullmatch(name.partition(".")[0].rstrip(" ")):
        return "is a device on Windows"
    if name != name.rstrip(". "):
        return "ends in a dot or a space, which Windows drops"
    if found := FORBIDDEN.search(name):
        return f"holds {found.group()!r}, which Windows forbids"
    return None


def held_by_windows(name: str) -> str:
    """A name that Windows can hold: the same one where it can."""
    if fault_on_windows(name) is None:
        return name
    stem, dot, rest = FORBIDDEN.sub("_", name).partition(".")
    if DEVICES.fullmatch(stem.rstrip(" ")):
        stem = stem.rstrip(" ") + "_"
    name = stem + dot + rest
    kept = name.rstrip(". ")
    return kept + "_" * (len(name) - len(kept))


def one_name(name: str) -> str:
    """The same text for all names that a file system without case takes for one."""
    return unicodedata.normalize("NFC", name).casefold()
