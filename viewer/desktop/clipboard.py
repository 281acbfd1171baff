"""Pictures to the system's clipboard; windows and cameras are unknown.

Windows takes a DIB through pywin32; macOS and Linux use what the system has: osascript, wl-copy,
xclip.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from warpset.core.errors import InputError
from warpset.files.pictures import picture_bytes

BMP_FILE_HEADER_BYTES = 14
TIMEOUT_S = 10

Rgb = NDArray[np.uint8]
Run = Callable[..., Any]


def copy_picture(rgb: Rgb) -> str:
    """Put a picture (h, w, 3) on the clipboard; what was done, in words.

    Raises:
        InputError: The system has no clipboard that takes pictures; the text says what to install.
    """
    if sys.platform == "win32":
        _copy_on_windows(rgb)
    elif sys.platform == "darwin":
        copy_on_mac(rgb)
    else:
        copy_on_linux(rgb, os.environ)
    return f"copied {rgb.shape[1]}x{rgb.shape[0]} to the clipboard"


def dib_bytes(rgb: Rgb) -> bytes:
    """A picture (h, w, 3) as device-independent bitmap: a BMP file without its file header."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "BMP")
    return file.getvalue()[BMP_FILE_HEADER_BYTES:]


def _copy_on_windows(rgb: Rgb) -> None:
    try:
        import win32clipboard  # pyright: ignore[reportMissingModuleSource, reportMissingImports]
    except ImportError as error:
        raise InputError("cannot copy: pywin32 is missing; pip install pywin32") from error
    win32clipboard.OpenClipboard()
    try:
        win32clipboard.EmptyClipboard()
        win32clipboard.SetClipboardData(win32clipboard.CF_DIB, dib_bytes(rgb))
    finally:
        win32clipboard.CloseClipboard()


def copy_on_mac(rgb: Rgb, run: Run = subprocess.run) -> None:
    """Copy through AppleScript, which reads the picture from a file.

    Raises:
        InputError: osascript fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        path.write_bytes(picture_bytes(rgb, "png"))
        script = f'set the clipboard to (read (POSIX file "{path}") as «class PNGf»)'
        _run(run, ["osascript", "-e", script], b"")


def copy_on_linux(
    rgb: Rgb,
    environ: Mapping[str, str],
    which: Callable[[str], str | None] = shutil.which,
    run: Run = subprocess.run,
) -> None:
    """Copy through wl-copy under Wayland, through xclip under X11.

    Raises:
        InputError: Neither is installed, or it fails.
    """
    wayland = bool(environ.get("WAYLAND_DISPLAY"))
    if wayland and which("wl-copy"):
        command = ["wl-copy", "--type", "image/png"]
    elif which("xclip"):
        command = ["xclip", "-selection", "clipboard", "-t", "image/png", "-i"]
    else:
        needed = "wl-clipboard" if wayland else "xclip"
        raise InputError(f"cannot copy: install {needed}, for instance apt install {needed}")
    _run(run, command, picture_bytes(rgb, "png"))


def _run(run: Run, command: list[str], content: bytes) -> None:
    """Run a command that may leave a child behind to serve the clipboard."""
    try:
        run(
            command,
            input=content,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"cannot copy: {command[0]} failed ({error})") from error
