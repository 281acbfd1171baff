"""The network under ComfyUI's model management: read once, moved and dropped as the server says."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field

import torch
from comfy import model_management  # pyright: ignore[reportMissingImports]
from comfy.model_patcher import ModelPatcher  # pyright: ignore[reportMissingImports]
from comfy.patcher_extension import CallbacksMP  # pyright: ignore[reportMissingImports]

from ...vggt.network import SceneNetwork
from ...vggt.predict import Prediction
from ...vggt.registry import VGGT_1B
from ...vggt.weights import ModelError, load, locate
from ...warpset.core.errors import InputError
from ..computing import chosen_device, room_on
from ..folders import file_fingerprint, weights_source
from ..widgets import AUTO_WEIGHTS

NETWORK_BYTES = 2_900_000_000
"""The published network as it lies on a graphics device, most of it in half precision."""


@dataclass(eq=False)
class ManagedNetwork:
    """A network that the server moves between devices.

    Attributes:
        network: The network.
        source: Its weights and device, as text.
        patcher: What the server knows it by.
        predictions: What it answered last, by what it was asked; gone when the server unloads it.
    """

    network: SceneNetwork
    source: str
    patcher: ModelPatcher
    predictions: dict[str, list[Prediction]] = field(default_factory=dict)

    def onto_device(self, needed_bytes: int) -> None:
        """Have the server put it where it computes, with so much room besides."""
        model_management.load_models_gpu(
            [self.patcher], memory_required=needed_bytes, force_full_load=True
        )


_kept: list[ManagedNetwork] = []
"""The network used last; the server's `unload models` empties this."""

_alive: weakref.WeakValueDictionary[str, ManagedNetwork] = weakref.WeakValueDictionary()
"""Networks that something holds: this room, or an output that ComfyUI caches."""


def managed_network(weights: str, device: str) -> ManagedNetwork:
    """The network of some weights, read unless it is there.

    Args:
        weights: One of `folders.weights_choices`.
        device: One of `widgets.DEVICES`.

    Raises:
        InputError: There is no such device, or there are no weights.
    """
    on = chosen_device(device)
    source = f"{file_fingerprint(weights_source(weights))} on {on}"
    managed = _alive.get(source)
    if managed is None:
        _kept.clear()
        with room_on(on, NETWORK_BYTES):
            network = _read(weights, on)
        managed = ManagedNetwork(network, source, ModelPatcher(network, on, torch.device("cpu")))
        managed.patcher.add_callback(CallbacksMP.ON_DETACH, _forget)
        _alive[source] = managed
    _kept[:] = [managed]
    return managed


def _forget(patcher: ModelPatcher, _unpatched: bool) -> None:
    """The server unloads a network: what it answered goes, and it itself unless a cache has it."""
    for managed in list(_alive.values()):
        if managed.patcher is patcher:
            managed.predictions.clear()
    _kept[:] = [managed for managed in _kept if managed.patcher is not patcher]


def _read(weights: str, device: torch.device) -> SceneNetwork:
    try:
        files = locate(weights_source(weights))
        if weights == AUTO_WEIGHTS and files.network is not VGGT_1B:
            raise InputError(
                f"weights: {AUTO_WEIGHTS} found {files.network.name} ({files.licence}), which has "
                "to be asked for; choose the file by its name"
            )
        return load(files, device)
    except ModelError as error:
        raise InputError(f"weights: {error}; in ComfyUI, put a file into models/vggt") from error
