"""The picture file that is written; what the picture shows is unknown."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from warpset.building.options import PICTURE_FORMATS
from warpset.core.errors import InputError
from warpset.files.pictures import picture_bytes
from warpset.files.writing import write_atomically


def check_output(path: Path) -> None:
    """Find out early whether a picture can be written; its folder is made.

    Raises:
        InputError: The name is no picture's, or the folder cannot be written to.
    """
    if path.suffix.lower().removeprefix(".") not in PICTURE_FORMATS:
        endings = ", ".join(f".{name}" for name in PICTURE_FORMATS)
        raise InputError(f"{path}: found no ending of a picture, need {endings}; change --output")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error.strerror) from error
    if path.is_dir():
        raise _unwritable(path, "it is a folder")
    if not os.access(path.parent, os.W_OK):
        raise _unwritable(path, "no permission for its folder")


def save_picture(rgb: NDArray[np.uint8], path: Path) -> str:
    """Write a picture (h, w, 3), whole or not at all; what was done, in words.

    Raises:
        InputError: The file cannot be written.
    """
    save_bytes(picture_bytes(rgb, path.suffix.lower().removeprefix(".")), path)
    return f"saved {path} ({rgb.shape[1]}x{rgb.shape[0]})"


def save_bytes(content: bytes, path: Path) -> None:
    """Write a file, whole or not at all.

    Raises:
        InputError: It cannot be written.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        raise _unwritable(path, error.strerror) from error


def _unwritable(path: Path, reason: str | None) -> InputError:
    return InputError(f"{path}: cannot be written ({reason}); choose another --output")
