"""Posed photos as their pinhole cameras see them, on any raster; no depth, no matching."""

from __future__ import annotations

from ..core.cameras import Camera
from ..core.geometry import PosedPhoto
from ..core.lens import undistort_photo
from ..core.sizes import photo_box
from .photos import Rgb, read_photo, resample_photo


def look_through(photo: PosedPhoto, camera: Camera, rgb: Rgb) -> Rgb:
    """A photo (h, w, 3), free of lens distortion, on a raster of its camera.

    It is sampled once, from the photo as taken.

    Args:
        photo: The photo's camera and lens.
        camera: The same camera on the wanted raster.
        rgb: The photo's pixels.
    """
    if photo.lens is not None:
        return undistort_photo(rgb, photo.lens, camera)
    return resample_photo(rgb, photo_box(photo.camera, camera), camera.size_wh)


def read_pinhole(photo: PosedPhoto, camera: Camera) -> Rgb:
    """The photo from its file, see `look_through`.

    Raises:
        InputError: The photo cannot be read.
    """
    return look_through(photo, camera, read_photo(photo.path))
