"""Opening picture files: the formats that we take, and no other; what they show it does not know.

Pillow goes by what a file holds, not by its name: PostScript named `02.jpg` would be handed to
Ghostscript, which runs it. So every picture of the project is opened here, by a list of formats
that are decoded in this process and run nothing.
"""

from __future__ import annotations

import errno
import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from PIL import Image

from .json_files import check_regular

warnings.filterwarnings("ignore", module="PIL")

IS_JXL_READABLE = find_spec("pillow_jxl") is not None  # an optional group
PICTURE_FORMATS = (
    *("JPEG", "PNG", "BMP", "TIFF", "HEIF", "WEBP", "AVIF"),
    *(("JXL",) if IS_JXL_READABLE else ()),
)
"""Pillow's names of the formats that we take; JPEG stands for MPO as well."""


MAX_FILE_BYTES = 2**31
"""Of a picture: twice what as many pixels as we take have in 16 bits a channel."""


def open_image(source: Path | IO[bytes]) -> Image.Image:
    """Open a picture without decoding it; to be used as a context manager.

    Raises:
        PIL.UnidentifiedImageError: The file holds none of the formats that we take.
        OSError: The file cannot be read, or is none that can be opened without waiting.
    """
    if isinstance(source, Path) and check_regular(source) > MAX_FILE_BYTES:
        raise OSError(errno.EFBIG, f"more than {MAX_FILE_BYTES} bytes")
    _register_plugins()
    return Image.open(source, formats=PICTURE_FORMATS)


@cache
def _register_plugins() -> None:
    """Teach Pillow HEIF and JPEG XL, when the first picture is opened: both take time to import."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    if IS_JXL_READABLE:
        import pillow_jxl  # noqa: F401  (registers itself)
