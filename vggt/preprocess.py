"""Photos in memory to the network's input, with the exact way back to photo pixels; no files.

Sizes are those of the networks' published `load_and_preprocess_images`: multiples of the patch, the
target side 518 for VGGT-1B, 512 for VGGT-Omega. Positions are corner-origin: the first pixel spans
0..1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .omega.sizing import SizeWh, balanced_size, kept_box, longest_side_size

Mode = Literal["crop", "pad", "balanced", "max_size"]
Rgb = NDArray[np.uint8]

WHITE = 255


@dataclass(frozen=True, eq=False)
class ModelImage:
    """A photo as the network sees it.

    Attributes:
        rgb: (H, W, 3) uint8, padding white; the network takes it divided by 255.
        valid_box: Left, top, right and bottom of what is photo and not padding, in pixels.
        photo_from_model: (3, 3) axis-aligned affine from positions in `rgb` to positions in the
            photo.
    """

    rgb: Rgb
    valid_box: tuple[int, int, int, int]
    photo_from_model: NDArray[np.float64]


def preprocess(photos: Sequence[Rgb], mode: Mode, side: int, patch: int) -> list[ModelImage]:
    """Bring photos to one size that the network takes.

    `crop` makes every photo `side` wide and cuts rows above and below off those that are then
    taller than that; `pad` makes the longer side `side` and pads to a square with white.
    `balanced` and `max_size` cut the ends off what is longer than twice its width, then give it as
    many patches as a square of `side` has, or make the longer side `side`. Where sizes still
    differ, the smaller are padded to the largest width and height.

    Args:
        photos: (h, w, 3) uint8 each.
        mode: See above.
        side: Target side in pixels, a multiple of `patch`.
        patch: Side of the network's patches.
    """
    images = [_FITS[mode](photo, side, patch) for photo in photos]
    height = max(image.rgb.shape[0] for image in images)
    width = max(image.rgb.shape[1] for image in images)
    return [_padded(image, (width, height)) for image in images]


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
    return _padded(_resized(photo, size_wh), (side, side))


def _balanced(photo: Rgb, side: int, patch: int) -> ModelImage:
    return _resized_middle(photo, partial(balanced_size, side=side, patch=patch))


def _max_size(photo: Rgb, side: int, patch: int) -> ModelImage:
    return _resized_middle(photo, partial(longest_side_size, side=side, patch=patch))


_FITS: dict[Mode, Callable[[Rgb, int, int], ModelImage]] = {
    "crop": _crop,
    "pad": _pad,
    "balanced": _balanced,
    "max_size": _max_size,
}


def _resized_middle(photo: Rgb, size_of: Callable[[SizeWh], SizeWh]) -> ModelImage:
    """What is kept of an elongated photo, in the size that goes with its own."""
    left, top, right, bottom = kept_box((photo.shape[1], photo.shape[0]))
    image = _resized(photo[top:bottom, left:right], size_of((right - left, bottom - top)))
    image.photo_from_model[:2, 2] = left, top
    return image


def _resized(photo: Rgb, size_wh: SizeWh) -> ModelImage:
    height, width = photo.shape[:2]
    rgb = np.asarray(Image.fromarray(photo).resize(size_wh, Image.Resampling.BICUBIC))
    photo_from_model = np.diag([width / size_wh[0], height / size_wh[1], 1.0])
    return ModelImage(rgb, (0, 0, *size_wh), photo_from_model)


def _rounded(length: float, patch: int) -> int:
    """The nearest multiple of the patch (halves to even), at least one patch."""
    return max(1, round(length / patch)) * patch


def _padded(image: ModelImage, size_wh: SizeWh) -> ModelImage:
    """The image amid white; where the padding is odd, left and top get the smaller half."""
    height, width = image.rgb.shape[:2]
    left, top = (size_wh[0] - width) // 2, (size_wh[1] - height) // 2
    rgb = np.full((size_wh[1], size_wh[0], 3), WHITE, np.uint8)
    rgb[top : top + height, left : left + width] = image.rgb
    before = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top], [0.0, 0.0, 1.0]])
    x0, y0, x1, y1 = image.valid_box
    return replace(
        image,
        rgb=rgb,
        valid_box=(x0 + left, y0 + top, x1 + left, y1 + top),
        photo_from_model=image.photo_from_model @ before,
    )
