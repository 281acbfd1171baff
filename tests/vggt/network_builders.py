"""Networks of random weights, images for them, and how far two predictions are apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tests.builders import a_tiny_vggt
from vggt.model import VGGT

OUTPUTS = ("pose_enc", "depth", "depth_conf")


def some_images(frames: int, size_wh: tuple[int, int] = (56, 42), seed: int = 0) -> torch.Tensor:
    """(S, 3, H, W) in 0..1."""
    width, height = size_wh
    return torch.rand(frames, 3, height, width, generator=torch.Generator().manual_seed(seed))


def relative_error(found: Any, true: Any) -> float:
    """Largest difference, relative to the largest true value."""
    found, true = np.asarray(found), np.asarray(true)
    assert found.shape == true.shape
    return float(np.abs(found - true).max() / np.abs(true).max())


def a_lively_vggt() -> VGGT:
    """A tiny network whose blocks matter: norms and LayerScales pass on what they are given."""
    network = a_tiny_vggt()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.normal_(0, 0.15, generator=generator)
            if name.endswith("gamma") or (name.endswith("weight") and "norm" in name):
                parameter += 1
        exponentiated = network.get_parameter("depth_head.scratch.output_conv2.2.weight")
        exponentiated *= 0.1
    return network
