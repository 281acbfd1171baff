"""Sockets and widgets that several nodes have, and the way from a node to its room."""

from __future__ import annotations

import importlib
from typing import Any

from . import folders
from .widgets import BY_PATH, DEVICES, OUTPUT_PREFIX, Socket, choice, link, number, switch, text


def work(module: str) -> Any:
    """Import a module of `comfy_nodes`.

    Raises:
        RuntimeError: A library it needs is not installed.
    """
    try:
        return importlib.import_module(f".{module}", __package__)
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f"VGGT nodes: found no Python library {error.name}, need it; run "
            "`pip install -r requirements.txt` in the folder of these nodes with ComfyUI's Python"
        ) from error


def device(default: str) -> Socket:
    """The widget for the device."""
    tooltip = "auto: whatever ComfyUI runs on; cuda: insist on a graphics device."
    return choice([*DEVICES], default, tooltip)


def confidence(default: float) -> Socket:
    """The widget for the percentile of confidence."""
    tooltip = (
        "Percentile of confidence below which points are dropped: 50 keeps the upper half, 100 "
        "the highest value alone, 1.0 drops one per cent."
    )
    return number(default, (0.0, 100.0), tooltip, step=0.1)


def upsampling(default: bool) -> Socket:
    """The widget for the raster of the points."""
    return switch(default, "One point per pixel of the image, not of what the network saw.")


def fading(default: float) -> Socket:
    """The widget for sigma."""
    return number(default, (0.5, 1000.0), "Pixels over which filled holes fade.", step=0.5)


def weights(default: str) -> Socket:
    """The widget for the network's weights."""
    tooltip = "auto: the first file in models/vggt, else facebook/VGGT-1B from the Hub."
    return choice(folders.weights_choices(), default, tooltip)


def model() -> Socket:
    """The socket for a network that was loaded before."""
    return link("VGGT_MODEL", "Of Load Model, instead of weights and device.")


def ply_file() -> Socket:
    """The widget that offers the files of the input folder."""
    tooltip = "A file of ComfyUI's input folder or its folder 3d, instead of ply_path."
    return choice(folders.ply_choices(), BY_PATH, tooltip)


def prefix() -> Socket:
    """The widget for the name of what is written."""
    return text(OUTPUT_PREFIX, "Subfolder and name in the output folder.")


def model_3d() -> Socket:
    """The socket for a file of another node: core's, or one of ours."""
    kinds = "FILE_3D_PLY,FILE_3D_SPLAT_ANY,FILE_3D_POINT_CLOUD_ANY,FILE_3D"
    return link(kinds, "A PLY of another node, instead of ply_path.")


def ply_path() -> Socket:
    """The widget for a file."""
    return text("", "An absolute path, or one in ComfyUI's output or input folder.")
