"""Photos to the size that the network takes, in the ways that the node's widget offers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...vggt.preprocess import ModelImage, preprocess

Rgb = NDArray[np.uint8]

BLACK = 0


def fitted(photos: Iterable[Rgb], mode: str, side: int, patch: int) -> list[ModelImage]:
    """Every photo fitted on its own, then stretched to the size of the first.

    Args:
        photos: (h, w, 3) each.
        mode: `crop`, `pad_white` or `pad_black`, as `preprocess` does it, or `tile`: as wide as
            `crop` makes it and as high as it then is.
        side: Target side in pixels, a multiple of `patch`.
        patch: Side of the network's patches.
    """
    pairs = [(photo, _fitted(photo, mode, side, patch)) for photo in photos]
    height, width = pairs[0][1].rgb.shape[:2]
    return [
        image
        if image.rgb.shape[:2] == (height, width)
        else _stretched(photo, image, (width, height))
        for photo, image in pairs
    ]


def _fitted(photo: Rgb, mode: str, side: int, patch: int) -> ModelImage:
    if mode == "tile":
        return _tile(photo, side, patch)
    if mode == "crop":
        return preprocess([photo], "crop", side, patch)[0]
    image = preprocess([photo], "pad", side, patch)[0]
    return image if mode == "pad_white" else _padded_black(image)


def _tile(photo: Rgb, side: int, patch: int) -> ModelImage:
    height, width = photo.shape[:2]
    size_wh = (side, max(1, round(height * side / width / patch)) * patch)
    whole = ModelImage(photo, (0, 0, width, height), np.eye(3))
    return _stretched(photo, whole, size_wh)


def _padded_black(image: ModelImage) -> ModelImage:
    left, top, right, bottom = image.valid_box
    rgb = np.full_like(image.rgb, BLACK)
    rgb[top:bottom, left:right] = image.rgb[top:bottom, left:right]
    return replace(image, rgb=rgb)


def _stretched(photo: Rgb, image: ModelImage, size_wh: tuple[int, int]) -> ModelImage:
    """What an image without padding shows of its photo, at another size."""
    height, width = image.rgb.shape[:2]
    to_image = np.diag([width / size_wh[0], height / size_wh[1], 1.0])
    photo_from_model = image.photo_from_model @ to_image
    corners = np.array([[0, 0, 1], [*size_wh, 1]]) @ photo_from_model.T
    box = tuple(corners[:, :2].ravel().tolist())
    rgb = Image.fromarray(photo).resize(size_wh, Image.Resampling.BICUBIC, box)
    return ModelImage(np.asarray(rgb), (0, 0, *size_wh), photo_from_model)
