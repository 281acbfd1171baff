"""MegaDepth as it is published: models, undistorted photos, depth; what becomes of them it ignores.

`MegaDepth_v1_SfM/<scene>/sparse/manhattan/<k>/*.txt` hold COLMAP models with SIMPLE_RADIAL cameras
of the photos as taken; `phoenix/S6/zl548/MegaDepth_v1/<scene>/dense<k>/{imgs,depths}` hold the
photos free of distortion, and depth in the model's unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from warpset.core.cameras import Camera, intrinsics
from warpset.core.errors import InputError, reason_of
from warpset.core.geometry import Depth
from warpset.core.lens import Lens, colmap_library
from warpset.files.depth_files import read_stored_depth
from warpset.recordings.formats.colmap_files import open_colmap_model

if TYPE_CHECKING:
    import pycolmap

MAX_SIDE_PX = 2**16
"""Taking distortion off walks along all sides of a camera, for minutes along longer ones."""

MAX_ASPECT_ERROR = 0.02
"""How far a photo's aspect may be from its undistorted camera's, before it is another photo."""


@dataclass(frozen=True)
class MegaDepth:
    """Where MegaDepth lies.

    Attributes:
        sfm: `MegaDepth_v1_SfM`.
        dense: `phoenix/S6/zl548/MegaDepth_v1`.
    """

    sfm: Path
    dense: Path

    @classmethod
    def at(cls, folder: Path) -> MegaDepth:
        """Find it, given the folder of both parts or `MegaDepth_v1_SfM` itself.

        Raises:
            InputError: One of the parts is not there.
        """
        root = folder if (folder / "MegaDepth_v1_SfM").is_dir() else folder.absolute().parent
        found = cls(root / "MegaDepth_v1_SfM", root / "phoenix" / "S6" / "zl548" / "MegaDepth_v1")
        for part in (found.sfm, found.dense):
            if not part.is_dir():
                raise InputError(
                    f"{folder}: found no {part.relative_to(root).as_posix()}, need "
                    "MegaDepth_v1_SfM and phoenix side by side; see --megadepth_dir"
                )
        return found

    def models(self) -> list[tuple[str, str]]:
        """Scenes and numbers of their models."""
        return [
            (model.parents[2].name, model.name)
            for model in self.sfm.glob("*/sparse/manhattan/*")
            if model.is_dir()
        ]

    def model(self, scene: str, k: str) -> Path:
        """The folder of a COLMAP model."""
        return self.sfm / scene / "sparse" / "manhattan" / k

    def photo(self, scene: str, k: str, name: str) -> Path:
        """An undistorted photo."""
        return self.dense / scene / f"dense{k}" / "imgs" / name

    def depth(self, scene: str, k: str, name: str) -> Path:
        """The depth of a photo."""
        stem = Path(name).stem
        return self.dense / scene / f"dense{k}" / "depths" / f"{stem}.h5"


def read_cameras(model: Path) -> dict[str, tuple[Lens, np.ndarray]]:
    """Lens as taken and (4, 4) `cam_from_world` of every photo of a model, by name.

    Raises:
        InputError: The model cannot be read, or there is no pycolmap.
    """
    reconstruction = open_colmap_model(model)
    try:
        return _cameras_of(reconstruction)
    except Exception as error:  # what pycolmap and pybind raise is of any kind
        raise InputError(f"{model}: no readable COLMAP model ({reason_of(error)})") from error


def _cameras_of(reconstruction: pycolmap.Reconstruction) -> dict[str, tuple[Lens, np.ndarray]]:
    cameras = {}
    for image in reconstruction.images.values():
        camera = image.camera
        assert camera is not None
        cam_from_world = np.eye(4)
        cam_from_world[:3] = image.cam_from_world().matrix()
        lens = Lens(camera.model_name, tuple(camera.params), (camera.width, camera.height))
        cameras[image.name] = lens, cam_from_world
    return cameras


def undistorted_camera(lens: Lens, cam_from_world: np.ndarray, size_wh: tuple[int, int]) -> Camera:
    """The pinhole camera of an undistorted photo, its principal point in the middle.

    MegaDepth's photos went through COLMAP's undistortion and were then shrunk; the first gives
    the focal length, the photo's size tells of the second. COLMAP cuts a pixel or two off also
    where a radial camera has no distortion to speak of.

    Args:
        lens: The camera as taken.
        cam_from_world: (4, 4) pose.
        size_wh: Size of the undistorted photo.

    Raises:
        InputError: The photo's aspect is not that of the undistorted camera, or no photo is as
            large as the camera.
    """
    if max(lens.size_wh) > MAX_SIDE_PX:
        raise InputError(f"its camera has {lens.size_wh[0]}x{lens.size_wh[1]} pixels")
    pycolmap = colmap_library("MegaDepth's cameras")
    taken = pycolmap.Camera(
        model=lens.model, width=lens.size_wh[0], height=lens.size_wh[1], params=lens.params
    )
    pinhole = pycolmap.undistort_camera(pycolmap.UndistortCameraOptions(), taken)
    pinhole_wh = pinhole.width, pinhole.height
    scale_x, scale_y = size_wh[0] / pinhole_wh[0], size_wh[1] / pinhole_wh[1]
    if abs(scale_x / scale_y - 1) > MAX_ASPECT_ERROR:
        raise InputError(
            f"found {size_wh[0]}x{size_wh[1]} pixels, but its camera without distortion has "
            f"{pinhole_wh[0]}x{pinhole_wh[1]}"
        )
    focal_x, focal_y = pinhole.focal_length_x * scale_x, pinhole.focal_length_y * scale_y
    K = intrinsics(focal_x, focal_y, size_wh[0] / 2, size_wh[1] / 2)
    return Camera(K, cam_from_world, size_wh)


def read_megadepth_depth(path: Path) -> Depth | None:
    """Depth (h, w) float32 in the model's unit, 0 = unknown; None for an ordinal file.

    An ordinal file says only what is in front of what, by negative values.

    Raises:
        InputError: The file is missing or cannot be read.
    """
    stored = read_stored_depth(path)
    if (stored < 0).any():
        return None
    depth = stored.astype(np.float32)
    return np.where(np.isfinite(depth), depth, np.float32(0))
