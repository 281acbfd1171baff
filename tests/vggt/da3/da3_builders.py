"""Tiny Depth Anything 3 networks and checkpoints of them, in the published form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch

from vggt.da3.checkpoint import published
from vggt.da3.model import DepthAnything3
from vggt.da3.trunk import DA3Config

TINY_DA3 = DA3Config(
    img_size=70,
    embed_dim=32,
    depth=10,
    num_heads=2,
    dpt_features=16,
    dpt_out_channels=(8, 16, 16, 16),
    dpt_layers=(3, 5, 7, 9),
    grid=5,
    start=2,
    camera_encoder_heads=2,
)


def a_tiny_da3(**shape: object) -> DepthAnything3:
    """A few thousand random weights, always the same; norms and LayerScales pass things on."""
    network = DepthAnything3(replace(TINY_DA3, **shape)).eval()
    generator = torch.Generator().manual_seed(0)
    for name, tensor in network.state_dict().items():
        tensor.normal_(0, 0.15, generator=generator)
        if name.endswith("gamma") or (name.endswith("weight") and "norm" in name):
            tensor += 1
    network.state_dict()["depth_head.scratch.output_conv2.2.weight"] *= 0.1
    return network


def published_state() -> dict[str, torch.Tensor]:
    """The tiny network as it would be published, with what is not read."""
    state = a_tiny_da3(takes_cameras=True).state_dict()
    unread = {
        "model.head.scratch.refinenet1_aux.out_conv.weight": torch.ones(1),
        "model.head.scratch.output_conv2_aux.0.0.bias": torch.ones(1),
        "model.gs_head.images_merger.0.bias": torch.ones(1),
    }
    return {published(name): tensor for name, tensor in state.items()} | unread


def write_da3(
    path: Path,
    state: Mapping[str, torch.Tensor] | None = None,
    config: DA3Config | None = TINY_DA3,
) -> Path:
    """A checkpoint that holds its configuration, if one is given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = dict(published_state() if state is None else state)
    stated = {} if config is None else {"config": asdict(config)}
    torch.save({"state_dict": tensors, **stated}, path)
    return path
