"""Segmentation masks that say where depth is not to be trusted: sky and people; no depth, no views.

A mask is a gray PNG of class numbers as ADE20K counts them: 2 is sky, 12 a person.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from warpset.errors import InputError
from warpset.photos import check_photo

UNTRUSTED_CLASSES = (2, 12)


def mask_path(masks: Path, scene: str, image: str) -> Path:
    """Where the mask of an image lies: `<masks>/<scene>/<image without extension>.png`."""
    return masks / scene / f"{Path(image).stem}.png"


def read_untrusted(path: Path, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels (h, w) of sky or people; nowhere where there is no mask.

    Args:
        path: The mask; it may have another size than its picture.
        size_wh: Size of the picture.

    Raises:
        InputError: The file is no gray picture.
    """
    if not path.is_file():
        return np.zeros(size_wh[::-1], bool)
    check_photo(path)
    with Image.open(path) as image:
        if image.mode not in ("L", "P"):
            raise InputError(f"{path}: found {image.mode} pixels, need gray class numbers")
        classes = np.asarray(image.resize(size_wh, Image.Resampling.NEAREST))
    return np.isin(classes, UNTRUSTED_CLASSES)
