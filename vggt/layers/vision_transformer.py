"""DINOv2 with registers: one frame's pixels to patch tokens; frames know nothing of each other.

`PatchEmbed` and `encode` are those of every vision transformer here.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .block import Block
from .rotary import RotaryTable

REGISTERS = 4
EPS = 1e-6


class PatchEmbed(nn.Module):
    """Non-overlapping patches to tokens by one strided convolution."""

    def __init__(self, dim: int, patch_size: int):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, patch_size, stride=patch_size)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (F, 3, H, W) to tokens (F, P, C), row-major."""
        return self.proj(images.to(self.proj.weight.dtype)).flatten(2).transpose(1, 2)


def encode(
    patches: Tensor,
    leading: Tensor,
    blocks: Iterable[nn.Module],
    norm: nn.Module,
    rotary: RotaryTable | None = None,
) -> Tensor:
    """Run patch tokens (F, P, C) behind leading tokens (1, L, C) through blocks and final norm.

    Returns:
        The patch tokens alone, float32 (F, P, C).
    """
    tokens = torch.cat((leading.expand(len(patches), -1, -1), patches), dim=1)
    for block in blocks:
        block(tokens, rotary)
    return norm(tokens[:, leading.shape[1] :])


def resized_grid(learned: Tensor, shape_hw: tuple[int, int], **how: Any) -> Tensor:
    """A learned square grid (1, P, C) for another number of rows and columns, bicubic.

    Args:
        learned: Row-major.
        shape_hw: Rows and columns wanted; a grid that has them is handed back as it is.
        how: What `interpolate` is told of the size; the networks' training differs there.
    """
    side = math.isqrt(learned.shape[1])
    if shape_hw == (side, side):
        return learned
    square = learned.unflatten(1, (side, side)).permute(0, 3, 1, 2)
    return F.interpolate(square, mode="bicubic", **how).flatten(2).transpose(1, 2)


class VisionTransformer(nn.Module):
    """The DINOv2 encoder; `mask_token` is held for the checkpoint's sake and never used."""

    def __init__(self, image_size: int, patch_size: int, dim: int, depth: int, heads: int):
        super().__init__()
        grid = image_size // patch_size
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + grid * grid, dim))
        self.register_tokens = nn.Parameter(torch.zeros(1, REGISTERS, dim))
        self.mask_token = nn.Parameter(torch.zeros(1, dim))
        self.patch_embed = PatchEmbed(dim, patch_size)
        self.blocks = nn.ModuleList(Block(dim, heads, EPS) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=EPS)
        self.patch_size = patch_size

    def forward(self, images: Tensor) -> Tensor:
        """Encode normalised images (F, 3, H, W) to float32 patch tokens (F, P, C)."""
        height, width = images.shape[-2:]
        shape_hw = (height // self.patch_size, width // self.patch_size)
        leading = torch.cat((self.cls_token + self.pos_embed[:, :1], self.register_tokens), dim=1)
        patches = self.patch_embed(images) + self.patch_positions(shape_hw)
        return encode(patches, leading, self.blocks, self.norm)

    def patch_positions(self, shape_hw: tuple[int, int]) -> Tensor:
        """The learned grid (1, P, C), resized where the image is not the training size."""
        return resized_grid(self.pos_embed[:, 1:], shape_hw, size=shape_hw, antialias=True)
