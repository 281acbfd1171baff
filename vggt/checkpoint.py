"""An opened checkpoint, and what a network's published files look like; knows no Hub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

Shapes = dict[str, tuple[int, ...]]


class ModelError(Exception):
    """A model that cannot be had; the message is one line that says what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """An opened file: its tensors' shapes, a reader by name, and its config, if it holds one."""

    path: Path
    shapes: Shapes
    read: Callable[[str], Tensor]
    config: dict[str, Any] | None = None


@dataclass(frozen=True)
class CheckpointFormat:
    """How a network is published; this one's tensors are the network's own.

    Attributes:
        file_names: Names of published files, preferred ones first.
        mark: Name of a tensor that no other network has.
        unread: How the names of tensors start that the network does without.
    """

    file_names: tuple[str, ...]
    mark: str
    unread: tuple[str, ...] = ()

    def holds(self, checkpoint: Checkpoint) -> bool:
        """Whether a file is of this network, be it a variant that cannot be used."""
        return self.mark in checkpoint.shapes

    def admit(self, checkpoint: Checkpoint) -> None:
        """Let a checkpoint of the network pass.

        Raises:
            ModelError: It is a variant that cannot be used.
        """

    def shapes(self, network: nn.Module) -> Shapes:
        """Names and shapes of the tensors that a network's checkpoint holds."""
        return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}

    def read(self, checkpoint: Checkpoint, name: str) -> Tensor:
        """A tensor of the network by its name in the network."""
        return checkpoint.read(name)

    def reads_cameras(self, checkpoint: Checkpoint) -> bool:
        """Whether a file holds what a network needs to be given cameras."""
        return False

    def implied_config(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """What a file itself says of the configuration where nothing else states `img_size`."""
        return {}
