"""The nodes that start from a PLY file; networks and cameras are unknown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from comfy.utils import ProgressBar  # pyright: ignore[reportMissingImports]

from ..splats import (
    AXES,
    Y_DOWN,
    Gaussians,
    StageOptions,
    export_splats_to_usd,
    holds_splats,
    read_splats,
    recorded_up,
    write_ply,
)
from ..splats.up import Vector
from ..warpset.core.errors import InputError
from ..warpset.core.points import PointCloud
from ..warpset.files.ply import check_points, ply_bytes, read_ply
from .folders import chosen_ply, existing_file, new_output, new_temporary, shown_file
from .viewer import file_3d, path_of, y_down, y_up
from .widgets import AUTO_UP, BY_PATH, ExportWidgets


def load(ply_path: str, file: str, model_3d: Any = None) -> tuple[PointCloud, Any]:
    """Points of a PLY, and the file that shows them in ComfyUI's viewers.

    Args:
        ply_path: As `existing_file` takes it, or empty.
        file: One of `ply_choices`.
        model_3d: What a FILE_3D socket carries, or None.

    Raises:
        InputError: Several or no such file, no positions or colours, no points, or values not
            finite.
        SplatError: A Gaussian splat PLY that cannot be read.
    """
    path = _source(ply_path, file, model_3d)
    up = recorded_up(path) or Y_DOWN
    if holds_splats(path):
        splats = read_splats(path)
        return PointCloud(splats.means, splats.rgb, None), file_3d(_standing(splats, up, path))
    cloud = read_ply(path)
    check_points(cloud, path)
    turned = new_temporary(".ply")
    turned.write_bytes(ply_bytes(y_up(cloud, up)))
    return cloud, file_3d(turned)


def _standing(splats: Gaussians, up: Vector, path: Path) -> Path:
    """A file of splats that stand upright in the viewers: their own where they do already."""
    if up == Y_DOWN:
        return path
    turned = new_temporary(".ply")
    write_ply(y_down(splats, up), turned)
    return turned


def _source(ply_path: str, file: str, model_3d: Any) -> Path:
    """The file that one of three inputs gives; the arguments are those of `load`.

    Raises:
        InputError: Several or none does.
    """
    given = {"ply_path": ply_path, "file": "" if file == BY_PATH else file, "model_3d": model_3d}
    names = [name for name, value in given.items() if value]
    if len(names) > 1:
        way_on = f"empty ply_path, choose `{BY_PATH}`, or unplug model_3d"
        raise InputError(f"{', '.join(names)}: found {len(names)} files, need one; {way_on}")
    return path_of(model_3d) if model_3d else existing_file(chosen_ply(ply_path, file) or "")


def export_usd(ply_path: str, widgets: ExportWidgets, model_3d: Any = None) -> dict[str, Any]:
    """Write a Gaussian splat PLY as USD into ComfyUI's output folder.

    Args:
        ply_path: As `existing_file` takes it, or empty.
        widgets: The node's widgets.
        model_3d: What a FILE_3D socket carries, or None.

    Raises:
        InputError: Both or no such file, or the output folder cannot be written.
        SplatError: No Gaussian splats, or they cannot be stored.
    """
    bar = ProgressBar(2)
    source = _source(ply_path, BY_PATH, model_3d)
    given = None if widgets.input_up == AUTO_UP else AXES[widgets.input_up]
    up = given or recorded_up(source) or Y_DOWN
    splats = read_splats(source)
    bar.update(1)
    path = new_output(widgets.filename_prefix, ".usdc" if widgets.format == "usdc" else ".usdz")
    stage = StageOptions("y" if widgets.up == "y" else "z", widgets.metric, up)
    export_splats_to_usd(splats, path, widgets.format == "nurec", stage)
    bar.update(1)
    return {"ui": {"3d": [shown_file(path)]}, "result": (str(path), file_3d(path))}
