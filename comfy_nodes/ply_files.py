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
from ..warpset.core.errors import InputError
from ..warpset.core.points import PointCloud
from ..warpset.files.ply import check_points, ply_bytes, read_ply
from .folders import chosen_ply, existing_file, new_output, new_temporary, shown_file
from .viewer import file_3d, y_up
from .widgets import AUTO_UP, BY_PATH, ExportWidgets


def load(ply_path: str, file: str) -> tuple[PointCloud, Any]:
    """Points of a PLY, and the file that shows them in ComfyUI's viewers.

    Args:
        ply_path: As `existing_file` takes it, or empty.
        file: One of `ply_choices`.

    Raises:
        InputError: Both or no such file, no positions or colours, no points, or values not finite.
        SplatError: A Gaussian splat PLY that cannot be read.
    """
    if ply_path and file != BY_PATH:
        way_on = f"empty ply_path, or choose `{BY_PATH}`"
        raise InputError(f"{ply_path}, {file}: found two files, need one; {way_on}")
    path = existing_file(chosen_ply(ply_path, file) or "")
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
