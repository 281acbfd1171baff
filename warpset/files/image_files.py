"""Opening picture files: the formats that we take, and no other; what they show it does not know.

Pillow goes by what a file holds, not by its name: PostScript named `02.jpg` would be handed to
Ghostscript, which runs it. So every picture of the project is opened here, by a list of formats
that are decoded in this process and run nothing.
"""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import IO

from PIL import Image

warnings.filterwarnings("ignore", module="PIL")

PICTURE_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "HEIF", "WEBP", "AVIF")
"""Pillow's names of the formats that we take; JPEG stands for MPO as well."""


def open_image(source: Path | IO[bytes]) -> Image.Image:
    """Open a picture without decoding it; to be used as a context manager.

    Raises:
        PIL.UnidentifiedImageError: The file holds none of the formats that we take.
        OSError: The file cannot be read.
    """
    _register_heif()
    return Image.open(source, formats=PICTURE_FORMATS)


@cache
def _register_heif() -> None:
    """Teach Pillow HEIF with the first picture: whoever opens none starts without its library."""
    import pillow_heif

    pillow_heif.register_heif_opener()
