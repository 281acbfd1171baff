"""VGGT's forward pass without any saving, to measure the real one against; knows no weights."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vggt.heads.dense import DepthHead, FusionBlock, ResidualConvUnit, position_parts, resize
from vggt.layers.rotary import RotaryTable, grid_rotary, rotate
from vggt.layers.vision_transformer import VisionTransformer
from vggt.model import SPECIAL_TOKENS, VGGT, Aggregator
from vggt.network import IMAGE_MEAN, IMAGE_STD

HEAD_FRAMES = 8


class PlainVGGT:
    """All layers kept, all frames at once, points computed as well; float32.

    Args:
        network: Whose weights are used.
    """

    def __init__(self, network: VGGT):
        config = network.config
        self.network = network
        self.point_head = DepthHead(
            2 * config.embed_dim, config.dpt_features, config.dpt_out_channels
        ).requires_grad_(False)
        self.point_head.scratch.output_conv2[2] = nn.Conv2d(32, 4, 1)

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Depth (S, H, W) of images (S, 3, H, W) in 0..1; cameras and points are computed too."""
        layers = self._aggregate(images)
        self.network.camera_head(layers[-1][None, :, 0])
        tapped = [layers[i] for i in self.network.config.dpt_layers]
        shape_hw = (images.shape[2], images.shape[3])
        depth = plain_head(self.network.depth_head, tapped, shape_hw).exp()
        points = plain_head(self.point_head, tapped, shape_hw)
        torch.mul(points[:, :3].sign(), points[:, :3].abs().expm1())
        return depth[:, 0]

    def _aggregate(self, images: Tensor) -> list[Tensor]:
        """All layers' tokens (S, N, 2 * C)."""
        aggregator = self.network.aggregator
        assert isinstance(aggregator, Aggregator)
        config = aggregator.config
        rows, columns = (side // config.patch_size for side in images.shape[2:])
        special = torch.cat((aggregator.camera_token, aggregator.register_token), dim=2)[0]
        special = torch.cat((special[:1], special[1:].expand(len(images) - 1, -1, -1)))
        tokens = torch.cat((special, self._encode(images, (rows, columns))), dim=1)
        head_dim = config.embed_dim // config.num_heads
        table = grid_rotary(rows, columns, SPECIAL_TOKENS, head_dim, tokens.device)
        repeated = RotaryTable(*(part.repeat(len(images), 1, 1) for part in table))
        layers = []
        for frame_block, global_block in zip(
            aggregator.frame_blocks, aggregator.global_blocks, strict=True
        ):
            framewise = plain_block(frame_block, tokens, table)
            mixed = plain_block(global_block, framewise.flatten(0, 1)[None], repeated)
            tokens = mixed.view_as(framewise)
            layers.append(torch.cat((framewise, tokens), dim=-1))
        return layers

    def _encode(self, images: Tensor, grid_hw: tuple[int, int]) -> Tensor:
        encoder = self.network.aggregator.patch_embed
        assert isinstance(encoder, VisionTransformer)
        mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGE_MEAN, IMAGE_STD))
        patches = encoder.patch_embed((images - mean) / std) + encoder.patch_positions(grid_hw)
        first = encoder.cls_token + encoder.pos_embed[:, :1]
        leading = torch.cat((first, encoder.register_tokens), dim=1)
        tokens = torch.cat((leading.expand(len(images), -1, -1), patches), dim=1)
        for block in encoder.blocks:
            tokens = plain_block(block, tokens, None)
        return encoder.norm(tokens)[:, leading.shape[1] :]


def plain_block(block: Any, x: Tensor, table: RotaryTable | None) -> Tensor:
    """A `Block` on all tokens (B, T, C) at once."""
    attention = block.attn
    qkv = attention.qkv(block.norm1(x)).unflatten(-1, (3, attention.heads, -1))
    q, k, v = qkv.unbind(2)
    if table is not None:
        q, k = rotate(attention.q_norm(q), table), rotate(attention.k_norm(k), table)
    q, k, v = (part.transpose(1, 2) for part in (q, k, v))
    mixed = F.scaled_dot_product_attention(q, k, v)
    x = x + block.ls1(attention.proj(mixed.transpose(1, 2).flatten(2)))
    return x + block.ls2(block.mlp(block.norm2(x)))


def plain_head(head: DepthHead, layers: list[Tensor], shape_hw: tuple[int, int]) -> Tensor:
    """Raw output (S, c, H, W) of a dense head, a few frames at a time."""
    passes = zip(*(layer.split(HEAD_FRAMES) for layer in layers), strict=True)
    return torch.cat([_plain_pass(head, tokens, shape_hw) for tokens in passes])


def _plain_pass(head: DepthHead, layers: tuple[Tensor, ...], shape_hw: tuple[int, int]) -> Tensor:
    grid_hw = tuple(side // 14 for side in shape_hw)
    levels = []
    for k, tokens in enumerate(layers):
        patches = head.norm(tokens[:, SPECIAL_TOKENS:]).transpose(1, 2).unflatten(2, grid_hw)
        level = head.resize_layers[k](_placed(head.projects[k](patches)))
        levels.append(head.scratch.get_submodule(f"layer{k + 1}_rn")(level))
    scratch = head.scratch
    path = _plain_fusion(scratch.refinenet4, None, levels[3], levels[2].shape[2:])
    path = _plain_fusion(scratch.refinenet3, path, levels[2], levels[1].shape[2:])
    path = _plain_fusion(scratch.refinenet2, path, levels[1], levels[0].shape[2:])
    doubled = torch.Size(2 * side for side in levels[0].shape[2:])
    path = _plain_fusion(scratch.refinenet1, path, levels[0], doubled)
    return scratch.output_conv2(_placed(resize(scratch.output_conv1(path), shape_hw)))


def _plain_fusion(
    fusion: FusionBlock, path: Tensor | None, level: Tensor, shape_hw: torch.Size
) -> Tensor:
    if path is not None:
        level = path + _plain_unit(fusion.resConfUnit1, level)
    refined = _plain_unit(fusion.resConfUnit2, level)
    return fusion.out_conv(resize(refined, (shape_hw[0], shape_hw[1])))


def _plain_unit(unit: ResidualConvUnit, x: Tensor) -> Tensor:
    activated = x.relu()
    return unit.conv2(unit.conv1(activated).relu()) + activated


def _placed(maps: Tensor) -> Tensor:
    height, width = maps.shape[2:]
    x_part, y_part = position_parts(maps.shape[1], (height, width), maps.device)
    return maps + torch.cat((x_part.expand(-1, height, -1), y_part.expand(-1, -1, width)))
