"""The networks there are, an entry each: all that is known of one before its weights are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .checkpoint import CheckpointFormat, ModelError
from .da3.checkpoint import MARK, UNREAD, DA3Format
from .da3.fitting import FIT_MODES
from .da3.model import DepthAnything3
from .da3.trunk import DA3Config
from .model import VGGT, VGGTConfig
from .network import NetworkConfig, SceneNetwork
from .omega.checkpoint import PUBLISHED_FILE, OmegaFormat
from .omega.model import OmegaConfig, VGGTOmega
from .preprocess import Mode

APACHE = "Apache-2.0"
CC_BY_NC = "CC BY-NC 4.0, non-commercial"
FAIR_LICENCE = "FAIR Noncommercial Research License v1, non-commercial research only, outputs too"


@dataclass(frozen=True)
class Network:
    """A network that a model may be of.

    Attributes:
        name: What messages call it.
        published: The published shape.
        build: Makes the network of a shape.
        modes: How photos are fitted to it, its default first.
        format: What its checkpoints look like.
        licences: What published weights and what is made with them may be used for, by Hub id.
        licence: The same for other weights of this network.
        weak_cameras: Hub ids of those whose own cameras are weak, see `NetworkConfig`.
    """

    name: str
    published: NetworkConfig
    build: Callable[[Any], SceneNetwork]
    modes: tuple[Mode, ...]
    format: CheckpointFormat
    licences: Mapping[str, str]
    licence: str
    weak_cameras: frozenset[str] = frozenset()

    def licence_of(self, model: str) -> str:
        """What a model's weights, and what is made with them, may be used for."""
        return self.licences.get(model, self.licence)

    def mode(self, asked: str | None) -> Mode:
        """The way to fit photos that was asked for, or the default if None.

        Raises:
            ModelError: The network has no such way.
        """
        for mode in self.modes:
            if asked in (None, mode):
                return mode
        raise ModelError(
            f"preprocess mode {asked}: {self.name} has {' and '.join(self.modes)}; "
            "give one of them, or none for its default"
        )


VGGT_1B = Network(
    name="VGGT-1B",
    published=VGGTConfig(),
    build=VGGT,
    modes=("crop", "pad"),
    format=CheckpointFormat(
        file_names=("model.safetensors", "model.pt", "vggt_1B_commercial.pt"),
        mark="aggregator.global_blocks.0.norm1.weight",
        unread=("point_head.", "track_head."),
    ),
    licences={
        "facebook/VGGT-1B": CC_BY_NC,
        "facebook/VGGT-1B-Commercial": (
            "VGGT licence, commercial use within its acceptable use policy"
        ),
    },
    licence="not known, see where the model comes from",
)

VGGT_OMEGA = Network(
    name="VGGT-Omega",
    published=OmegaConfig(),
    build=VGGTOmega,
    modes=("balanced", "max_size"),
    format=OmegaFormat(
        file_names=(PUBLISHED_FILE,),
        mark="aggregator.inter_frame_blocks.0.norm1.weight",
    ),
    licences={"facebook/VGGT-Omega": FAIR_LICENCE},
    licence=FAIR_LICENCE,
)

DEPTH_ANYTHING_3 = Network(
    name="Depth Anything 3",
    published=DA3Config(),
    build=DepthAnything3,
    modes=FIT_MODES,
    format=DA3Format(file_names=("model.safetensors",), mark=MARK, unread=UNREAD),
    licences={
        "depth-anything/DA3-SMALL": APACHE,
        "depth-anything/DA3-BASE": APACHE,
        "depth-anything/DA3-LARGE": CC_BY_NC,
        "depth-anything/DA3-LARGE-1.1": CC_BY_NC,
        "depth-anything/DA3-GIANT": CC_BY_NC,
        "depth-anything/DA3-GIANT-1.1": CC_BY_NC,
    },
    licence=f"{APACHE} if DA3-SMALL or DA3-BASE, {CC_BY_NC} if DA3-LARGE or DA3-GIANT",
    weak_cameras=frozenset({"depth-anything/DA3-SMALL", "depth-anything/DA3-BASE"}),
)

NETWORKS = (VGGT_1B, VGGT_OMEGA, DEPTH_ANYTHING_3)
"""The first is what files are taken for that say nothing else."""


def network_named(name: str) -> Network:
    """The network of a name that `Network.name` has given.

    Raises:
        KeyError: There is none.
    """
    return {network.name: network for network in NETWORKS}[name]
