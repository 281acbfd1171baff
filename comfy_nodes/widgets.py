"""The nodes' widgets by their names in workflows, every default, and sockets; no node is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

AUTO_WEIGHTS = "auto"
"""The first file in `models/vggt`, else the published model from the Hub."""

BY_PATH = "by ply_path"
"""No file of the list: the widget `ply_path` names it."""

AUTO_DEVICE = "auto"
"""Whatever ComfyUI runs on."""

DEVICES = (AUTO_DEVICE, "cuda", "cpu")
"""What nodes compute on; `cuda` insists on a graphics device."""

ALL_VIEWS = -1
"""Every camera, as a batch."""

AUTO_UP = "auto"
"""What the JSON beside the splats says, else -y."""

NO_MAX_DEPTH = -1.0

OUTPUT_PREFIX = "3d/vggt"
"""Subfolder and name of what nodes write."""


@dataclass(frozen=True)
class InferenceWidgets:
    """Of `VGGT Model Inference`.

    Attributes:
        device: One of `DEVICES`.
        depth_conf_threshold: Percentile of confidence below which points are dropped.
        gaussian_scale_multiplier: Size of the splats, see `inference.splat_scale`.
        preprocess_mode: One of the modes of `fitting.fitted`.
        mask_black_bg: Drop pixels whose R + G + B is below 16.
        mask_white_bg: Drop pixels whose R, G and B are all above 240.
        mask_sky: Drop the sky.
        boundary_threshold: Pixels to drop at the borders of what the network saw.
        max_depth: Farthest depth kept along the camera's axis, or `NO_MAX_DEPTH`.
        upsample_depth: Make points on the images' raster instead of the network's.
        weights: One of `folders.weights_choices`.
        filename_prefix: Subfolder and name in the output folder.
    """

    device: str = AUTO_DEVICE
    depth_conf_threshold: float = 50.0
    gaussian_scale_multiplier: float = 0.1
    preprocess_mode: str = "crop"
    mask_black_bg: bool = False
    mask_white_bg: bool = False
    mask_sky: bool = False
    boundary_threshold: int = 0
    max_depth: float = NO_MAX_DEPTH
    upsample_depth: bool = True
    weights: str = AUTO_WEIGHTS
    filename_prefix: str = OUTPUT_PREFIX


@dataclass(frozen=True)
class PairWidgets:
    """Of `Warp Pair`.

    Attributes:
        device: As above.
        sigma: Distance in pixels over which filled holes fade.
        depth_conf_threshold: As above, of the reference alone.
        upsample_depth: As above.
        weights: As above.
        fill: Fill the holes, or leave them black.
    """

    device: str = AUTO_DEVICE
    sigma: float = 20.0
    depth_conf_threshold: float = 0.0
    upsample_depth: bool = True
    weights: str = AUTO_WEIGHTS
    fill: bool = True


@dataclass(frozen=True)
class MoveWidgets:
    """A move from a camera, along its own axes.

    Attributes:
        yaw: Degrees to the right.
        pitch: Degrees upwards.
        roll: Degrees clockwise.
        right: As a share of the scene's depth, as are the next two.
        up: Against the camera's y axis.
        forward: Along the line of sight.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    right: float = 0.0
    up: float = 0.0
    forward: float = 0.0


@dataclass(frozen=True)
class PathWidgets:
    """Of `Camera Path`.

    Attributes:
        path: One of `camera_paths.PATHS`.
        frames: Number of cameras.
        view: Which of the cameras it starts from.
        angle: Degrees of orbit, pan and turntable; 0 takes the path's own.
        distance: Of dolly, crane and spiral, as a share of the depth; 0 takes the path's own.
    """

    path: str = "orbit"
    frames: int = 24
    view: int = 0
    angle: float = 0.0
    distance: float = 0.0


@dataclass(frozen=True)
class RenderWidgets(MoveWidgets):
    """Of `Render Warp`.

    Attributes:
        view: Which of the cameras, from 0, or `ALL_VIEWS`.
        width: Of the image in pixels; 0 takes the camera's.
        height: Of the image in pixels; 0 takes the camera's.
        sigma: Distance in pixels over which filled holes fade.
        s0: Diameter of a point in world units; 0 takes that of the pixels.
    """

    view: int = 0
    width: int = 0
    height: int = 0
    sigma: float = 20.0
    s0: float = 0.0


@dataclass(frozen=True)
class ExportWidgets:
    """Of `Splats to USD`.

    Attributes:
        format: `usdz`, `usdc`, or `nurec` for NVIDIA's package.
        up: Up axis of the stage.
        metric: The splats are in metres.
        filename_prefix: Subfolder and name in the output folder.
        input_up: Up axis of the splats, or `AUTO_UP`.
    """

    format: str = "usdz"
    up: str = "z"
    metric: bool = False
    filename_prefix: str = OUTPUT_PREFIX
    input_up: str = AUTO_UP


Socket = tuple[Any, dict[str, Any]]
Sockets = dict[str, dict[str, Socket]]


def link(socket_type: str, tooltip: str = "") -> Socket:
    """A socket that only takes a link."""
    return socket_type, {"tooltip": tooltip}


def number(default: float, bounds: tuple[float, float], tooltip: str, step: float = 1) -> Socket:
    """A widget for a number: INT where the default is one, else FLOAT."""
    low, high = bounds
    options = {"default": default, "min": low, "max": high, "step": step, "tooltip": tooltip}
    return ("INT" if isinstance(default, int) else "FLOAT"), options


def switch(default: bool, tooltip: str) -> Socket:
    """A widget for on and off."""
    return "BOOLEAN", {"default": default, "tooltip": tooltip}


def choice(options: list[str], default: str, tooltip: str) -> Socket:
    """A widget for one of several names."""
    return options, {"default": default, "tooltip": tooltip}


def text(default: str, tooltip: str) -> Socket:
    """A widget for a line of text."""
    return "STRING", {"default": default, "tooltip": tooltip}


def moves() -> dict[str, Socket]:
    """The widgets for a move."""
    turn, share = "Degrees {}.", "Way {}, as a share of the scene's depth."
    texts = {
        "yaw": turn.format("to the right"),
        "pitch": turn.format("upwards"),
        "roll": turn.format("clockwise"),
        "right": share.format("to the right"),
        "up": share.format("upwards"),
        "forward": share.format("forward"),
    }
    default = MoveWidgets()
    return {
        name: number(
            getattr(default, name),
            (-360.0, 360.0) if name in {"yaw", "pitch", "roll"} else (-10.0, 10.0),
            text,
            step=0.01,
        )
        for name, text in texts.items()
    }
