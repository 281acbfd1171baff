"""Depth Anything 3's published files: names, shapes told by tensors, variants; knows no Hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..checkpoint import Checkpoint, CheckpointFormat, ModelError, Shapes
from .model import SIZES

BACKBONE = "model.backbone.pretrained."
PUBLISHED_PARTS = {
    "aggregator": BACKBONE,
    "camera_head": "model.cam_dec.",
    "camera_encoder": "model.cam_enc.",
    "depth_head": "model.head.",
}
"""The parts of the network, and how the published names of their tensors start."""

RAY_BRANCH = (
    *(f"model.head.scratch.refinenet{level}_aux." for level in (1, 2, 3, 4)),
    "model.head.scratch.output_conv1_aux.",
    "model.head.scratch.output_conv2_aux.",
)
UNREAD = ("model.cam_enc.", "model.gs_head.", "model.gs_adapter.", *RAY_BRANCH)
MARK = f"{BACKBONE}camera_token"
NESTED = "model.da3."
ANY_VIEW = "depth-anything/DA3-SMALL, -BASE, -LARGE-1.1 or -GIANT-1.1"


@dataclass(frozen=True)
class DA3Format(CheckpointFormat):
    """Depth Anything 3's format: other names, and tensors whose shapes tell the network's."""

    def holds(self, checkpoint: Checkpoint) -> bool:
        """Whether a file is of Depth Anything 3, be it a variant that cannot be used."""
        return any(name.startswith((BACKBONE, NESTED)) for name in checkpoint.shapes)

    def admit(self, checkpoint: Checkpoint) -> None:
        """Refuse the nested, the monocular and the metric variants.

        Raises:
            ModelError: It is one of them.
        """
        if any(name.startswith(NESTED) for name in checkpoint.shapes):
            raise ModelError(
                f"{checkpoint.path}: is the nested variant of two networks; take {ANY_VIEW}"
            )
        if MARK not in checkpoint.shapes:
            raise ModelError(
                f"{checkpoint.path}: is a variant for single photos, without cameras; "
                f"take {ANY_VIEW}"
            )

    def shapes(self, network: nn.Module) -> Shapes:
        """Published names and shapes of a network's tensors."""
        return {published(name): shape for name, shape in super().shapes(network).items()}

    def read(self, checkpoint: Checkpoint, name: str) -> Tensor:
        """A tensor of the network by its name in the network."""
        return checkpoint.read(published(name))

    def reads_cameras(self, checkpoint: Checkpoint) -> bool:
        """Whether a file holds a camera encoder."""
        encoder = PUBLISHED_PARTS["camera_encoder"]
        return any(name.startswith(encoder) for name in checkpoint.shapes)

    def implied_config(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """The size whose width the tensors have; its taps are told by nothing else.

        Raises:
            ModelError: There is no such size.
        """
        width = checkpoint.shapes[MARK][-1]
        for size in SIZES.values():
            if size.embed_dim == width:
                return vars(size)
        known = ", ".join(str(size.embed_dim) for size in SIZES.values())
        raise ModelError(
            f"{checkpoint.path}: found tokens of {width} channels, need one of {known}; "
            f"take {ANY_VIEW}"
        )


def published(name: str) -> str:
    """The published name of a network's tensor."""
    part, rest = name.split(".", 1)
    return PUBLISHED_PARTS[part] + rest
