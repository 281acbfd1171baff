"""Photos in memory to the network's input, with the exact way back to photo pixels; no files.

Sizes are those of the networks' published `load_and_preprocess_images`: multiples of the patch, the
target side 518 for VGGT-1B, 512 for VGGT-Omega, 504 for Depth Anything 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import numpy as np
from PIL import Image

from .da3.fitting import FIT_MODES, FitMode, fitted
from .model_image import ModelImage, Rgb, SizeWh, middle_of, of_whole_photo, padded
from .omega.sizing import balanced_size, kept_box, longest_side_size

Mode = Literal["crop", "pad", "balanced", "max_size", FitMode]


def preprocess(photos: Sequence[Rgb], mode: Mode, side: int, patch: int) -> list[ModelImage]:
    """Bring photos to one size that the network takes.

    `crop` makes every photo `side` wide and cuts rows above and below off those that are then
    taller than that; `pad` makes the longer side `side` and pads to a square with white.
    `balanced` and `max_size` cut the ends off what is longer than twice its width, then give it as
    many patches as a square of `side` has, or make the longer side `side`. Where sizes still
    differ, the smaller are padded to the largest width and height. `FIT_MODES` are described in
    `fitted`; where sizes still differ, the middle is kept that all photos have.

    Args:
        photos: (h, w, 3) uint8 each.
        mode: See above.
        side: Target side in pixels, a multiple of `patch`.
        patch: Side of the network's patches.
    """
    images = [_FITS[mode](photo, side, patch) for photo in photos]
    heights, widths = zip(*(image.rgb.shape[:2] for image in images), strict=True)
    if mode in FIT_MODES:
        return [middle_of(image, (min(widths), min(heights))) for image in images]
    return [padded(image, (max(widths), max(heights))) for image in images]


def _crop(photo: Rgb, side: int, patch: int) -> ModelImage:
    height, width = photo.shape[:2]
    image = _resized(photo, (side, _rounded(height * (side / width), patch)))
    rows = len(image.rgb)
    top = max(0, rows - side) // 2
    image.photo_from_model[1, 2] = top * height / rows
    rgb = image.rgb[top : top + side]
    return ModelImage(rgb, (0, 0, side, len(rgb)), image.photo_from_model)


def _pad(photo: Rgb, side: int, patch: int) -> ModelImage:
    height, width = photo.shape[:2]
    if width >= height:
        size_wh = (side, _rounded(height * (side / width), patch))
    else:
        size_wh = (_rounded(width * (side / height), patch), side)
    return padded(_resized(photo, size_wh), (side, side))


def _balanced(photo: Rgb, side: int, patch: int) -> ModelImage:
    return _resized_middle(photo, partial(balanced_size, side=side, patch=patch))


def _max_size(photo: Rgb, side: int, patch: int) -> ModelImage:
    return _resized_middle(photo, partial(longest_side_size, side=side, patch=patch))


_FITS: dict[Mode, Callable[[Rgb, int, int], ModelImage]] = {
    "crop": _crop,
    "pad": _pad,
    "balanced": _balanced,
    "max_size": _max_size,
    **{mode: partial(fitted, mode) for mode in FIT_MODES},
}


def _resized_middle(photo: Rgb, size_of: Callable[[SizeWh], SizeWh]) -> ModelImage:
    """What is kept of an elongated photo, in the size that goes with its own."""
    left, top, right, bottom = kept_box((photo.shape[1], photo.shape[0]))
    image = _resized(photo[top:bottom, left:right], size_of((right - left, bottom - top)))
    image.photo_from_model[:2, 2] = left, top
    return image


def _resized(photo: Rgb, size_wh: SizeWh) -> ModelImage:
    rgb = np.asarray(Image.fromarray(photo).resize(size_wh, Image.Resampling.BICUBIC))
    return of_whole_photo(rgb, (photo.shape[1], photo.shape[0]))


def _rounded(length: float, patch: int) -> int:
    """The nearest multiple of the patch (halves to even), at least one patch."""
    return max(1, round(length / patch)) * patch
