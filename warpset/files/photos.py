"""Photos: find, order, decode to 8-bit RGB, resample; no cameras, no models.

Whatever the file holds (EXIF orientation, HEIC, 16 bits, CMYK, palette, alpha), it comes out as
upright uint8 RGB, transparency composited over white.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from ..core.errors import InputError
from .image_files import IS_JXL_READABLE, open_image
from .json_files import open_regular
from .raw_photos import IS_RAW_READABLE, RAW_EXTENSIONS, develop, is_raw, raw_size

Rgb = NDArray[np.uint8]

PHOTO_EXTENSIONS = frozenset(
    ".jpg .jpeg .jfif .jpe .png .bmp .tif .tiff .heic .heif .hif .webp .avif".split()
    + ([".jxl"] if IS_JXL_READABLE else [])
    + (sorted(RAW_EXTENSIONS) if IS_RAW_READABLE else [])
)
"""Lower-case extensions that a folder is searched for: what can be read here."""

FINGERPRINT_WH = (32, 24)

_SIDE_SWAPPING_ORIENTATIONS = frozenset({5, 6, 7, 8})
_ORIENTATION_TAG = 274


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes.

    Raises:
        OSError: See `open_regular`.
    """
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while block := file.read(1 << 20):  # a video need not fit the memory
            digest.update(block)
    return digest.hexdigest()


class PhotoFacts(NamedTuple):
    """What is learnt of a photo from a cheap look at its pixels.

    Attributes:
        size_wh: Width and height after EXIF rotation.
        fingerprint: (24, 32) float32 of the whole photo's luminance, mean 0 and deviation 1, by
            which the same content is known again in another format, size or brightness.
        is_sixteen_bit: Whether it is gray of 16 bits, as depth pictures are.
    """

    size_wh: tuple[int, int]
    fingerprint: NDArray[np.float32]
    is_sixteen_bit: bool


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
        if is_raw(path):
            return _checked_size(raw_size(path)), 1
        with open_image(path) as image:
            return _upright_size(image), _orientation(image)
    except Exception as error:
        raise _unreadable(path, error) from error


def check_photo(path: Path) -> tuple[int, int]:
    """Width and height after EXIF rotation of a photo that is whole, see `read_photo_facts`."""
    return read_photo_facts(path).size_wh


def read_photo_facts(path: Path) -> PhotoFacts:
    """Decode a photo as cheaply as its format allows, to learn whether it is whole.

    Raises:
        InputError: The photo cannot be read.
    """
    try:
        if is_raw(path):
            size_wh = _checked_size(raw_size(path))
            return PhotoFacts(size_wh, _fingerprint(Image.fromarray(develop(path))), False)
        with open_image(path) as image:
            size_wh = _upright_size(image)
            image.draft("RGB", FINGERPRINT_WH)
            image.load()
            return PhotoFacts(size_wh, _fingerprint(_upright(image)), image.mode[0] == "I")
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
        if is_raw(path):
            _checked_size(raw_size(path))
            return develop(path)
        with open_image(path) as image:
            _upright_size(image)
            image.load()
            return _to_rgb(_upright(image))
    except Exception as error:
        raise _unreadable(path, error) from error


def _fingerprint(image: Image.Image) -> NDArray[np.float32]:
    small = (
        Image.fromarray(_to_rgb(image)).convert("L").resize(FINGERPRINT_WH, Image.Resampling.BOX)
    )
    gray = np.asarray(small, np.float32)
    return (gray - gray.mean()) / max(float(gray.std()), 1.0)


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


def _checked_size(size_wh: tuple[int, int]) -> tuple[int, int]:
    width, height = size_wh
    if width * height > 2 * (Image.MAX_IMAGE_PIXELS or 0):
        raise Image.DecompressionBombError(f"{width}x{height} pixels are too many")
    return size_wh


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = _checked_size(image.size)
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
