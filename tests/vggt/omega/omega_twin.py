"""VGGT-Omega's forward pass in plain functions of a published state dict: slow, all at once."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from vggt.omega.model import OmegaConfig

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
STORAGE_TOKENS = 4


class PlainOmega:
    """Answers pose encodings (S, 9), depth and confidence (S, H, W) of images (S, 3, H, W)."""

    def __init__(self, state: Mapping[str, Tensor], config: OmegaConfig):
        self.state, self.config = state, config

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        config, count = self.config, len(images)
        rows, columns = (side // config.patch_size for side in images.shape[2:])
        special = 1 + config.register_tokens
        tokens = self.first_tokens(images, (rows, columns))
        kept = []
        for layer in range(config.depth):
            turn = self.turning("aggregator.rope_embed", (rows, columns))
            within = self.block(tokens, f"aggregator.frame_blocks.{layer}", config.num_heads, turn)
            seen = special if layer in config.register_blocks else tokens.shape[1]
            between = self.block(
                within[:, :seen].reshape(1, -1, config.embed_dim),
                f"aggregator.inter_frame_blocks.{layer}",
                config.num_heads,
            ).view(count, seen, -1)
            tokens = torch.cat((between, within[:, seen:]), dim=1)
            if layer in config.dpt_layers:
                kept.append(torch.cat((within, tokens), dim=-1))
        pose = self.pose(kept[-1][:, :special])
        maps = [layer[:, special:].transpose(1, 2).unflatten(2, (rows, columns)) for layer in kept]
        depth, confidence = self.dense(maps)
        return pose, depth, confidence

    def linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return F.layer_norm(x, weight.shape, weight, bias, 1e-5)

    def conv(self, x: Tensor, name: str, **options) -> Tensor:
        return F.conv2d(x, self.state[f"{name}.weight"], self.state.get(f"{name}.bias"), **options)

    def turning(self, name: str, grid_hw: tuple[int, int]) -> Tensor:
        """Angles (P, d / 2): rows, then columns, over all periods."""
        longer, periods = max(grid_hw), self.state[f"{name}.periods"]
        angles = [
            [
                2 * math.pi * (2 * (at + 0.5) / longer - 1) / period
                for at in (row, column)
                for period in periods.tolist()
            ]
            for row in range(grid_hw[0])
            for column in range(grid_hw[1])
        ]
        return torch.tensor(angles)

    def first_tokens(self, images: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """Special tokens and encoded patches (S, N, C)."""
        config, name = self.config, "aggregator.patch_embed"
        stride = {"stride": config.patch_size}
        patches = self.conv((images - MEAN) / STD, f"{name}.patch_embed.proj", **stride)
        leading = torch.cat(
            [self.state[f"{name}.{kind}"] for kind in ("cls_token", "storage_tokens")], 1
        )
        x = torch.cat(
            (leading.expand(len(images), -1, -1), patches.flatten(2).transpose(1, 2)), dim=1
        )
        turn = self.turning(f"{name}.rope_embed", grid_hw)
        for layer in range(config.dino_depth):
            x = self.block(x, f"{name}.blocks.{layer}", config.dino_heads, turn)
        encoded = self.norm(x, f"{name}.norm")[:, 1 + STORAGE_TOKENS :]
        kinds = ("camera_token", "register_token")
        special = torch.cat([self.state[f"aggregator.{kind}"][0] for kind in kinds], dim=1)
        of_frames = torch.stack([special[0 if index == 0 else 1] for index in range(len(images))])
        return torch.cat((of_frames, encoded), dim=1)

    def block(self, x: Tensor, name: str, heads: int, turn: Tensor | None = None) -> Tensor:
        normed, bias = self.norm(x, f"{name}.norm1"), f"{name}.attn.qkv.bias"
        masked = self.state[bias] * self.state[f"{bias}_mask"]
        qkv = F.linear(normed, self.state[f"{name}.attn.qkv.weight"], masked)
        q, k, v = (part.unflatten(2, (heads, -1)).transpose(1, 2) for part in qkv.chunk(3, dim=-1))
        if f"{name}.attn.q_norm.weight" in self.state:
            q, k = self.norm(q, f"{name}.attn.q_norm"), self.norm(k, f"{name}.attn.k_norm")
        if turn is not None:
            q, k = _turned(q, turn), _turned(k, turn)
        weights = (q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])).softmax(dim=-1)
        mixed = self.linear((weights @ v).transpose(1, 2).flatten(2), f"{name}.attn.proj")
        x = x + self.state[f"{name}.ls1.gamma"] * mixed
        hidden = F.gelu(self.linear(self.norm(x, f"{name}.norm2"), f"{name}.mlp.fc1"))
        return x + self.state[f"{name}.ls2.gamma"] * self.linear(hidden, f"{name}.mlp.fc2")

    def pose(self, special: Tensor) -> Tensor:
        config, count = self.config, len(special)
        x = self.norm(special, "camera_head.token_norm").reshape(1, -1, special.shape[-1])
        for layer in range(config.camera_trunk_depth):
            x = self.block(x, f"camera_head.trunk.{layer}", config.camera_heads)
        first = self.norm(x.view(count, -1, x.shape[-1])[:, 0], "camera_head.trunk_norm")
        hidden = F.gelu(self.linear(first, "camera_head.camera_branch.0"))
        raw = self.linear(hidden, "camera_head.camera_branch.2")
        return torch.cat((raw[:, :7], raw[:, 7:].relu() + 0.01), dim=1)

    def dense(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        levels = []
        for k, tokens in enumerate(maps):
            normed = self.norm(tokens.movedim(1, -1), "dense_head.norm").movedim(-1, 1)
            projected = _placed(self.conv(normed, f"dense_head.projects.{k}"))
            levels.append(
                self.conv(
                    self.resized(projected, k), f"dense_head.scratch.layer{k + 1}_rn", padding=1
                )
            )
        path = None
        for k in (3, 2, 1, 0):
            name = f"dense_head.scratch.refinenet{k + 1}"
            joined = levels[k]
            if path is not None:
                joined = path + self.residual(levels[k], f"{name}.resConfUnit1")
            path = self.residual(joined, f"{name}.resConfUnit2")
            if k:
                size = levels[k - 1].shape[2:]
                path = F.interpolate(path, size=size, mode="bilinear", align_corners=True)
            path = self.conv(path, f"{name}.out_conv")
        fused = _placed(path)
        raw = [self.conv(fused, f"dense_head.{kind}") for kind in ("proj", "proj_conf")]
        depth, confidence = (F.pixel_shuffle(part, self.config.patch_size // 4) for part in raw)
        return depth[:, 0].exp(), 1 + confidence[:, 0].exp()

    def resized(self, projected: Tensor, k: int) -> Tensor:
        name = f"dense_head.resize_layers.{k}"
        if k == 2:
            return projected
        if k == 3:
            return self.conv(projected, name, stride=2, padding=1)
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return F.conv_transpose2d(projected, weight, bias, stride=(4, 2)[k])

    def residual(self, x: Tensor, name: str) -> Tensor:
        hidden = self.conv(x.relu(), f"{name}.conv1", padding=1).relu()
        return x + self.conv(hidden, f"{name}.conv2", padding=1)


def _turned(heads: Tensor, turn: Tensor) -> Tensor:
    """The last P tokens of heads (F, heads, T, d), turned: channel j with j + d / 2."""
    leading = heads.shape[2] - len(turn)
    u, v = heads[:, :, leading:].chunk(2, dim=-1)
    turned = torch.cat((u * turn.cos() - v * turn.sin(), v * turn.cos() + u * turn.sin()), dim=-1)
    return torch.cat((heads[:, :, :leading], turned), dim=2)


def _placed(maps: Tensor) -> Tensor:
    """Maps with a tenth of the sines and cosines of their cells' places added."""
    _, channels, height, width = maps.shape
    frequencies = 100.0 ** (-torch.arange(channels // 4).double() / (channels // 4))
    parts = []
    for length, axis in ((width, 1), (height, 0)):
        span = length / math.hypot(height, width) * (length - 1) / length
        angles = frequencies[:, None] * torch.linspace(-span, span, length).double()
        for wave in (angles.sin(), angles.cos()):
            grid = wave[:, None, :] if axis else wave[:, :, None]
            parts.append(grid.expand(-1, height, width))
    return maps + 0.1 * torch.cat(parts).float()
