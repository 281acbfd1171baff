"""Depth Anything 3's cameras: tokens to poses and given poses to tokens; knows no image."""

import torch
from torch import Tensor, nn

from ..heads.camera import POSE_DIM
from ..layers.block import Block, Linear, Mlp

ENCODER_DEPTH = 4


class CameraDecoder(nn.Module):
    """Reads a pose off each frame's camera token alone."""

    def __init__(self, dim: int):
        super().__init__()
        self.backbone = nn.Sequential(Linear(dim, dim), nn.ReLU(), Linear(dim, dim), nn.ReLU())
        self.fc_t = Linear(dim, 3)
        self.fc_qvec = Linear(dim, 4)
        self.fc_fov = nn.Sequential(Linear(dim, 2), nn.ReLU())

    def forward(self, camera_tokens: Tensor) -> Tensor:
        """Turn camera tokens (B, S, D) into pose encodings (B, S, 9) as all networks' are here."""
        return inverted(self.camera_to_world(camera_tokens))

    def camera_to_world(self, camera_tokens: Tensor) -> Tensor:
        """What this network is trained to answer: encodings (B, S, 9) of world-from-camera.

        An encoding is translation (3), quaternion x, y, z, w, vertical and horizontal field of
        view in radians, not below 0.
        """
        features = self.backbone(camera_tokens)
        parts = (self.fc_t(features), self.fc_qvec(features), self.fc_fov(features))
        return torch.cat(parts, dim=-1)


class CameraEncoder(nn.Module):
    """Turns cameras that are known into camera tokens; frames see each other's."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.pose_branch = Mlp(POSE_DIM, dim // 2, dim)
        self.token_norm = nn.LayerNorm(dim)
        self.trunk = nn.ModuleList(Block(dim, heads) for _ in range(ENCODER_DEPTH))
        self.trunk_norm = nn.LayerNorm(dim)

    def forward(self, pose_enc: Tensor) -> Tensor:
        """Turn encodings (B, S, 9) of camera-from-world into camera tokens (B, S, C)."""
        tokens = self.token_norm(self.pose_branch(inverted(pose_enc)))
        for block in self.trunk:
            block(tokens)
        return self.trunk_norm(tokens)


def inverted(pose_enc: Tensor) -> Tensor:
    """Encodings (..., 9) of the inverse rigid motions; quaternions keep their lengths."""
    translation, vector, scalar = pose_enc[..., :3], pose_enc[..., 3:6], pose_enc[..., 6:7]
    turned = _rotated(-translation, -vector, scalar)
    return torch.cat((turned, -vector, scalar, pose_enc[..., 7:]), dim=-1)


def _rotated(points: Tensor, vector: Tensor, scalar: Tensor) -> Tensor:
    """Points (..., 3) rotated by quaternions of any length.

    p + 2 (w (u x p) + u x (u x p)) / |q|^2 for the quaternion's vector u and scalar w.
    """
    squared_length = (vector.square().sum(-1, keepdim=True) + scalar.square()).clamp_min(
        torch.finfo(vector.dtype).tiny
    )
    crossed = torch.linalg.cross(vector, points)
    again = torch.linalg.cross(vector, crossed)
    return points + 2 * (scalar * crossed + again) / squared_length
