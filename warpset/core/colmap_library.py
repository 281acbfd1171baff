"""pycolmap, imported when it is needed: some systems have no wheel of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import InputError

if TYPE_CHECKING:
    from types import ModuleType


def colmap_library(needed_for: str) -> ModuleType:
    """Pycolmap.

    Args:
        needed_for: What cannot be done without it; a message starts with it.

    Raises:
        InputError: It is not installed.
    """
    try:
        import pycolmap
    except ImportError as error:
        raise InputError(
            f"{needed_for}: found no pycolmap, which has no wheel for Linux on ARM and for Intel "
            "Macs; use another system, or photos without distortion and recorded or network depth"
        ) from error
    return pycolmap
