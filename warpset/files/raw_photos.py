"""Raw photos of cameras (DNG, CR3, NEF, ...), developed by LibRaw where `rawpy` is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RAW_EXTENSIONS = frozenset({".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".rw2", ".orf"})
IS_RAW_READABLE = find_spec("rawpy") is not None

_SIDE_SWAPPING_FLIPS = frozenset({5, 6})
"""LibRaw's names of quarter turns, to the left and to the right."""


def is_raw(path: Path) -> bool:
    """Whether a file's name says that it is a raw photo."""
    return path.suffix.lower() in RAW_EXTENSIONS


def raw_size(path: Path) -> tuple[int, int]:
    """Width and height of the developed photo, upright, from the header alone."""
    import rawpy

    with rawpy.imread(str(path)) as raw:
        sizes = raw.sizes
    turned = sizes.flip in _SIDE_SWAPPING_FLIPS
    return (sizes.height, sizes.width) if turned else (sizes.width, sizes.height)


def develop(path: Path) -> NDArray[np.uint8]:
    """A raw photo as (h, w, 3) uint8 sRGB, upright.

    The camera's white balance is kept and brightness is not stretched photo by photo, so that
    photos of one exposure stay of one brightness.
    """
    import rawpy

    with rawpy.imread(str(path)) as raw:
        return raw.postprocess(use_camera_wb=True, no_auto_bright=True, output_bps=8)
