"""A photo as a network sees it, with the exact way back to photo pixels; no files, no network."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
SizeWh = tuple[int, int]

WHITE = 255


@dataclass(frozen=True, eq=False)
class ModelImage:
    """A photo as the network sees it.

    Positions are corner-origin: the first pixel spans 0..1.

    Attributes:
        rgb: (H, W, 3) uint8, padding white; the network takes it divided by 255.
        valid_box: Left, top, right and bottom of what is photo and not padding, in pixels.
        photo_from_model: (3, 3) axis-aligned affine from positions in `rgb` to positions in the
            photo.
    """

    rgb: Rgb
    valid_box: tuple[int, int, int, int]
    photo_from_model: NDArray[np.float64]


def of_whole_photo(rgb: Rgb, photo_wh: SizeWh) -> ModelImage:
    """A resized photo of which nothing is cut off."""
    height, width = rgb.shape[:2]
    photo_from_model = np.diag([photo_wh[0] / width, photo_wh[1] / height, 1.0])
    return ModelImage(rgb, (0, 0, width, height), photo_from_model)


def padded(image: ModelImage, size_wh: SizeWh) -> ModelImage:
    """The image amid white; where the padding is odd, left and top get the smaller half."""
    height, width = image.rgb.shape[:2]
    left, top = (size_wh[0] - width) // 2, (size_wh[1] - height) // 2
    rgb = np.full((size_wh[1], size_wh[0], 3), WHITE, np.uint8)
    rgb[top : top + height, left : left + width] = image.rgb
    x0, y0, x1, y1 = image.valid_box
    box = (x0 + left, y0 + top, x1 + left, y1 + top)
    return replace(_shifted(image, -left, -top), rgb=rgb, valid_box=box)


def middle_of(image: ModelImage, size_wh: SizeWh) -> ModelImage:
    """The middle of an image without padding; where the rest is odd, left and top lose less."""
    height, width = image.rgb.shape[:2]
    left, top = (width - size_wh[0]) // 2, (height - size_wh[1]) // 2
    rgb = image.rgb[top : top + size_wh[1], left : left + size_wh[0]]
    return replace(_shifted(image, left, top), rgb=rgb, valid_box=(0, 0, *size_wh))


def _shifted(image: ModelImage, left: int, top: int) -> ModelImage:
    """The way back to the photo from a raster whose corner is at a position in the image."""
    to_image = np.array([[1.0, 0.0, left], [0.0, 1.0, top], [0.0, 0.0, 1.0]])
    return replace(image, photo_from_model=image.photo_from_model @ to_image)
