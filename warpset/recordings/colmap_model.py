"""COLMAP models, text or binary, as recordings; pycolmap reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pycolmap

from ..core.errors import InputError
from ..core.lens import Lens
from ..core.natural_order import sorted_naturally
from ..files.cache import content_key
from ..files.depth_files import DEPTH_EXTENSIONS
from .recording import Reader, RecordedFrame, Recording, inside, pose_photo

MODEL_FOLDERS = ("sparse-txt", "sparse/0", "sparse")


def find_colmap_model(scene: Path) -> Path | None:
    """The folder of a scene's COLMAP model, or None."""
    folders = (scene / name for name in MODEL_FOLDERS)
    return next((folder for folder in folders if _holds_model(folder)), None)


def _holds_model(folder: Path) -> bool:
    return any((folder / f"images.{kind}").is_file() for kind in ("txt", "bin"))


def read_colmap_model(scene: Path, model: Path) -> Recording:
    """Read a COLMAP model and find the photos and depth files that belong to it.

    Photos are looked for in the scene's `images*` folders, then in the scene itself; depth in
    `depths/<image name without extension>` with any extension of `depth_files`.

    Raises:
        InputError: The model cannot be read.
    """
    try:
        reconstruction = pycolmap.Reconstruction(str(model))
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{model}: no readable COLMAP model ({reason})") from error
    frames, problems, missing = [], {}, 0
    for image in reconstruction.images.values():
        try:
            path = _photo_path(scene, image.name, model)
            if path is None:
                missing += 1
                continue
            frames.append(_recorded_frame(scene, path, image, model))
        except InputError as error:
            problems[scene / image.name] = str(error)
    return Recording(tuple(frames), model.relative_to(scene).as_posix(), problems, missing)


def _photo_path(scene: Path, name: str, model: Path) -> Path | None:
    folders = sorted_naturally(path for path in scene.glob("images*") if path.is_dir())
    names = [*(folder.name for folder in folders), "."]
    candidates = (inside(scene, f"{folder}/{name}", model) for folder in names)
    return next((path for path in candidates if path.is_file()), None)


def _recorded_frame(scene: Path, path: Path, image: pycolmap.Image, model: Path) -> RecordedFrame:
    camera = image.camera
    assert camera is not None
    lens = Lens(camera.model_name, tuple(camera.params), (camera.width, camera.height))
    cam_from_world = np.eye(4)
    cam_from_world[:3] = image.cam_from_world().matrix()
    stem = Path(image.name).with_suffix("").as_posix()
    depth_files = (
        inside(scene, f"depths/{stem}{extension}", model) for extension in DEPTH_EXTENSIONS
    )
    depth_path = next((path for path in depth_files if path.is_file()), None)
    key = content_key(
        lens=[lens.model, lens.params, lens.size_wh], cam_from_world=cam_from_world.tolist()
    )
    return RecordedFrame(pose_photo(path, lens, cam_from_world), depth_path, key=key)


READER = Reader("COLMAP model", find_colmap_model, read_colmap_model)
