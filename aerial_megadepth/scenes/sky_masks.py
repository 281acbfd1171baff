"""Segmentation masks that say where depth is not to be trusted: sky and people; no depth, no views.

A mask is a gray PNG of class numbers as ADE20K counts them: 2 is sky, 12 a person. One of three
equal channels is gray as well.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from warpset.core.errors import InputError
from warpset.files.image_files import open_image
from warpset.files.photos import check_photo

UNTRUSTED_CLASSES = (2, 12)


def check_masks(masks: Path) -> None:
    """Raise an InputError if there is no such folder."""
    if not masks.is_dir():
        raise InputError(f"{masks}: found no such folder, need masks <scene>/<image>.png in one")


def find_mask(masks: Path, scene: str, image: str) -> Path | None:
    """The mask of an image, None where there is none.

    AerialMegaDepth publishes `<masks>/<scene>/<image>.png`, such as `0001/0001_000.jpeg.png`; an
    image's name without its extension is looked for as well.
    """
    paths = (masks / scene / f"{name}.png" for name in (image, Path(image).stem))
    return next((path for path in paths if path.is_file()), None)


def read_untrusted(path: Path | None, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels (h, w) of sky or people; nowhere where there is no mask.

    Args:
        path: The mask, see `find_mask`; it may have another size than its picture.
        size_wh: Size of the picture.

    Raises:
        InputError: The file is no gray picture.
    """
    if path is None:
        return np.zeros(size_wh[::-1], bool)
    check_photo(path)
    with open_image(path) as image:
        classes = _one_channel(image, path).resize(size_wh, Image.Resampling.NEAREST)
    return np.isin(np.asarray(classes), UNTRUSTED_CLASSES)


def _one_channel(image: Image.Image, path: Path) -> Image.Image:
    if image.mode in ("L", "P"):
        return image
    channels = image.split()
    if image.mode != "RGB" or len({channel.tobytes() for channel in channels}) > 1:
        raise InputError(f"{path}: found {image.mode} pixels, need gray class numbers")
    return channels[0]
