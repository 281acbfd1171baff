"""ComfyUI's IMAGE and MASK tensors to and from pictures in arrays; no cameras, no files.

A click on Cancel is looked for between photos, and between parts of large ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..warpset.core.errors import InputError
from .computing import until_cancelled

Rgb = NDArray[np.uint8]

ROWS_AT_ONCE = 256
"""Rows of a photo that are converted between two looks for Cancel: 0.1 s where it has 24 MP."""


def photos_in(images: Iterable[Tensor]) -> list[Rgb]:
    """Every picture of every batch, in order.

    Args:
        images: IMAGE tensors (B, H, W, C) in 0..1, each with B, H, W of its own; C is 1, 3, or 4
            with alpha, which is composited over white.

    Returns:
        (H, W, 3) arrays.
    """
    return [_photo(picture) for batch in images for picture in batch]


def left_out_of(photos: Sequence[Rgb], masks: Tensor) -> list[Rgb]:
    """What masks leave out of photos, on the photos' own rasters.

    Args:
        photos: (H, W, 3) each.
        masks: MASK (B, h, w) as `Load Image` gives it, 1 where a picture is transparent; of any
            size, since it gives a small empty one where a file has no alpha.

    Returns:
        (H, W, 3) pictures, black where a photo is left out and white elsewhere.

    Raises:
        InputError: There are more or fewer masks than photos.
    """
    if len(masks) != len(photos):
        raise InputError(
            f"masks: found {len(masks)}, need one for each of {len(photos)} images; batch them"
        )
    pairs = until_cancelled(zip(masks, photos, strict=True))
    return [_kept(mask, photo.shape[:2]) for mask, photo in pairs]


def _kept(mask: Tensor, shape_hw: tuple[int, int]) -> Rgb:
    kept = (1 - mask.detach().float().cpu().nan_to_num().clamp(0, 1))[None, None]
    sized = torch.nn.functional.interpolate(kept, shape_hw, mode="bilinear", antialias=True)
    gray = (sized[0, 0] * 255).round().to(torch.uint8).numpy()
    return np.repeat(gray[..., None], 3, axis=2)


def _photo(picture: Tensor) -> Rgb:
    bands = until_cancelled(picture.split(ROWS_AT_ONCE))
    return np.concatenate([_band(band) for band in bands])


def _band(picture: Tensor) -> Rgb:
    picture = picture.detach().float().cpu().nan_to_num().clamp(0, 1)
    rgb = picture[..., :3].expand(-1, -1, 3)
    if picture.shape[-1] == 4:
        alpha = picture[..., 3:]
        rgb = rgb * alpha + (1 - alpha)
    return (rgb * 255).round().to(torch.uint8).numpy()


def image_of(pictures: Sequence[Rgb]) -> Tensor:
    """IMAGE (B, H, W, 3) of pictures (H, W, 3) of one size."""
    return _stacked(pictures, white=255)


def mask_of(maps: Sequence[NDArray[Any]]) -> Tensor:
    """MASK (B, H, W) of maps (H, W) in 0..1, or of booleans, of one size."""
    return _stacked(maps, white=1)


def _stacked(pictures: Sequence[NDArray[Any]], white: int) -> Tensor:
    stacked = torch.empty(len(pictures), *pictures[0].shape)
    for there, picture in zip(stacked, pictures, strict=True):
        for top in until_cancelled(range(0, len(picture), ROWS_AT_ONCE)):
            rows = slice(top, top + ROWS_AT_ONCE)
            there[rows] = torch.from_numpy(picture[rows].astype(np.float32)) / white
    return stacked
