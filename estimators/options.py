"""What estimating is asked for, with every default; no network and no torch is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vggt.choices import DEFAULT_MODEL, PRECISIONS
from vggt.preprocess import Mode

STEREO_ENGINES = ("sweep", "colmap")

CAMERAS = ("auto", "network", "recorded", "sfm")
"""Where cameras come from. `auto`: a network's own, but recorded ones or those of structure from
motion for a network whose own are weak, and for stereo."""


@dataclass(frozen=True)
class ComputeOptions:
    """Where and how depth and cameras are estimated.

    Attributes:
        device: `cuda` or `cpu`; None for CUDA where there is one.
        model: Hub id, folder or file of the network's weights.
        mode: How photos are fitted to the network's input; None for the network's default.
        window: Frames predicted together; 0 for the whole scene, None for what fits the memory.
        precision: One of `PRECISIONS`.
        cameras: Where cameras come from, one of `CAMERAS`.
        engine: What finds the dense depth of classical stereo, one of `STEREO_ENGINES`.
        sky_model: ONNX file that finds the sky; None for the published one.
        refine_cameras: Whether cameras are refined and depth is brought to agree with them.
        quiet: No progress bars.
    """

    device: str | None = None
    model: str = DEFAULT_MODEL
    mode: Mode | None = None
    window: int | None = None
    precision: str = PRECISIONS[0]
    cameras: str = CAMERAS[0]
    engine: str = STEREO_ENGINES[0]
    sky_model: Path | None = None
    refine_cameras: bool = False
    quiet: bool = False
