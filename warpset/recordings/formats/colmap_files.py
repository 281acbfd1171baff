"""Opens COLMAP models with pycolmap, which believes what files say of their sizes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import InputError, reason_of
from ...core.lens import colmap_library
from ...files.json_files import check_regular
from .colmap_binary import check_counts
from .colmap_cameras import unknown_camera_model

if TYPE_CHECKING:
    import pycolmap

MAX_TEXT_BYTES = 2**30
"""Of a text file of a model, which may be one line; pycolmap takes up to four times as much."""


def open_colmap_model(model: Path) -> pycolmap.Reconstruction:
    """A COLMAP model, binary or text.

    Args:
        model: Its folder.

    Raises:
        InputError: There is no pycolmap, or a file cannot be read, is far too large, announces
            more than it holds, or names a camera model that is not known.
    """
    pycolmap = colmap_library(str(model))
    check_counts(model)
    _check_texts(model)
    try:
        return pycolmap.Reconstruction(str(model))
    except Exception as error:  # what pycolmap and pybind raise is of any kind
        reason = unknown_camera_model(model, pycolmap) or reason_of(error)
        raise InputError(f"{model}: no readable COLMAP model ({reason})") from error


def _check_texts(model: Path) -> None:
    for path in sorted(model.glob("*.txt")):
        try:
            size = check_regular(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror})") from error
        if size > MAX_TEXT_BYTES:
            raise InputError(f"{path}: no readable COLMAP model (more than {MAX_TEXT_BYTES} bytes)")
