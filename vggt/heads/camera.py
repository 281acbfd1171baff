"""The camera head: one token per frame to a pose encoding; knows no image."""

import torch
from torch import Tensor, nn

from ..layers.block import Block, Linear, Mlp

POSE_DIM = 9
ROUNDS = 4


class CameraHead(nn.Module):
    """Refines translation, quaternion and field of view of all frames together."""

    def __init__(self, dim: int, depth: int, heads: int):
        super().__init__()
        self.empty_pose_tokens = nn.Parameter(torch.zeros(1, 1, POSE_DIM))
        self.token_norm = nn.LayerNorm(dim)
        self.embed_pose = Linear(POSE_DIM, dim)
        self.poseLN_modulation = nn.Sequential(nn.SiLU(), Linear(dim, 3 * dim))
        self.adaptive_norm = nn.LayerNorm(dim, eps=1e-6, elementwise_affine=False)
        self.trunk = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.trunk_norm = nn.LayerNorm(dim)
        self.pose_branch = Mlp(dim, dim // 2, POSE_DIM)

    def forward(self, camera_tokens: Tensor) -> Tensor:
        """Turn camera tokens (B, S, D) into pose encodings (B, S, 9).

        An encoding is translation (3), quaternion x, y, z, w, vertical and horizontal field of
        view in radians, not below 0.
        """
        tokens = self.token_norm(camera_tokens)
        pose = self._update(tokens, self.empty_pose_tokens.expand(*tokens.shape[:2], -1))
        for _ in range(ROUNDS - 1):
            pose = pose + self._update(tokens, pose)
        return torch.cat((pose[..., :7], pose[..., 7:].relu()), dim=-1)

    def _update(self, tokens: Tensor, pose: Tensor) -> Tensor:
        modulation = self.poseLN_modulation(self.embed_pose(pose))
        shift, scale, gate = modulation.chunk(3, dim=-1)
        x = gate * (self.adaptive_norm(tokens) * (1 + scale) + shift) + tokens
        for block in self.trunk:
            block(x)
        return self.pose_branch(self.trunk_norm(x))
