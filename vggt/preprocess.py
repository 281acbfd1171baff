"""Photos in memory to the network's input, with the exact way back to photo pixels; no files.

Sizes are those of the published `load_and_preprocess_images`: multiples of the patch, the target
side 518 for the published model. Positions are corner-origin: the first pixel spans 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Mode = Literal["crop", "pad"]
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
    taller than that; `pad` makes the longer side `side` and pads to a square with white. Where
    sizes still differ, the smaller are padded to the largest width and height.

    Args:
        photos: (h, w, 3) uint8 each.
        mode: See above.
        side: Target side in pixels, a multiple of `patch`.
        patch: Side of the network's patches.
    """
    images = [_fit(photo, mode, side, patch) for photo in photos]
    height = max(image.rgb.shape[0] for image in images)
    width = max(image.rgb.shape[1] for image in images)
    return [_padded(image, (width, height)) for image in images]


def _fit(photo: Rgb, mode: Mode, side: int, patch: int) -> ModelImage:
    height, width = photo.shape[:2]
    if mode == "crop" or width >= height:
        size_wh = (side, _rounded(height * (side / width), patch))
    else:
        size_wh = (_rounded(width * (side / height), patch), side)
    resized = np.asarray(Image.fromarray(photo).resize(size_wh, Image.Resampling.BICUBIC))
    top = max(0, size_wh[1] - side) // 2
    rgb = resized[top : top + side]
    photo_from_model = np.diag([width / size_wh[0], height / size_wh[1], 1.0])
    photo_from_model[1, 2] = top * height / size_wh[1]
    image = ModelImage(rgb, (0, 0, rgb.shape[1], rgb.shape[0]), photo_from_model)
    return image if mode == "crop" else _padded(image, (side, side))


def _rounded(length: float, patch: int) -> int:
    """The nearest multiple of the patch (halves to even), at least one patch."""
    return max(1, round(length / patch)) * patch


def _padded(image: ModelImage, size_wh: tuple[int, int]) -> ModelImage:
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
