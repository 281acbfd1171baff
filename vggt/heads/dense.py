"""DPT heads: patch tokens of four layers to depth and confidence of a frame.

They know neither cameras nor other frames. Positions are separable and have no weights, so only
their two one-dimensional parts are kept and added by broadcasting.
"""

import math
from abc import ABC, abstractmethod
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

POSITION_WEIGHT = 0.1
POSITION_BASE = 100.0


class ResidualConvUnit(nn.Module):
    """Two convolutions around a skip; the skip passes through the first ReLU, too."""

    def __init__(self, features: int):
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, 3, padding=1)
        self.conv2 = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Overwrite x (F, C, h, w) by relu(x), and return the unit's output."""
        x.relu_()
        return self.conv2(self.conv1(x).relu_()).add_(x)


class PlainSkipUnit(ResidualConvUnit):
    """Two convolutions around a skip that passes no ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        """Map x (F, C, h, w), which stays as it is."""
        return self.conv2(self.conv1(x.relu()).relu_()).add_(x)


class FusionBlock(nn.Module):
    """Adds a finer layer to a coarser path, refines, projects and resizes."""

    def __init__(self, features: int, unit: type[ResidualConvUnit], has_skip: bool = True):
        super().__init__()
        if has_skip:
            self.resConfUnit1 = unit(features)
        self.resConfUnit2 = unit(features)
        self.out_conv = nn.Conv2d(features, features, 1)

    def forward(self, path: Tensor, skip: Tensor | None, shape_hw: tuple[int, int]) -> Tensor:
        """Fuse (F, C, h, w) maps and resize to shape_hw.

        The 1x1 projection commutes with the resize, whose weights sum to 1, and runs before it, on
        a quarter of the pixels.
        """
        if skip is not None:
            path = path + self.resConfUnit1(skip)
        return resize(self.out_conv(self.resConfUnit2(path)), shape_hw)


class Scratch(nn.Module):
    """The fusion stage, named as the checkpoints name it."""

    def __init__(
        self, features: int, layer_channels: tuple[int, ...], unit: type[ResidualConvUnit]
    ) -> None:
        super().__init__()
        for k, channels in enumerate(layer_channels, start=1):
            self.add_module(f"layer{k}_rn", nn.Conv2d(channels, features, 3, padding=1, bias=False))
        self.refinenet1 = FusionBlock(features, unit)
        self.refinenet2 = FusionBlock(features, unit)
        self.refinenet3 = FusionBlock(features, unit)
        self.refinenet4 = FusionBlock(features, unit, has_skip=False)


class FullSizeScratch(Scratch):
    """The fusion stage, and the convolutions that bring its result to the image's size."""

    def __init__(
        self, features: int, layer_channels: tuple[int, ...], unit: type[ResidualConvUnit]
    ) -> None:
        super().__init__(features, layer_channels, unit)
        self.output_conv1 = nn.Conv2d(features, features // 2, 3, padding=1)
        self.output_conv2 = nn.Sequential(
            nn.Conv2d(features // 2, 32, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(32, 2, 1)
        )


class DenseHead(nn.Module, ABC):
    """DPT in two steps: `project` a layer when it is there, `forward` a frame at the end.

    Of a layer only the smaller form is kept in between: the projected map of the two layers that
    are enlarged afterwards, the finished pyramid level of the other two.

    Args:
        dim: Channels of the tokens.
        scratch: The fusion stage.
        layer_channels: Channels of the four layers' maps.
    """

    def __init__(self, dim: int, scratch: Scratch, layer_channels: tuple[int, ...]):
        super().__init__()
        c1, c2, c3, c4 = layer_channels
        self.norm = nn.LayerNorm(dim)
        self.projects = nn.ModuleList(nn.Conv2d(dim, c, 1) for c in (c1, c2, c3, c4))
        self.resize_layers = nn.ModuleList(
            (
                nn.ConvTranspose2d(c1, c1, 4, stride=4),
                nn.ConvTranspose2d(c2, c2, 2, stride=2),
                nn.Identity(),
                nn.Conv2d(c4, c4, 3, stride=2, padding=1),
            )
        )
        self.scratch = scratch

    @abstractmethod
    def _raw(self, pyramid: list[Tensor], image_hw: tuple[int, int]) -> Tensor:
        """Raw depth and confidence (F, 2, H, W) of the four levels (F, features, h, w)."""

    def project(self, patches: Tensor, layer: int, grid_hw: tuple[int, int]) -> Tensor:
        """Turn patch tokens (F, P, D) of the layer-th tapped layer into a map (F, c, h, w).

        The map keeps the tokens' order in memory (channels last), as do all that follow.
        """
        return torch.cat([self._project_frame(frame, layer, grid_hw) for frame in patches])

    def forward(self, maps: list[Tensor], image_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Turn the four layers' maps (F, c, h, w) into depth and confidence (F, H, W)."""
        enlarged = [self._level(projected, layer) for layer, projected in enumerate(maps[:2])]
        raw = self._raw(enlarged + maps[2:], image_hw)
        depth, confidence = raw.exp_().unbind(1)
        return depth, confidence + 1

    def _project_frame(self, patches: Tensor, layer: int, grid_hw: tuple[int, int]) -> Tensor:
        image = self.norm(patches).unflatten(0, grid_hw).permute(2, 0, 1)[None]
        projected = add_positions(self.projects[layer](image))
        return projected if layer < 2 else self._level(projected, layer)

    def _level(self, projected: Tensor, layer: int) -> Tensor:
        """Bring a map to 4, 2, 1 or half times the patch grid, with `features` channels."""
        refine = self.scratch.get_submodule(f"layer{layer + 1}_rn")
        return refine(self.resize_layers[layer](projected))

    def _fuse(self, pyramid: list[Tensor], fused_hw: tuple[int, int]) -> Tensor:
        """Fuse the levels from coarse to fine: (F, features, *fused_hw)."""
        l1, l2, l3, l4 = pyramid
        scratch = self.scratch
        path = scratch.refinenet4(l4, None, shape_hw_of(l3))
        path = scratch.refinenet3(path, l3, shape_hw_of(l2))
        path = scratch.refinenet2(path, l2, shape_hw_of(l1))
        return scratch.refinenet1(path, l1, fused_hw)


class DepthHead(DenseHead):
    """DPT whose fused map is enlarged to the image's size before the last layers."""

    scratch: FullSizeScratch

    def __init__(
        self,
        dim: int,
        features: int,
        layer_channels: tuple[int, ...],
        unit: type[ResidualConvUnit] = ResidualConvUnit,
    ) -> None:
        super().__init__(dim, FullSizeScratch(features, layer_channels, unit), layer_channels)

    def _raw(self, pyramid: list[Tensor], image_hw: tuple[int, int]) -> Tensor:
        height, width = shape_hw_of(pyramid[0])
        fused = self._fuse(pyramid, (2 * height, 2 * width))
        return self._full_size(self.scratch.output_conv1(fused), image_hw)

    def _full_size(self, fused: Tensor, image_hw: tuple[int, int]) -> Tensor:
        """Raw depth and confidence (F, 2, H, W).

        The enlarged map would be the largest tensor of all. Each half of its channels has its own
        position part and goes through the first convolution alone: the sum is the same.
        """
        weight = self.scratch.get_parameter("output_conv2.0.weight")
        bias = self.scratch.get_parameter("output_conv2.0.bias")
        halves = zip(
            fused.chunk(2, dim=1),
            position_parts(fused.shape[1], image_hw, fused.device),
            weight.chunk(2, dim=1),
            strict=True,
        )
        convolved = [
            F.conv2d(resize(half, image_hw).add_(positions), of_half, padding=1)
            for half, positions, of_half in halves
        ]
        hidden = convolved[0].add_(convolved[1]).add_(bias[:, None, None]).relu_()
        return self.scratch.output_conv2[2](hidden)


def resize(maps: Tensor, shape_hw: tuple[int, int]) -> Tensor:
    """Resize (F, C, h, w) bilinearly, corners on corners; maps of that size are handed back."""
    if shape_hw_of(maps) == shape_hw:
        return maps
    return F.interpolate(maps, size=shape_hw, mode="bilinear", align_corners=True)


def add_positions(maps: Tensor) -> Tensor:
    """Add the position embedding to maps (F, C, h, w) in place, and return them."""
    parts = position_parts(maps.shape[1], shape_hw_of(maps), maps.device)
    for half, positions in zip(maps.chunk(2, dim=1), parts, strict=True):
        half += positions
    return maps


def position_parts(
    channels: int, shape_hw: tuple[int, int], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Position embedding of a map's first (C / 2, 1, w) and second half (C / 2, h, 1) of channels.

    The map has the proportions of the image, whose diagonal is taken to be 2 long.
    """
    height, width = shape_hw
    diagonal = math.hypot(height, width)
    x_part = _axis_positions(channels // 2, width, width / diagonal, device)
    y_part = _axis_positions(channels // 2, height, height / diagonal, device)
    return x_part[:, None, :], y_part[:, :, None]


@lru_cache(maxsize=64)
def _axis_positions(channels: int, length: int, span: float, device: torch.device) -> Tensor:
    """Sines above cosines (channels, length) of the centres of `length` cells in -span..span."""
    edge = span * (length - 1) / length
    centres = torch.linspace(-edge, edge, length, dtype=torch.float32).double()
    count = channels // 2
    frequencies = POSITION_BASE ** (-torch.arange(count, dtype=torch.float64) / count)
    angles = frequencies[:, None] * centres
    return (torch.cat((angles.sin(), angles.cos())).float() * POSITION_WEIGHT).to(device)


def shape_hw_of(maps: Tensor) -> tuple[int, int]:
    """Height and width of maps (F, C, h, w)."""
    return maps.shape[-2], maps.shape[-1]
