"""Omega's dense head: it ends at a quarter of the image's size and shuffles channels to pixels."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..heads.dense import DenseHead, PlainSkipUnit, Scratch, add_positions, shape_hw_of

LEVELS_PER_PATCH = 4
"""The finest level has so many cells along the side of a patch."""


class ShufflingDenseHead(DenseHead):
    """DPT whose two outputs are, per cell of the finest level, the pixels in it."""

    def __init__(
        self, dim: int, features: int, layer_channels: tuple[int, ...], patch_size: int
    ) -> None:
        super().__init__(dim, Scratch(features, layer_channels, PlainSkipUnit), layer_channels)
        self.pixels_per_cell = patch_size // LEVELS_PER_PATCH
        self.proj = nn.Conv2d(features, self.pixels_per_cell**2, 1)
        self.proj_conf = nn.Conv2d(features, self.pixels_per_cell**2, 1)

    def _raw(self, pyramid: list[Tensor], image_hw: tuple[int, int]) -> Tensor:
        fused = add_positions(self._fuse(pyramid, shape_hw_of(pyramid[0])))
        outputs = torch.cat((self.proj(fused), self.proj_conf(fused)), dim=1)
        return F.pixel_shuffle(outputs, self.pixels_per_cell)
