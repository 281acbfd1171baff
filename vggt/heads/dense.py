"""The DPT depth head: patch tokens of four layers to depth and confidence of a frame.

Knows neither cameras nor other frames. Positions are separable and have no weights, so only their
two one-dimensional parts are kept and added by broadcasting.
"""

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


class FusionBlock(nn.Module):
    """Adds a finer layer to a coarser path, refines, projects and resizes."""

    def __init__(self, features: int, has_skip: bool = True):
        super().__init__()
        if has_skip:
            self.resConfUnit1 = ResidualConvUnit(features)
        self.resConfUnit2 = ResidualConvUnit(features)
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
    """The fusion stage, named as the checkpoint names it."""

    def __init__(self, features: int, layer_channels: tuple[int, ...]):
        super().__init__()
        for k, channels in enumerate(layer_channels, start=1):
            self.add_module(f"layer{k}_rn", nn.Conv2d(channels, features, 3, padding=1, bias=False))
        self.refinenet1 = FusionBlock(features)
        self.refinenet2 = FusionBlock(features)
        self.refinenet3 = FusionBlock(features)
        self.refinenet4 = FusionBlock(features, has_skip=False)
        self.output_conv1 = nn.Conv2d(features, features // 2, 3, padding=1)
        self.output_conv2 = nn.Sequential(
            nn.Conv2d(features // 2, 32, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(32, 2, 1)
        )


class DepthHead(nn.Module):
    """DPT in two steps: `project` a layer when it is there, `forward` a frame at the end.

    Projecting at once keeps a few hundred channels of a layer instead of its 2 * embed_dim.
    """

    def __init__(self, dim: int, features: int, layer_channels: tuple[int, ...]):
        super().__init__()
        c1, c2, c3, c4 = layer_channels
        self.norm = nn.LayerNorm(dim)
        self.projects = nn.ModuleList(nn.Conv2d(dim, c, 1) for c in layer_channels)
        self.resize_layers = nn.ModuleList(
            (
                nn.ConvTranspose2d(c1, c1, 4, stride=4),
                nn.ConvTranspose2d(c2, c2, 2, stride=2),
                nn.Identity(),
                nn.Conv2d(c4, c4, 3, stride=2, padding=1),
            )
        )
        self.scratch = Scratch(features, layer_channels)

    def project(self, patches: Tensor, layer: int, grid_hw: tuple[int, int]) -> Tensor:
        """Project patch tokens (F, P, D) of the layer-th tapped layer to a map (F, c, h, w).

        The map keeps the tokens' order in memory (channels last), as do all that follow.
        """
        frames = (self.norm(frame).unflatten(0, grid_hw).permute(2, 0, 1) for frame in patches)
        return torch.cat([self.projects[layer](frame[None]) for frame in frames])

    def forward(self, maps: list[Tensor], shape_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Turn the four projected maps (F, c, h, w) into depth and confidence (F, H, W)."""
        aspect = shape_hw[1] / shape_hw[0]
        fused = self.scratch.output_conv1(self._fuse(self._pyramid(maps, aspect)))
        full = add_positions(resize(fused, shape_hw), aspect)
        depth, confidence = self.scratch.output_conv2(full).exp().unbind(1)
        return depth, confidence + 1

    def _pyramid(self, maps: list[Tensor], aspect: float) -> list[Tensor]:
        """Bring the maps to 4, 2, 1 and half times the patch grid, with `features` channels."""
        pyramid = []
        for k, (projected, resize_layer) in enumerate(zip(maps, self.resize_layers, strict=True)):
            placed = add_positions(projected.clone(), aspect)
            rn = self.scratch.get_submodule(f"layer{k + 1}_rn")
            pyramid.append(rn(resize_layer(placed)))
        return pyramid

    def _fuse(self, pyramid: list[Tensor]) -> Tensor:
        l1, l2, l3, l4 = pyramid
        scratch = self.scratch
        path = scratch.refinenet4(l4, None, _shape_hw(l3))
        path = scratch.refinenet3(path, l3, _shape_hw(l2))
        path = scratch.refinenet2(path, l2, _shape_hw(l1))
        height, width = _shape_hw(l1)
        return scratch.refinenet1(path, l1, (2 * height, 2 * width))


def resize(maps: Tensor, shape_hw: tuple[int, int]) -> Tensor:
    """Resize (F, C, h, w) bilinearly, corners on corners."""
    return F.interpolate(maps, size=shape_hw, mode="bilinear", align_corners=True)


def add_positions(maps: Tensor, aspect: float) -> Tensor:
    """Add the position embedding of an image of width/height `aspect` to (F, C, h, w) in place."""
    _, channels, height, width = maps.shape
    half = channels // 2
    span_x = aspect / (aspect**2 + 1) ** 0.5
    span_y = 1 / (aspect**2 + 1) ** 0.5
    maps[:, :half] += _axis_positions(half, width, span_x, maps.device)[:, None, :]
    maps[:, half:] += _axis_positions(half, height, span_y, maps.device)[:, :, None]
    return maps


@lru_cache(maxsize=64)
def _axis_positions(channels: int, length: int, span: float, device: torch.device) -> Tensor:
    """Sines above cosines (channels, length) of the centres of `length` cells across the span."""
    edge = span * (length - 1) / length
    centres = torch.linspace(-edge, edge, length, dtype=torch.float32).double()
    count = channels // 2
    frequencies = POSITION_BASE ** (-torch.arange(count, dtype=torch.float64) / count)
    angles = frequencies[:, None] * centres
    return (torch.cat((angles.sin(), angles.cos())).float() * POSITION_WEIGHT).to(device)


def _shape_hw(maps: Tensor) -> tuple[int, int]:
    return maps.shape[-2], maps.shape[-1]
