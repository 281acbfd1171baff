"""Pictures on their way into an export: looked at, turned upright, cropped; no trainers.

A picture that needs nothing is handed on as it is, so that it can be copied or linked.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps

from ..core.errors import InputError
from ..files.image_files import open_image

PICTURE_EXTENSIONS = frozenset({"jpg", "jpeg", "png"})
"""Lower-case extensions that every trainer's loader takes."""

UPRIGHT = 1


class PictureFacts(NamedTuple):
    """What a loader learns of a picture before it trains on it.

    Attributes:
        size_wh: Width and height as stored, before EXIF rotation.
        orientation: EXIF orientation, 1 = upright.
    """

    size_wh: tuple[int, int]
    orientation: int


class Picture(NamedTuple):
    """A picture to be exported.

    Attributes:
        extension: Lower-case extension without the dot.
        content: The file to be taken over as it is, or the bytes of a new one.
        size_wh: Width and height.
    """

    extension: str
    content: Path | bytes
    size_wh: tuple[int, int]


def look_at(source: Path | bytes, name: str) -> PictureFacts:
    """Decode a picture as cheaply as its format allows.

    Args:
        source: The file or its bytes.
        name: What to call it in an error.

    Raises:
        InputError: It cannot be decoded.
    """
    try:
        with open_image(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            size_wh = image.size
            orientation = image.getexif().get(ExifTags.Base.Orientation, UPRIGHT)
            image.draft("RGB", (1, 1))
            image.load()
            return PictureFacts(size_wh, orientation)
    except Exception as error:
        reason = "not a picture" if isinstance(error, Image.UnidentifiedImageError) else str(error)
        reason = " ".join(reason.split()) or type(error).__name__
        raise InputError(f"{name}: cannot be read as a picture ({reason})") from error


def prepare_picture(path: Path, kind: str, size_wh: tuple[int, int] | None) -> Picture:
    """A picture as it goes into an export: upright, of the wanted size, with a plain extension.

    What sticks out of the wanted size is cut off evenly, so that pictures of one size stay aligned.

    Args:
        path: The picture.
        kind: Kind of file; a `mask` stays black and white.
        size_wh: Wanted width and height; None keeps the picture's.

    Raises:
        InputError: It cannot be decoded, or its extension is none of `PICTURE_EXTENSIONS`.
    """
    extension = path.suffix[1:].lower()
    if extension not in PICTURE_EXTENSIONS:
        need = ", ".join(sorted(PICTURE_EXTENSIONS))
        raise InputError(f"{path}: found the extension {extension!r}, need one of {need}")
    facts = look_at(path, str(path))
    if facts.orientation == UPRIGHT and size_wh in (None, facts.size_wh):
        return Picture(extension, path, facts.size_wh)
    upright_wh = _upright_size(facts)
    wanted_wh = size_wh or upright_wh
    box = cover_box(upright_wh, wanted_wh)
    if kind == "mask":
        return Picture("png", _remade_mask(path, box, wanted_wh), wanted_wh)
    return Picture(extension, _remade_photo(path, box, wanted_wh), wanted_wh)


Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixel positions."""

# The two functions below import what they need themselves: HEIC and EXR come with it, and exports
# that copy pictures as they are start without them.


def _remade_photo(path: Path, box: Box, size_wh: tuple[int, int]) -> bytes:
    from ..files.photos import read_photo, resample_photo
    from ..files.pictures import picture_bytes

    return picture_bytes(resample_photo(read_photo(path), box, size_wh), path.suffix[1:].lower())


def _remade_mask(path: Path, box: Box, size_wh: tuple[int, int]) -> bytes:
    from ..files.pictures import mask_bytes

    with open_image(path) as image:
        mask = ImageOps.exif_transpose(image).convert("L")
    return mask_bytes(np.asarray(mask.resize(size_wh, Image.Resampling.NEAREST, box)) >= 128)


def bytes_of(picture: Picture) -> bytes:
    """A picture's bytes, wherever they lie."""
    content = picture.content
    return content if isinstance(content, bytes) else content.read_bytes()


def as_png(picture: Picture) -> Picture:
    """The same pixels as PNG, for trainers that look for no other extension."""
    if picture.extension == "png":
        return picture
    from ..files.pictures import picture_bytes

    with open_image(io.BytesIO(bytes_of(picture))) as image:
        rgb = np.asarray(image.convert("RGB"))
    return Picture("png", picture_bytes(rgb, "png"), picture.size_wh)


def weighted_mask(mask: Picture, seen_weight: int) -> Picture:
    """A mask as weights of the loss: 255 in holes, `seen_weight` (0..255) elsewhere."""
    from ..files.pictures import picture_bytes

    with open_image(io.BytesIO(bytes_of(mask))) as image:
        hole = np.asarray(image.convert("L")) >= 128
    weights = np.where(hole, np.uint8(255), np.uint8(seen_weight))
    return Picture("png", picture_bytes(weights, "png"), mask.size_wh)


def cover_box(picture_wh: tuple[int, int], wanted_wh: tuple[int, int]) -> Box:
    """Left, top, right, bottom of the largest centred part of a picture with a wanted aspect."""
    scale = min(picture_wh[0] / wanted_wh[0], picture_wh[1] / wanted_wh[1])
    width, height = wanted_wh[0] * scale, wanted_wh[1] * scale
    left, top = (picture_wh[0] - width) / 2, (picture_wh[1] - height) / 2
    return left, top, left + width, top + height


def common_size(paths: Mapping[str, Path]) -> tuple[int, int]:
    """Width and height, EXIF rotation applied, that all pictures of a pair share.

    Raises:
        InputError: One cannot be decoded, or two differ.
    """
    sizes = {kind: _upright_size(look_at(path, str(path))) for kind, path in paths.items()}
    first, *others = sizes
    for kind in others:
        if sizes[kind] != sizes[first]:
            (width, height), (other_width, other_height) = sizes[first], sizes[kind]
            raise InputError(
                f"{paths[kind]}: is {other_width}x{other_height} pixels, need the {width}x{height} "
                f"of {paths[first].name} to crop them alike"
            )
    return sizes[first]


def _upright_size(facts: PictureFacts) -> tuple[int, int]:
    (width, height), orientation = facts
    return (height, width) if orientation in range(5, 9) else (width, height)
