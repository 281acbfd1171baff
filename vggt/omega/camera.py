"""Omega's camera head: all special tokens of all frames to poses, in one pass; knows no image."""

import torch
from torch import Tensor, nn

from ..heads.camera import POSE_DIM
from ..layers.block import Block, Linear

LEAST_FOV = 0.01


class SinglePassCameraHead(nn.Module):
    """Reads translation, quaternion and field of view off each frame's first token."""

    def __init__(self, dim: int, depth: int, heads: int):
        super().__init__()
        self.token_norm = nn.LayerNorm(dim)
        self.trunk = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.trunk_norm = nn.LayerNorm(dim)
        self.camera_branch = nn.Sequential(
            Linear(dim, dim // 2), nn.GELU(), Linear(dim // 2, POSE_DIM)
        )

    def forward(self, special_tokens: Tensor) -> Tensor:
        """Turn camera and register tokens (B, S, R, D) into pose encodings (B, S, 9).

        An encoding is translation (3), quaternion x, y, z, w, vertical and horizontal field of
        view in radians, not below `LEAST_FOV`.
        """
        tokens = self.token_norm(special_tokens)
        for block in self.trunk:
            block(tokens.view(len(tokens), -1, tokens.shape[-1]))
        pose = self.camera_branch(self.trunk_norm(tokens[:, :, 0]))
        return torch.cat((pose[..., :7], pose[..., 7:].relu() + LEAST_FOV), dim=-1)
