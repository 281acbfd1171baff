"""Photos: find, order, decode to 8-bit RGB, resample; no cameras, no models.

Whatever the file holds (EXIF orientation, HEIC, 16 bits, CMYK, palette, alpha), it comes out as
upright uint8 RGB, transparency composited over white.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from ..core.errors import InputError
from ..core.natural_order import sorted_naturally
from .image_files import open_image

Rgb = NDArray[np.uint8]

PHOTO_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".heic", ".heif"})
"""Lower-case extensions that a folder is searched for."""

_SIDE_SWAPPING_ORIENTATIONS = frozenset({5, 6, 7, 8})
_ORIENTATION_TAG = 274


def photos_in(folder: Path) -> list[Path]:
    """Photos directly in a folder by their extension, in natural order, hidden files left out."""
    return sorted_naturally(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PHOTO_EXTENSIONS
        and not path.name.startswith(".")
        and path.is_file()
    )


def find_photos(scene: Path) -> list[Path]:
    """A scene's photos: directly in its folder, else in its first `images*` folder that has any."""
    photos = photos_in(scene)
    if photos:
        return photos
    folders = sorted_naturally(path for path in scene.glob("images*") if path.is_dir())
    return next((found for folder in folders if (found := photos_in(folder))), [])


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height after EXIF rotation, from the header alone.

    Raises:
        InputError: The header cannot be read, or announces too many pixels.
    """
    return size_and_orientation(path)[0]


def size_and_orientation(path: Path) -> tuple[tuple[int, int], int]:
    """Width and height after EXIF rotation, and the EXIF orientation (1 to 8) that was applied.

    Raises:
        InputError: The header cannot be read, or announces too many pixels.
    """
    try:
        with open_image(path) as image:
            return _upright_size(image), _orientation(image)
    except Exception as error:
        raise _unreadable(path, error) from error


def check_photo(path: Path) -> tuple[int, int]:
    """Decode a photo as cheaply as its format allows, to learn whether it is whole.

    Returns:
        Width and height after EXIF rotation.

    Raises:
        InputError: The photo cannot be read.
    """
    try:
        with open_image(path) as image:
            size_wh = _upright_size(image)
            image.draft("RGB", (1, 1))
            image.load()
            return size_wh
    except Exception as error:
        raise _unreadable(path, error) from error


def read_photo(path: Path) -> Rgb:
    """Decode a photo.

    Returns:
        (h, w, 3) uint8 RGB, upright, transparency over white.

    Raises:
        InputError: The photo cannot be read.
    """
    try:
        with open_image(path) as image:
            _upright_size(image)
            image.load()
            return _to_rgb(_upright(image))
    except Exception as error:
        raise _unreadable(path, error) from error


def resample_photo(
    rgb: Rgb, box: tuple[float, float, float, float], size_wh: tuple[int, int]
) -> Rgb:
    """One part of a photo at another size, in one antialiased step (Lanczos).

    Args:
        rgb: (h, w, 3) uint8.
        box: Left, top, right, bottom in pixel positions of `rgb`; fractions are honoured.
        size_wh: Size of the result.
    """
    height, width = rgb.shape[:2]
    clipped = (max(box[0], 0.0), max(box[1], 0.0), min(box[2], width), min(box[3], height))
    if clipped == (0, 0, width, height) and size_wh == (width, height):
        return rgb
    return np.asarray(Image.fromarray(rgb).resize(size_wh, Image.Resampling.LANCZOS, clipped))


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    if width * height > 2 * (Image.MAX_IMAGE_PIXELS or 0):
        raise Image.DecompressionBombError(f"{width}x{height} pixels are too many")
    is_upright_already = image.format == "TIFF"
    if _orientation(image) in _SIDE_SWAPPING_ORIENTATIONS and not is_upright_already:
        return height, width
    return width, height


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # broken EXIF says nothing about the pixels
        return 1


def _upright(image: Image.Image) -> Image.Image:
    if _orientation(image) in range(2, 9):
        return ImageOps.exif_transpose(image)
    return image


def _to_rgb(image: Image.Image) -> Rgb:
    if image.mode.startswith("I"):
        return _sixteen_bit_to_rgb(image)
    if image.mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))


def _sixteen_bit_to_rgb(image: Image.Image) -> Rgb:
    values = np.asarray(image)
    gray = ((values.clip(0, 65535).astype(np.uint32) + 128) // 257).astype(np.uint8)
    if isinstance(transparent := image.info.get("transparency"), int):
        gray[values == transparent] = 255
    return np.repeat(gray[..., None], 3, axis=2)


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, Image.UnidentifiedImageError):
        reason = "not an image"
    elif isinstance(error, Image.DecompressionBombError):
        reason = "over 178 megapixels, shrink it first"
    return InputError(f"{path}: cannot be read as a photo ({reason}); left out")
