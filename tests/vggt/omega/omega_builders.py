"""Tiny VGGT-Omegas and checkpoints of them, in the published form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch

from vggt.omega.model import OmegaConfig, VGGTOmega

TINY_OMEGA = OmegaConfig(
    img_size=64,
    embed_dim=32,
    depth=4,
    num_heads=2,
    dino_depth=2,
    dino_heads=2,
    camera_trunk_depth=1,
    camera_heads=2,
    dpt_features=16,
    dpt_out_channels=(8, 16, 32, 32),
    dpt_layers=(0, 1, 2, 3),
    register_tokens=3,
    register_blocks=(2,),
)
MASKED = ".qkv.bias"


def a_tiny_omega() -> VGGTOmega:
    """A few thousand random weights, always the same; norms and LayerScales pass things on."""
    network = VGGTOmega(TINY_OMEGA).eval()
    generator = torch.Generator().manual_seed(0)
    state = network.state_dict()
    for name, tensor in state.items():
        tensor.normal_(0, 0.15, generator=generator)
        if name.endswith("gamma") or (name.endswith("weight") and "norm" in name):
            tensor += 1
        if name.endswith("periods"):
            tensor.copy_(torch.tensor([1.0, 3.15625, 10.0, 31.0]))  # not quite the formula's
    for name in ("dense_head.proj.weight", "dense_head.proj_conf.weight"):
        state[name] *= 0.1
    return network


def published_state() -> dict[str, torch.Tensor]:
    """The tiny network as it would be published: no bias on k, by a mask."""
    state = dict(a_tiny_omega().state_dict())
    for name in [name for name in state if name.endswith(MASKED)]:
        mask = torch.ones_like(state[name])
        mask[len(mask) // 3 : 2 * len(mask) // 3] = 0
        state[f"{name}_mask"] = mask
    return state


def write_omega(
    path: Path, state: Mapping[str, torch.Tensor] | None = None, img_size: int | None = 64
) -> Path:
    """A bare state dict, as published, with the tiny shape in config.json beside it.

    Args:
        path: Where the weights go.
        state: What is written; `published_state` if None.
        img_size: What config.json says of the resolution; None for nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(dict(published_state() if state is None else state), path)
    config = asdict(TINY_OMEGA) | {"img_size": img_size}
    config = {name: value for name, value in config.items() if value is not None}
    (path.parent / "config.json").write_text(json.dumps(config))
    return path
