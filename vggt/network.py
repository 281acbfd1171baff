"""What every network here does with a scene's images; knows no architecture, no files, no photos.

A network is an aggregator, a camera head and a dense head; each architecture brings its own.
Inference only.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from .heads.dense import DenseHead
from .layers.block import Block
from .layers.rotary import RotaryTable

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)
FRAMES_PER_DEPTH_PASS = 1
MAX_LAYERS = 256
MAX_EXTENT = 1 << 15
"""Of channels, heads and pixels; ten times what the largest networks have."""

DENSE_MAPS = 4
"""The dense heads of all networks fuse so many layers' maps."""


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of any network; the defaults are those of the published large ones."""

    img_size: int
    patch_size: int
    embed_dim: int = 1024
    depth: int = 24
    num_heads: int = 16
    dpt_features: int = 256
    dpt_out_channels: tuple[int, ...] = (256, 512, 1024, 1024)
    dpt_layers: tuple[int, ...] = (4, 11, 17, 23)

    @property
    def has_weak_cameras(self) -> bool:
        """Whether its depth on cameras that are given is far better than on its own."""
        return False

    def __post_init__(self) -> None:
        """Accept lists, as JSON has them.

        Raises:
            ValueError: A number is of another kind than its default or larger than any network's,
                the images are no whole number of patches, or the dense head does not read as many
                ascending layers as it has maps and end at the last, which the camera head reads.
        """
        for field in fields(self):
            value, default = getattr(self, field.name), getattr(type(self), field.name, 1)
            if isinstance(value, list):
                object.__setattr__(self, field.name, tuple(value))
            _check_kind(field.name, value, default)
        if self.img_size < 1 or self.patch_size < 1 or self.img_size % self.patch_size:
            raise ValueError(f"img_size {self.img_size}, need a multiple of {self.patch_size}")
        if len(self.dpt_layers) != DENSE_MAPS or len(self.dpt_out_channels) != DENSE_MAPS:
            found = f"{len(self.dpt_layers)} dpt_layers, {len(self.dpt_out_channels)} channels"
            raise ValueError(f"{found}, need {DENSE_MAPS} of each")
        if sorted({*self.dpt_layers}) != [*self.dpt_layers]:
            raise ValueError(f"dpt_layers {self.dpt_layers} must ascend")
        if self.dpt_layers[-1:] != (self.depth - 1,):
            raise ValueError(f"dpt_layers {self.dpt_layers} must end at layer {self.depth - 1}")


def _check_kind(name: str, value: Any, default: Any) -> None:
    """Let a value of the configuration pass that is of the default's kind, and of a bearable size.

    Layers are made one by one, and a million of them would take the memory.
    """
    if not isinstance(default, int | tuple) or isinstance(default, bool):
        if type(value) is not type(default):
            raise ValueError(f"{name} is {value!r:.40}, need a {type(default).__name__}")
        return
    most = MAX_LAYERS if name.endswith("depth") else MAX_EXTENT
    is_list = isinstance(value, tuple | list)
    numbers = value if is_list else (value,)
    if is_list is not isinstance(default, tuple) or len(numbers) > MAX_LAYERS:
        raise ValueError(f"{name} is {value!r:.40}, need numbers as in {default!r}")
    if not all(type(number) is int and 0 <= number <= most for number in numbers):
        raise ValueError(f"{name} is {value!r:.40}, need whole numbers up to {most}")


@dataclass(frozen=True)
class SceneConfig(NetworkConfig):
    """The shape of a network with an encoder before, and a camera trunk after, its aggregator."""

    dino_depth: int = 24
    dino_heads: int = 16
    camera_trunk_depth: int = 4
    camera_heads: int = 16


class SceneOutput(TypedDict):
    """Pose encodings (B, S, 9), depth (B, S, H, W, 1), confidence (B, S, H, W), all float32."""

    pose_enc: Tensor
    depth: Tensor
    depth_conf: Tensor


class Trunk(nn.Module, ABC):
    """A network's large part, from images to tokens.

    Attributes:
        special_tokens: Tokens of a frame that are no patches; they lead.
    """

    special_tokens: int

    @property
    @abstractmethod
    def layers(self) -> nn.ModuleList:
        """What a forward pass goes through in turn, by which its progress can be told."""

    @abstractmethod
    def forward(self, images: Tensor) -> Iterator[Tensor]:
        """Yield the tapped layers' tokens (B * S, N, 2 * C) of images (B, S, 3, H, W) in 0..1.

        The halves of the channels are what attention inside frames left, and attention between
        frames after it. A tapped layer is a fresh tensor: what the reader drops is freed while the
        network goes on.
        """


def normalised(images: Tensor) -> Tensor:
    """Images (..., 3, H, W) in 0..1 as the encoders were trained to see them."""
    mean = images.new_tensor(IMAGE_MEAN)[:, None, None]
    std = images.new_tensor(IMAGE_STD)[:, None, None]
    return (images - mean) / std


class SceneAggregator(Trunk):
    """Alternates attention inside each frame and between frames.

    Args:
        config: The network's shape.
        encoder: Turns normalised images (F, 3, H, W) into patch tokens (F, P, C).
        registers: Tokens of a frame that are neither camera nor patch.
    """

    def __init__(self, config: SceneConfig, encoder: nn.Module, registers: int):
        super().__init__()
        dim, heads = config.embed_dim, config.num_heads
        self.camera_token = nn.Parameter(torch.zeros(1, 2, 1, dim))
        self.register_token = nn.Parameter(torch.zeros(1, 2, registers, dim))
        self.patch_embed = encoder
        self.frame_blocks = nn.ModuleList(
            Block(dim, heads, qk_norm=True) for _ in range(config.depth)
        )
        self.config = config
        self.special_tokens = 1 + registers

    @property
    def layers(self) -> nn.ModuleList:
        """See `Trunk`."""
        return self.frame_blocks

    @abstractmethod
    def _rotary(self, grid_hw: tuple[int, int]) -> RotaryTable:
        """The table of one frame's special tokens and patches."""

    @abstractmethod
    def _mix_frames(self, layer: int, scenes: Tensor, rotary: RotaryTable) -> None:
        """Let the frames of each scene see each other; updates the tokens (B, S, N, C) in place."""

    def forward(self, images: Tensor) -> Iterator[Tensor]:
        """See `Trunk`."""
        batch, _, _, height, width = images.shape
        patch = self.config.patch_size
        tokens = self._tokens(images)
        scenes = tokens.unflatten(0, (batch, -1))
        rotary = self._rotary((height // patch, width // patch))
        for layer, block in enumerate(self.frame_blocks):
            block(tokens, rotary)
            halves = [tokens.clone()] if layer in self.config.dpt_layers else []
            self._mix_frames(layer, scenes, rotary)
            if halves:
                yield torch.cat((halves.pop(), tokens), dim=-1)

    def _tokens(self, images: Tensor) -> Tensor:
        """Camera, register and patch tokens (B * S, N, C); first frames have their own."""
        batch, frames = images.shape[:2]
        patches = self.patch_embed(normalised(images).flatten(0, 1))
        special = torch.cat((self.camera_token, self.register_token), dim=2)
        first, others = special[:, :1], special[:, 1:]
        of_frames = torch.cat((first, others.expand(-1, frames - 1, -1, -1)), dim=1)
        of_all = of_frames.expand(batch, -1, -1, -1).flatten(0, 1)
        return torch.cat((of_all, patches), dim=1)


class SceneNetwork(nn.Module, ABC):
    """Cameras, depth and confidence of a scene's frames, in the world of one of them.

    Args:
        config: The network's shape.
        aggregator: Its trunk.
        camera_head: Turns the last layer's `camera_tokens` of all frames into pose encodings.
    """

    camera_tokens: int | slice = 0
    """Which of a frame's tokens the camera head reads."""

    def __init__(self, config: NetworkConfig, aggregator: Trunk, camera_head: nn.Module):
        super().__init__()
        self.config = config
        self.aggregator = aggregator
        self.camera_head = camera_head

    @property
    def takes_cameras(self) -> bool:
        """Whether a forward pass may be given cameras, as pose encodings (B, S, 9)."""
        return False

    @property
    @abstractmethod
    def dense(self) -> DenseHead:
        """The dense head, by whatever name the checkpoint has for it."""

    @torch.inference_mode()
    def forward(self, images: Tensor) -> SceneOutput:
        """Predict from images (S, 3, H, W) or (B, S, 3, H, W), RGB in 0..1.

        Raises:
            ValueError: A side is not a multiple of the patch size.
        """
        images = images if images.ndim == 5 else images[None]
        return self._output(images, self.aggregator(images))

    def _output(self, images: Tensor, layers: Iterator[Tensor]) -> SceneOutput:
        """What the heads make of images (B, S, 3, H, W) and the trunk's tapped layers."""
        batch, frames, _, height, width = images.shape
        patch = self.config.patch_size
        if height % patch or width % patch:
            raise ValueError(f"images are {width}x{height}, need multiples of {patch}")
        grid_hw = (height // patch, width // patch)
        maps, camera_tokens = [], torch.empty(0)
        for tokens in layers:
            patches = tokens[:, self.aggregator.special_tokens :]
            maps.append(self.dense.project(patches, len(maps), grid_hw))
            camera_tokens = tokens[:, self.camera_tokens].clone()
            del tokens, patches
        pose_enc = self.camera_head(camera_tokens.unflatten(0, (batch, frames)))
        depth, confidence = self._depth(maps, (height, width))
        return SceneOutput(
            pose_enc=pose_enc,
            depth=depth.unflatten(0, (batch, frames))[..., None],
            depth_conf=confidence.unflatten(0, (batch, frames)),
        )

    def _depth(self, maps: list[Tensor], shape_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Depth and confidence (F, H, W), few frames at a time: the maps at full size are large."""
        passes = zip(*(part.split(FRAMES_PER_DEPTH_PASS) for part in maps), strict=True)
        results = [self.dense(list(part), shape_hw) for part in passes]
        depths, confidences = zip(*results, strict=True)
        return torch.cat(depths), torch.cat(confidences)
