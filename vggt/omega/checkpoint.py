"""Omega's published files: masked biases, resolutions in names, variants; knows no Hub."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..checkpoint import Checkpoint, CheckpointFormat, ModelError, Shapes

PUBLISHED_FILE = "vggt_omega_1b_512.pt"
RESOLUTIONS = (512, 416)
TEXT_HEAD = "text_alignment_head."
MASKED = ".qkv.bias"


@dataclass(frozen=True)
class OmegaFormat(CheckpointFormat):
    """Omega's format: every bias of q, k and v comes with a mask to be multiplied by."""

    def admit(self, checkpoint: Checkpoint) -> None:
        """Refuse the variant with a text head, which is trained on small images.

        Raises:
            ModelError: It is that variant.
        """
        if any(name.startswith(TEXT_HEAD) for name in checkpoint.shapes):
            raise ModelError(
                f"{checkpoint.path}: is the text-aligned variant, made for 256 pixels; "
                f"take {PUBLISHED_FILE}"
            )

    def shapes(self, network: nn.Module) -> Shapes:
        """Names and shapes of a network's tensors and of its biases' masks."""
        own = super().shapes(network)
        return own | {_mask_of(name): shape for name, shape in own.items() if _is_masked(name)}

    def read(self, checkpoint: Checkpoint, name: str) -> Tensor:
        """A tensor of the network; a bias of q, k and v is multiplied by its mask.

        Raises:
            ModelError: The mask was never filled in.
        """
        tensor = checkpoint.read(name)
        if not _is_masked(name):
            return tensor
        mask = checkpoint.read(_mask_of(name)).float()
        if mask.isnan().any():
            raise ModelError(
                f"{checkpoint.path}: {_mask_of(name)} holds NaN, need a mask; take {PUBLISHED_FILE}"
            )
        return tensor.float() * mask

    def implied_config(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """The resolution that the name of the file, or else of its folder, tells.

        Raises:
            ModelError: They tell none, or one that no usable checkpoint has.
        """
        path = checkpoint.path
        need = f"need {' or '.join(map(str, RESOLUTIONS))}"
        for name in (path.stem, path.parent.name):
            if found := re.search(r"(?<![0-9a-zA-Z])\d{3,4}(?![0-9a-zA-Z])", name):
                if int(found.group()) in RESOLUTIONS:
                    return {"img_size": int(found.group())}
                raise ModelError(
                    f"{path}: found resolution {found.group()} in its name, {need}; "
                    f"take {PUBLISHED_FILE}"
                )
        raise ModelError(
            f"{path}: found no resolution in the name of the file or its folder, {need} there, as "
            f"in {PUBLISHED_FILE}; rename it, or put config.json with img_size beside it"
        )


def _is_masked(name: str) -> bool:
    return name.endswith(MASKED)


def _mask_of(name: str) -> str:
    return f"{name}_mask"
