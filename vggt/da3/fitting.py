"""Photos fitted to Depth Anything 3 as its published code fits them: resized twice, by OpenCV."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np

from ..model_image import ModelImage, Rgb, SizeWh, middle_of, of_whole_photo

FitMode = Literal[
    "upper_bound_resize", "upper_bound_crop", "lower_bound_resize", "lower_bound_crop"
]
FIT_MODES: tuple[FitMode, ...] = get_args(FitMode)


def fitted(mode: FitMode, photo: Rgb, side: int, patch: int) -> ModelImage:
    """Make a photo's longer (upper bound) or shorter side `side`, then both whole patches.

    Whole patches are made by a second resize to the nearest, or by cutting to the next lower.
    """
    height, width = photo.shape[:2]
    bounded = min(width, height) if mode.startswith("lower") else max(width, height)
    scale = side / bounded
    first_wh = max(1, round(width * scale)), max(1, round(height * scale))
    once = photo if bounded == side else _resized(photo, first_wh, enlarge=scale > 1)
    if mode.endswith("crop"):
        return _cut_to_patches(of_whole_photo(once, (width, height)), patch)
    size_wh = _nearest(first_wh[0], patch), _nearest(first_wh[1], patch)
    grows = size_wh[0] > first_wh[0] or size_wh[1] > first_wh[1]
    twice = once if size_wh == first_wh else _resized(once, size_wh, enlarge=grows)
    return of_whole_photo(twice, (width, height))


def _cut_to_patches(image: ModelImage, patch: int) -> ModelImage:
    """The middle of an image; a side that is less than a patch is enlarged to one before."""
    height, width = image.rgb.shape[:2]
    if min(width, height) < patch:
        enlarged = _resized(image.rgb, (max(width, patch), max(height, patch)), enlarge=True)
        back = image.photo_from_model @ np.diag(
            [width / enlarged.shape[1], height / enlarged.shape[0], 1]
        )
        height, width = enlarged.shape[:2]
        image = ModelImage(enlarged, (0, 0, width, height), back)
    return middle_of(image, (width // patch * patch, height // patch * patch))


def _nearest(length: int, patch: int) -> int:
    """The nearest multiple of the patch, halves up, at least one patch."""
    return max(1, (length + patch // 2) // patch) * patch


def _resized(photo: Rgb, size_wh: SizeWh, enlarge: bool) -> Rgb:
    how = cv2.INTER_CUBIC if enlarge else cv2.INTER_AREA
    return np.asarray(cv2.resize(photo, size_wh, interpolation=how), np.uint8)
