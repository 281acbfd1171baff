"""The nodes that start from a PLY file; networks and cameras are unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from comfy.utils import ProgressBar  # pyright: ignore[reportMissingImports]

from ..splats import Gaussians, StageOptions, export_splats_to_usd, read_splats
from ..splats.gaussians import SH_C0
from ..warpset.errors import InputError
from ..warpset.ply import ply_bytes, read_ply
from ..warpset.points import PointCloud
from .folders import existing_file, new_output, new_temporary, shown_file
from .viewer import file_3d, y_up
from .widgets import ExportWidgets

HEADER_BYTES = 8192
SPLAT_FIELDS = (b"property float f_dc_0", b"element chunk ")


def load(ply_path: str) -> tuple[PointCloud, Any]:
    """Points of a PLY, and the file that shows them in ComfyUI's viewers.

    Raises:
        InputError: No such file, no positions or colours, no points, or values not finite.
        SplatError: A Gaussian splat PLY that cannot be read.
    """
    path = existing_file(ply_path)
    if _holds_splats(path):
        return _centers(read_splats(path)), file_3d(path)
    cloud = read_ply(path)
    _check(cloud, path)
    turned = new_temporary(".ply")
    turned.write_bytes(ply_bytes(y_up(cloud)))
    return cloud, file_3d(turned)


def _holds_splats(path: Path) -> bool:
    """Whether the header names what only Gaussian splats have."""
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    return path.suffix.lower() == ".spz" or any(field in header for field in SPLAT_FIELDS)


def _centers(splats: Gaussians) -> PointCloud:
    rgb = np.clip((0.5 + SH_C0 * splats.sh0[:, 0]) * 255, 0, 255).round().astype(np.uint8)
    return PointCloud(splats.means, rgb, None)


def _check(cloud: PointCloud, path: Path) -> None:
    if len(cloud.xyz_world) == 0:
        raise InputError(f"{path}: found no points, need at least one; export it again")
    broken = np.count_nonzero(~np.isfinite(cloud.xyz_world).all(axis=1))
    if broken:
        raise InputError(
            f"{path}: found {broken} points at infinity or nowhere, need finite float32 "
            "positions; remove them first, for instance in CloudCompare"
        )


def export_usd(ply_path: str, widgets: ExportWidgets) -> dict[str, Any]:
    """Write a Gaussian splat PLY as USD into ComfyUI's output folder.

    Raises:
        InputError: No such file, or the output folder cannot be written.
        SplatError: No Gaussian splats, or they cannot be stored.
    """
    bar = ProgressBar(2)
    splats = read_splats(existing_file(ply_path))
    bar.update(1)
    path = new_output(widgets.filename_prefix, ".usdc" if widgets.format == "usdc" else ".usdz")
    stage = StageOptions("y" if widgets.up == "y" else "z", widgets.metric)
    export_splats_to_usd(splats, path, widgets.format == "nurec", stage)
    bar.update(1)
    return {"ui": {"3d": [shown_file(path)]}, "result": (str(path),)}
