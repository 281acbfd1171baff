"""VGGT: images of a scene to cameras, depth and confidence; knows neither files nor photos.

Parameter names are those of the published checkpoint; of its heads only camera and depth are here.
Inference only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import Tensor, nn

from .heads.camera import CameraHead
from .heads.dense import DepthHead
from .layers.block import Block
from .layers.rotary import grid_rotary
from .layers.vision_transformer import VisionTransformer

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)
REGISTERS = 4
SPECIAL_TOKENS = 1 + REGISTERS
FRAMES_PER_DEPTH_PASS = 1


@dataclass(frozen=True)
class VGGTConfig:
    """The shape of a VGGT; the defaults are the published model of 1.2 billion parameters."""

    img_size: int = 518
    patch_size: int = 14
    embed_dim: int = 1024
    depth: int = 24
    num_heads: int = 16
    dino_depth: int = 24
    dino_heads: int = 16
    camera_trunk_depth: int = 4
    camera_heads: int = 16
    dpt_features: int = 256
    dpt_out_channels: tuple[int, ...] = (256, 512, 1024, 1024)
    dpt_layers: tuple[int, ...] = (4, 11, 17, 23)

    def __post_init__(self) -> None:
        """Accept lists, as JSON has them.

        Raises:
            ValueError: The depth head does not end at the last layer, which the camera head reads.
        """
        object.__setattr__(self, "dpt_out_channels", tuple(self.dpt_out_channels))
        object.__setattr__(self, "dpt_layers", tuple(self.dpt_layers))
        if self.dpt_layers[-1] != self.depth - 1:
            raise ValueError(f"dpt_layers {self.dpt_layers} must end at layer {self.depth - 1}")


class VGGTOutput(TypedDict):
    """Pose encodings (B, S, 9), depth (B, S, H, W, 1), confidence (B, S, H, W), all float32."""

    pose_enc: Tensor
    depth: Tensor
    depth_conf: Tensor


class Aggregator(nn.Module):
    """Alternates attention inside each frame and over all frames."""

    def __init__(self, config: VGGTConfig):
        super().__init__()
        dim, heads = config.embed_dim, config.num_heads
        self.camera_token = nn.Parameter(torch.zeros(1, 2, 1, dim))
        self.register_token = nn.Parameter(torch.zeros(1, 2, REGISTERS, dim))
        self.patch_embed = VisionTransformer(
            config.img_size, config.patch_size, dim, config.dino_depth, config.dino_heads
        )
        layers = range(config.depth)
        self.frame_blocks = nn.ModuleList(Block(dim, heads, qk_norm=True) for _ in layers)
        self.global_blocks = nn.ModuleList(Block(dim, heads, qk_norm=True) for _ in layers)
        self.config = config

    def forward(self, images: Tensor) -> Iterator[Tensor]:
        """Yield the tapped layers' tokens (B * S, N, 2 * C) of images (B, S, 3, H, W) in 0..1.

        The halves of the channels are the outputs of a layer's frame and global block. A tapped
        layer is a fresh tensor: what the reader drops is freed while the network goes on.
        """
        config = self.config
        batch, _, _, height, width = images.shape
        tokens = self._tokens(images)
        rotary = grid_rotary(
            height // config.patch_size,
            width // config.patch_size,
            SPECIAL_TOKENS,
            config.embed_dim // config.num_heads,
            tokens.device,
        )
        for layer in range(config.depth):
            self.frame_blocks[layer](tokens, rotary)
            halves = [tokens.clone()] if layer in config.dpt_layers else []
            self.global_blocks[layer](tokens.view(batch, -1, config.embed_dim), rotary)
            if halves:
                yield torch.cat((halves.pop(), tokens), dim=-1)

    def _tokens(self, images: Tensor) -> Tensor:
        """Camera, register and patch tokens (B * S, N, C); first frames have their own."""
        batch, frames = images.shape[:2]
        mean = images.new_tensor(IMAGE_MEAN)[:, None, None]
        std = images.new_tensor(IMAGE_STD)[:, None, None]
        patches = self.patch_embed(((images - mean) / std).flatten(0, 1))
        special = torch.cat((self.camera_token, self.register_token), dim=2)
        first, others = special[:, :1], special[:, 1:]
        of_frames = torch.cat((first, others.expand(-1, frames - 1, -1, -1)), dim=1)
        of_all = of_frames.expand(batch, -1, -1, -1).flatten(0, 1)
        return torch.cat((of_all, patches), dim=1)


class VGGT(nn.Module):
    """Cameras, depth and confidence of a scene's frames, in the world of the first frame."""

    def __init__(self, config: VGGTConfig):
        super().__init__()
        width = 2 * config.embed_dim
        self.config = config
        self.aggregator = Aggregator(config)
        self.camera_head = CameraHead(width, config.camera_trunk_depth, config.camera_heads)
        self.depth_head = DepthHead(width, config.dpt_features, config.dpt_out_channels)

    @torch.inference_mode()
    def forward(self, images: Tensor) -> VGGTOutput:
        """Predict from images (S, 3, H, W) or (B, S, 3, H, W), RGB in 0..1.

        Raises:
            ValueError: A side is not a multiple of the patch size.
        """
        images = images if images.ndim == 5 else images[None]
        batch, frames, _, height, width = images.shape
        patch = self.config.patch_size
        if height % patch or width % patch:
            raise ValueError(f"images are {width}x{height}, need multiples of {patch}")
        grid_hw = (height // patch, width // patch)
        maps, camera_tokens = [], torch.empty(0)
        for tokens in self.aggregator(images):
            maps.append(self.depth_head.project(tokens[:, SPECIAL_TOKENS:], len(maps), grid_hw))
            camera_tokens = tokens[:, 0].clone()
            del tokens
        pose_enc = self.camera_head(camera_tokens.unflatten(0, (batch, frames)))
        depth, confidence = self._depth(maps, (height, width))
        return VGGTOutput(
            pose_enc=pose_enc,
            depth=depth.unflatten(0, (batch, frames))[..., None],
            depth_conf=confidence.unflatten(0, (batch, frames)),
        )

    def _depth(self, maps: list[Tensor], shape_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Depth and confidence (F, H, W), few frames at a time: the maps at full size are large."""
        passes = zip(*(part.split(FRAMES_PER_DEPTH_PASS) for part in maps), strict=True)
        results = [self.depth_head(list(part), shape_hw) for part in passes]
        depths, confidences = zip(*results, strict=True)
        return torch.cat(depths), torch.cat(confidences)
