"""The nodes that start from a PLY file; networks and cameras are unknown."""

from __future__ import annotations

from typing import Any

from comfy.utils import ProgressBar  # pyright: ignore[reportMissingImports]

from ..splats import (
    AXES,
    Y_DOWN,
    StageOptions,
    export_splats_to_usd,
    holds_splats,
    read_splats,
    recorded_up,
)
from ..warpset.core.points import PointCloud
from ..warpset.files.ply import check_points, ply_bytes, read_ply
from .folders import existing_file, new_output, new_temporary, shown_file
from .viewer import file_3d, y_up
from .widgets import AUTO_UP, ExportWidgets


def load(ply_path: str) -> tuple[PointCloud, Any]:
    """Points of a PLY, and the file that shows them in ComfyUI's viewers.

    Raises:
        InputError: No such file, no positions or colours, no points, or values not finite.
        SplatError: A Gaussian splat PLY that cannot be read.
    """
    path = existing_file(ply_path)
    if holds_splats(path):
        splats = read_splats(path)
        return PointCloud(splats.means, splats.rgb, None), file_3d(path)
    cloud = read_ply(path)
    check_points(cloud, path)
    turned = new_temporary(".ply")
    turned.write_bytes(ply_bytes(y_up(cloud, recorded_up(path) or Y_DOWN)))
    return cloud, file_3d(turned)


def export_usd(ply_path: str, widgets: ExportWidgets) -> dict[str, Any]:
    """Write a Gaussian splat PLY as USD into ComfyUI's output folder.

    Raises:
        InputError: No such file, or the output folder cannot be written.
        SplatError: No Gaussian splats, or they cannot be stored.
    """
    bar = ProgressBar(2)
    source = existing_file(ply_path)
    given = None if widgets.input_up == AUTO_UP else AXES[widgets.input_up]
    up = given or recorded_up(source) or Y_DOWN
    splats = read_splats(source)
    bar.update(1)
    path = new_output(widgets.filename_prefix, ".usdc" if widgets.format == "usdc" else ".usdz")
    stage = StageOptions("y" if widgets.up == "y" else "z", widgets.metric, up)
    export_splats_to_usd(splats, path, widgets.format == "nurec", stage)
    bar.update(1)
    return {"ui": {"3d": [shown_file(path)]}, "result": (str(path), file_3d(path))}
