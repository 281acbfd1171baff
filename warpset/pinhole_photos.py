"""Posed photos as their pinhole cameras see them, on any raster; no depth, no matching."""

from __future__ import annotations

from .cameras import Camera
from .geometry import PosedPhoto
from .lens import undistort_photo
from .photos import Rgb, read_photo, resample_photo


def read_pinhole(photo: PosedPhoto, camera: Camera) -> Rgb:
    """The photo (h, w, 3), free of lens distortion, on another raster of its camera.

    Args:
        photo: The photo.
        camera: Its camera, resized.

    Raises:
        InputError: The photo cannot be read.
    """
    rgb = read_photo(photo.path)
    if photo.lens is not None:
        return undistort_photo(rgb, photo.lens, camera)
    return resample_photo(rgb, (0.0, 0.0, rgb.shape[1], rgb.shape[0]), camera.size_wh)


def shrunk(camera: Camera, max_side_px: int) -> Camera:
    """The camera on a raster none of whose sides is longer than `max_side_px`."""
    return camera.resized(shrunk_size(camera.size_wh, max_side_px))


def shrunk_size(size_wh: tuple[int, int], max_side_px: int) -> tuple[int, int]:
    """The size with its aspect kept, so that no side is longer than `max_side_px`."""
    scale = min(1.0, max_side_px / max(size_wh))
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))
