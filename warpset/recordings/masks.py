"""Masks of photos: what is left out of them (passers-by, cars, what was made anonymous)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..files.image_files import open_image
from .listed_paths import existing_file, places
from .recording import MaskFile

MASK_FOLDER = "masks"

HALF_BRIGHT = 128
"""Of 255; lossy or resized masks have grays between black and white."""


def find_mask(scene: Path, photo_name: str) -> MaskFile | None:
    """The mask of a photo by COLMAP's and 3DGS's convention, or None.

    COLMAP: `masks/<photo with its extension>.png`, black = leave out
    (https://colmap.github.io/faq.html#mask-image-regions); 3DGS tools: `masks/<photo>.png`.

    Args:
        scene: The scene's folder.
        photo_name: The photo's path below the folder of photos.
    """
    if not (scene / MASK_FOLDER).is_dir():
        return None
    names = (photo_name, Path(photo_name).with_suffix("").as_posix())
    listed = [f"{MASK_FOLDER}/{name}.png" for name in names]
    found = existing_file([places(scene, text, scene / MASK_FOLDER)[-1] for text in listed])
    return None if found is None else MaskFile(found)


def read_kept(mask: MaskFile) -> NDArray[np.bool_]:
    """Which pixels (h, w) of the stored photo a mask keeps.

    Raises:
        InputError: The mask is not there, or no picture.
    """
    if not mask.path.is_file():
        raise InputError(f"{mask.path}: this mask is listed, but not there")
    try:
        with open_image(mask.path) as image:
            gray = np.asarray(image.convert("L"))
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{mask.path}: cannot be read as a mask ({reason})") from error
    return np.equal(gray >= HALF_BRIGHT, mask.keeps_white)
