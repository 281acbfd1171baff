"""pycolmap, imported when it is needed: some systems have no wheel of it."""

from __future__ import annotations

import signal
import threading
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
    _give_sigterm_back()
    return pycolmap


def _give_sigterm_back() -> None:
    """Put back what SIGTERM did before pycolmap was imported.

    COLMAP's log library (glog) takes SIGTERM for a crash and prints its C++ stack. It has displaced
    the handler without Python's knowledge: what `getsignal` says is what ought to be there. Only
    the main thread may say what a signal does.
    """
    handler = signal.getsignal(signal.SIGTERM)
    if handler is not None and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)
