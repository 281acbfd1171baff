"""ComfyUI's IMAGE and MASK tensors to and from pictures in arrays; no cameras, no files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Rgb = NDArray[np.uint8]


def photos_in(images: Iterable[Tensor]) -> list[Rgb]:
    """Every picture of every batch, in order.

    Args:
        images: IMAGE tensors (B, H, W, C) in 0..1, each with B, H, W of its own; C is 1, 3, or 4
            with alpha, which is composited over white.

    Returns:
        (H, W, 3) arrays.
    """
    return [_photo(picture) for batch in images for picture in batch]


def one_by_one(images: Iterable[Tensor]) -> Iterator[Tensor]:
    """Every picture of every batch as a batch of its own."""
    return (batch[index : index + 1] for batch in images for index in range(len(batch)))


def _photo(picture: Tensor) -> Rgb:
    picture = picture.detach().float().cpu().nan_to_num().clamp(0, 1)
    rgb = picture[..., :3].expand(-1, -1, 3)
    if picture.shape[-1] == 4:
        alpha = picture[..., 3:]
        rgb = rgb * alpha + (1 - alpha)
    return (rgb * 255).round().to(torch.uint8).numpy()


def image_of(pictures: Sequence[Rgb]) -> Tensor:
    """IMAGE (B, H, W, 3) of pictures (H, W, 3) of one size."""
    return torch.from_numpy(np.stack(pictures)).float() / 255


def gray_image_of(maps: Sequence[NDArray[Any]]) -> Tensor:
    """IMAGE (B, H, W, 3) of maps (H, W) in 0..1 of one size."""
    return mask_of(maps)[..., None].repeat(1, 1, 1, 3)


def mask_of(maps: Sequence[NDArray[Any]]) -> Tensor:
    """MASK (B, H, W) of maps (H, W) in 0..1, or of booleans, of one size."""
    return torch.from_numpy(np.stack(maps).astype(np.float32))
