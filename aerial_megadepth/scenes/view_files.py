"""Views as DUSt3R and MASt3R train on them, `<name>.{jpg,exr,npz}`; it knows no source of them.

`.npz` holds `intrinsics` (3, 3) for pixel centres at whole numbers and `cam2world` (4, 4) with
OpenCV axes; `.exr` holds z-depth in channel Y, 0 = unknown.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warpset.core.cameras import (
    Camera,
    K_from_integer_centers,
    integer_center_K,
    invert_rigid,
    raster_transform,
)
from warpset.core.errors import InputError
from warpset.core.geometry import Depth, DepthMap, resample_depth
from warpset.files.depth_files import read_depth
from warpset.files.json_files import open_regular
from warpset.files.photos import Rgb, read_photo, resample_photo
from warpset.files.pictures import depth_bytes, picture_bytes

COVERED_PX = (800, 600)
"""Longer and shorter side of the raster that a stored view covers, if the photo is large enough."""

JPEG_QUALITY = 90
MAX_CAMERA_BYTES = 2**20


class RgbdView(NamedTuple):
    """A photo, its depth and its camera on one raster.

    Attributes:
        rgb: (h, w, 3) uint8.
        depth: (h, w) float32 z-depth, 0 = unknown.
        camera: The camera of both.
    """

    rgb: Rgb
    depth: Depth
    camera: Camera


def covering_camera(camera: Camera) -> Camera:
    """The camera on the smallest raster of its aspect that covers 800x600 or, upright, 600x800.

    Never on a larger raster than its own. Fractions of a pixel are cut off evenly on both sides,
    so that x and y keep one scale and a centred principal point stays centred.
    """
    width, height = camera.size_wh
    wanted = COVERED_PX if width >= height else COVERED_PX[::-1]
    numerator, denominator = max(
        (wanted[0], width), (wanted[1], height), key=lambda ratio: ratio[0] / ratio[1]
    )
    if numerator >= denominator:
        return camera
    size_wh = width * numerator // denominator, height * numerator // denominator
    scale = numerator / denominator
    cut_x, cut_y = (width * scale - size_wh[0]) / 2, (height * scale - size_wh[1]) / 2
    return camera.on_raster(
        size_wh, np.array([[scale, 0.0, -cut_x], [0.0, scale, -cut_y], [0.0, 0.0, 1.0]])
    )


def shrink_view(rgb: Rgb, depth_map: DepthMap, camera: Camera) -> RgbdView:
    """A view on the raster of `covering_camera`, colour by Lanczos, depth by nearest sample.

    Args:
        rgb: (h, w, 3) photo on the raster of `camera`.
        depth_map: Its depth, on a raster of its own.
        camera: The photo's camera.
    """
    target = covering_camera(camera)
    to_photo = raster_transform(target, camera)
    corners = np.array([[0, 0, 1], [*target.size_wh, 1]]) @ to_photo.T
    left, top, right, bottom = corners[:, :2].round(9).ravel().tolist()
    rgb = resample_photo(rgb, (left, top, right, bottom), target.size_wh)
    is_on_raster = depth_map.depth.shape == target.shape_hw
    depth = depth_map.depth if is_on_raster else resample_depth(depth_map, target).depth
    return RgbdView(rgb, depth, target)


def write_view(folder: Path, name: str, view: RgbdView) -> None:
    """Write a view's three files; the JPEG has quality 90."""
    arrays = io.BytesIO()
    np.savez(
        arrays,
        intrinsics=integer_center_K(view.camera.K),
        cam2world=invert_rigid(view.camera.cam_from_world),
    )
    (folder / f"{name}.jpg").write_bytes(picture_bytes(view.rgb, "jpg", JPEG_QUALITY))
    (folder / f"{name}.exr").write_bytes(depth_bytes(view.depth))
    (folder / f"{name}.npz").write_bytes(arrays.getvalue())


def read_view(folder: Path, name: str) -> RgbdView:
    """Read a view's three files.

    Raises:
        InputError: One of them is missing or cannot be read, or they do not fit together.
    """
    rgb, depth = read_photo(folder / f"{name}.jpg"), read_depth(folder / f"{name}.exr")
    if depth.shape != rgb.shape[:2]:
        raise InputError(
            f"{folder / name}: found depth of {depth.shape[1]}x{depth.shape[0]} and a photo of "
            f"{rgb.shape[1]}x{rgb.shape[0]} pixels; make the view again"
        )
    K, world_from_cam = _read_camera(folder / f"{name}.npz")
    camera = Camera(
        K_from_integer_centers(K), invert_rigid(world_from_cam), (rgb.shape[1], rgb.shape[0])
    )
    return RgbdView(rgb, depth, camera)


def _read_camera(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MAX_CAMERA_BYTES:
                raise ValueError(f"more than {MAX_CAMERA_BYTES} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            K = np.asarray(arrays["intrinsics"], np.float64)
            world_from_cam = np.asarray(arrays["cam2world"], np.float64)
    except (
        *(OSError, ValueError, KeyError, EOFError, RuntimeError),
        *(zipfile.BadZipFile, zlib.error),
    ) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: cannot be read as a camera ({reason})") from error
    finite = np.isfinite(K).all() and np.isfinite(world_from_cam).all()
    if K.shape != (3, 3) or world_from_cam.shape != (4, 4) or not finite:
        raise InputError(f"{path}: found no finite intrinsics (3x3) and cam2world (4x4)")
    return K, world_from_cam
