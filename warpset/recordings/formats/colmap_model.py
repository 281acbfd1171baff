"""COLMAP models and workspaces as recordings; pycolmap reads them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...core.lens import Lens
from ...core.natural_order import sorted_naturally
from ...files.depth_files import DEPTH_EXTENSIONS
from ..listed_paths import existing_file, photo_folders, places
from ..masks import find_mask
from ..recording import (
    PANORAMA,
    Reader,
    RecordedFrame,
    Recording,
    collected,
    recorded_frame,
    recorded_panorama,
)
from .colmap_files import open_colmap_model

if TYPE_CHECKING:
    import pycolmap

# Where models lie; of a workspace the dense one first, whose photos have depth and no distortion.
# `sparse/0`, `sparse/1` and on are parts that COLMAP could not join.
MODEL_FOLDERS = (
    *("dense/sparse", "dense/0/sparse", "sparse-txt", "sparse/*", "sparse", "colmap/sparse/*"),
    *("colmap/sparse", "colmap_text", "."),
)


def find_colmap_model(scene: Path) -> Path | None:
    """The folder of a scene's COLMAP model, or None."""
    for name in MODEL_FOLDERS:
        folder = _largest(scene / name) if name.endswith("/*") else scene / name
        if folder and _holds_model(folder) and (name[:5] != "dense" or _is_dense(folder)):
            return folder
    return None


def _largest(parts: Path) -> Path | None:
    """The numbered folder of a `sparse/*` with the largest list of images; the first of equals."""
    folders = sorted_naturally(path for path in parts.parent.glob("*") if path.name.isdecimal())
    sizes = {path: _images_bytes(path) for path in folders if _holds_model(path)}
    return max(sizes, key=lambda path: sizes[path], default=None)


def _images_bytes(model: Path) -> int:
    return sum(path.stat().st_size for path in model.glob("images.*"))


def _holds_model(folder: Path) -> bool:
    return any(
        (folder / f"images.{kind}").is_file() and (folder / f"cameras.{kind}").is_file()
        for kind in ("txt", "bin")
    )


def _is_dense(model: Path) -> bool:
    return _holds_model(model) and (model.parent / "stereo" / "depth_maps").is_dir()


def read_colmap_model(scene: Path, model: Path) -> Recording:
    """Read a COLMAP model and find the photos, depth and masks that belong to it.

    Photos are looked for in the `images*` folders beside the model and of the scene, then in the
    scene itself; depth in `stereo/depth_maps` beside the model (`dense/`), then in
    `depths/<image name without extension>` with any extension of `depth_files`; masks in `masks/`.

    Raises:
        InputError: The model cannot be read.
    """
    images = open_colmap_model(model).images.values()
    makers = ((scene / image.name, partial(_frame, scene, image, model)) for image in images)
    return collected(scene, model, makers)


def _frame(scene: Path, image: pycolmap.Image, model: Path) -> RecordedFrame | None:
    path = existing_file(_candidates(scene, image.name, model))
    if path is None:
        return None
    camera = image.camera
    assert camera is not None, "a registered image has a camera"
    cam_from_world = np.eye(4)
    cam_from_world[:3] = image.cam_from_world().matrix()
    if camera.model_name == PANORAMA:
        frame = recorded_panorama(path, cam_from_world)
    else:
        lens = Lens(camera.model_name, tuple(camera.params), (camera.width, camera.height))
        frame = recorded_frame(path, lens, cam_from_world)
    depth_path = _depth_path(scene, image.name, model)
    return frame._replace(depth_path=depth_path, mask=find_mask(scene, image.name))


def _candidates(scene: Path, name: str, model: Path) -> list[Path]:
    folders = []
    if _is_dense(model):  # its cameras are those of the undistorted photos beside it
        folders.append((model.parent / "images").relative_to(scene).as_posix())
    folders += [folder.name for folder in photo_folders(scene)]
    listed = [f"{folder}/{name}" for folder in (*folders, "input", ".")]
    return [path for text in listed for path in places(scene, text, scene / "x")]


def _depth_path(scene: Path, name: str, model: Path) -> Path | None:
    if _is_dense(model):
        maps = model.parent / "stereo" / "depth_maps"
        kinds = ("geometric", "photometric")
        found = existing_file([maps / f"{name}.{kind}.bin" for kind in kinds])
        if found:
            return found
    stem = Path(name).with_suffix("").as_posix()
    listed = [f"depths/{stem}{extension}" for extension in DEPTH_EXTENSIONS]
    return existing_file([places(scene, text, scene / "x")[0] for text in listed])


READER = Reader("COLMAP model", find_colmap_model, read_colmap_model)
