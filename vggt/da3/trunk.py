"""Depth Anything 3's trunk: a DINOv2 whose later blocks look inside and across frames in turn.

Parameter names are those of the published checkpoints below `model.backbone.pretrained`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..layers.block import Block, SwiGlu
from ..layers.rotary import RotaryTable, grid_rotary, level_rotary
from ..layers.vision_transformer import EPS, PatchEmbed, resized_grid
from ..network import NetworkConfig, Trunk, normalised
from .reference import REFERENCE_VIEWS

GRID_OFFSET = 0.1
"""Added to the rows and columns that the learned positions are resized for, as in training."""

GOOD_CAMERAS_FROM = 1024
"""Channels of DA3-LARGE, whose own cameras are about VGGT-1B's; those of BASE (768) and SMALL (384)
reach less than half of that at 3 degrees on ScanNet++ (arXiv 2511.10647, table 2)."""


@dataclass(frozen=True)
class DA3Config(NetworkConfig):
    """The shape of a Depth Anything 3; the defaults are DA3-BASE.

    Attributes:
        img_size: Longer side of the images; the learned positions have another, see `grid`.
        grid: Rows, and columns, of the learned positions.
        start: The first block with normalised and rotated q and k; from here on those of odd
            number look across frames.
        gated: Whether blocks have a gated feed-forward part.
        reference_view: How the frame is chosen whose camera is the world, of `REFERENCE_VIEWS`.
        takes_cameras: Whether cameras may be given, for which more weights are read.
        camera_encoder_heads: Attention heads of what reads them.
    """

    img_size: int = 504
    patch_size: int = 14
    embed_dim: int = 768
    depth: int = 12
    num_heads: int = 12
    dpt_features: int = 128
    dpt_out_channels: tuple[int, ...] = (96, 192, 384, 768)
    dpt_layers: tuple[int, ...] = (5, 7, 9, 11)
    grid: int = 37
    start: int = 4
    gated: bool = False
    reference_view: str = "saddle_balanced"
    takes_cameras: bool = False
    camera_encoder_heads: int = 16

    @property
    def has_weak_cameras(self) -> bool:
        """See `NetworkConfig`; so it is with the two smaller sizes."""
        return self.embed_dim < GOOD_CAMERAS_FROM

    def __post_init__(self) -> None:
        """Accept lists, as JSON has them.

        Raises:
            ValueError: No network has this shape.
        """
        super().__post_init__()
        if self.reference_view not in REFERENCE_VIEWS:
            known = ", ".join(REFERENCE_VIEWS)
            raise ValueError(f"reference_view {self.reference_view}, need one of {known}")
        if any(layer <= self.start or layer % 2 == 0 for layer in self.dpt_layers):
            raise ValueError(f"dpt_layers {self.dpt_layers} must be odd and after {self.start}")


class DA3Trunk(Trunk):
    """Class token and patches of each frame; the class token becomes the camera token."""

    special_tokens = 1

    def __init__(self, config: DA3Config):
        super().__init__()
        dim = config.embed_dim
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.camera_token = nn.Parameter(torch.zeros(1, 2, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + config.grid**2, dim))
        self.patch_embed = PatchEmbed(dim, config.patch_size)
        self.blocks = nn.ModuleList(_block(config, index) for index in range(config.depth))
        self.norm = nn.LayerNorm(dim)
        self.config = config

    @property
    def layers(self) -> nn.ModuleList:
        """See `Trunk`."""
        return self.blocks

    def forward(self, images: Tensor, camera_tokens: Tensor | None = None) -> Iterator[Tensor]:
        """Yield the tapped layers' tokens, see `Trunk`; those of the camera are not normalised.

        Args:
            images: (B, S, 3, H, W) in 0..1.
            camera_tokens: (B, S, C) of given cameras; None for the learned ones.
        """
        config, (batch, _, _, height, width) = self.config, images.shape
        grid_hw = (height // config.patch_size, width // config.patch_size)
        inside, across = self._rotary(grid_hw)
        tokens = self._tokens(images, grid_hw)
        scenes = tokens.unflatten(0, (batch, -1))
        for index, block in enumerate(self.blocks):
            if index == config.start - 1 and camera_tokens is None:
                camera_tokens = self._learned_cameras(scenes[:, :, 0])
            if index == config.start and camera_tokens is not None:
                scenes[:, :, 0] = camera_tokens
            halves = [tokens.clone()] if index in config.dpt_layers else []
            if index < config.start or index % 2 == 0:
                block(tokens, inside if index >= config.start else None)
            else:
                block(scenes.flatten(1, 2), across)
            if halves:
                yield torch.cat((halves.pop(), self._patches_normalised(tokens)), dim=-1)

    def _tokens(self, images: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        """Class and patch tokens (B * S, N, C) with their learned positions."""
        patches = self.patch_embed(normalised(images).flatten(0, 1))
        scale = tuple((count + GRID_OFFSET) / self.config.grid for count in grid_hw)
        learned = resized_grid(self.pos_embed[:, 1:], grid_hw, scale_factor=scale)
        leading = (self.cls_token + self.pos_embed[:, :1]).expand(len(patches), -1, -1)
        return torch.cat((leading, patches + learned), dim=1)

    def _rotary(self, grid_hw: tuple[int, int]) -> tuple[RotaryTable, RotaryTable]:
        """Tables of a frame's tokens for blocks that look inside and across frames."""
        head_dim, device = self.config.embed_dim // self.config.num_heads, self.cls_token.device
        inside = grid_rotary(*grid_hw, self.special_tokens, head_dim, device)
        return inside, level_rotary(grid_hw[0] * grid_hw[1], head_dim, device)

    def _learned_cameras(self, class_tokens: Tensor) -> Tensor:
        """Camera tokens (B, S, C): each scene's reference frame has one, all others the other.

        Published code moves the reference to the front and back; attention does not see the order.
        """
        scenes, frames = class_tokens.shape[:2]
        of_reference, of_others = self.camera_token[0]
        cameras = of_others.expand(scenes, frames, -1).clone()
        reference = REFERENCE_VIEWS[self.config.reference_view](class_tokens)
        cameras[torch.arange(scenes), reference] = of_reference
        return cameras

    def _patches_normalised(self, tokens: Tensor) -> Tensor:
        return torch.cat((tokens[:, :1], self.norm(tokens[:, 1:])), dim=1)


def _block(config: DA3Config, index: int) -> Block:
    dim = config.embed_dim
    mlp = SwiGlu(dim) if config.gated else None
    return Block(dim, config.num_heads, EPS, qk_norm=index >= config.start, mlp=mlp)
