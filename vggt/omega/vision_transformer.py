"""DINOv3: one frame's pixels to patch tokens; frames know nothing of each other."""

import torch
from torch import Tensor, nn

from ..layers.block import Block
from ..layers.vision_transformer import PatchEmbed, encode
from .rotary import CentredRotary

STORAGE_TOKENS = 4


class DinoV3(nn.Module):
    """The DINOv3 encoder; `mask_token` is held for the checkpoint's sake and never used."""

    def __init__(self, patch_size: int, dim: int, depth: int, heads: int):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.storage_tokens = nn.Parameter(torch.zeros(1, STORAGE_TOKENS, dim))
        self.mask_token = nn.Parameter(torch.zeros(1, dim))
        self.patch_embed = PatchEmbed(dim, patch_size)
        self.rope_embed = CentredRotary(dim // heads)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)
        self.patch_size = patch_size

    def forward(self, images: Tensor) -> Tensor:
        """Encode normalised images (F, 3, H, W) to float32 patch tokens (F, P, C)."""
        height, width = images.shape[-2:]
        leading = torch.cat((self.cls_token, self.storage_tokens), dim=1)
        grid_hw = (height // self.patch_size, width // self.patch_size)
        rotary = self.rope_embed(grid_hw, leading.shape[1])
        return encode(self.patch_embed(images), leading, self.blocks, self.norm, rotary)
