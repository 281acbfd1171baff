"""Masks of photos: what is left out of them (passers-by, cars, what was made anonymous)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..core.errors import InputError
from ..core.geometry import FrameGeometry, SceneGeometry
from ..core.masks import Mask
from ..files.image_files import open_image
from ..files.photos import upright_size
from .listed_paths import existing_file, places
from .recording import MaskFile, Recording, quarter_turns, same_aspect

MASK_FOLDERS = ("masks", "mask")
MASK_EXTENSIONS = (".png", ".jpg", ".jpeg")

LOOKED_AT = 8
"""Masks that are looked at to tell what share of photos they keep."""

HALF_BRIGHT = 128
"""Of 255; lossy or resized masks have grays between black and white."""


def find_mask(scene: Path, photo_name: str) -> MaskFile | None:
    """The mask of a photo by COLMAP's and 3DGS's convention, or None.

    COLMAP: `masks/<photo with its extension>.png`, black = leave out
    (https://colmap.github.io/faq.html#mask-image-regions); 3DGS tools: `masks/<photo>.png`.

    Args:
        scene: The scene's folder.
        photo_name: The photo's path below the folder of photos.
    """
    names = (photo_name, Path(photo_name).with_suffix("").as_posix())
    for folder in (name for name in MASK_FOLDERS if (scene / name).is_dir()):
        listed = [f"{folder}/{name}{end}" for end in MASK_EXTENSIONS for name in names]
        found = existing_file([places(scene, text, scene / folder)[-1] for text in listed])
        if found is not None:
            return MaskFile(found)
    return None


def unused_mask_folder(scene: Path) -> tuple[Path, int] | None:
    """The scene's folder of masks and how many pictures lie in and below it; None without any."""
    for folder in (scene / name for name in MASK_FOLDERS):
        pictures = [path for path in folder.rglob("*") if path.suffix.lower() in MASK_EXTENSIONS]
        if pictures:
            return folder, len(pictures)
    return None


def kept_share(masks: Mapping[Path, MaskFile]) -> float | None:
    """The share of photos that their masks keep, by a few; None where none of those can be read."""
    shares = []
    for photo, mask in list(masks.items())[:: max(1, len(masks) // LOOKED_AT)]:
        with contextlib.suppress(InputError):  # said when its photo is needed
            shares.append(float(read_kept(mask, photo).mean()))
    return fmean(shares) if shares else None


def mask_files(
    scene: Path, recording: Recording | None, photos: Iterable[Path]
) -> dict[Path, MaskFile]:
    """The masks of photos: as the recording lists them, else by name, see `find_mask`."""
    frames = recording.frames if recording else ()
    listed = {frame.photo.path: frame.mask for frame in frames}
    found = {photo: listed.get(photo) or _mask_by_name(scene, photo) for photo in photos}
    return {photo: mask for photo, mask in found.items() if mask is not None}


def _mask_by_name(scene: Path, photo: Path) -> MaskFile | None:
    """By the photo's path below its folder of photos, else by its name alone."""
    parts = photo.relative_to(scene).parts
    names = ("/".join(parts[1:]), parts[-1]) if len(parts) > 1 else parts
    masks = (find_mask(scene, name) for name in names)
    return next((mask for mask in masks if mask is not None), None)


def masked(geometry: SceneGeometry, masks: Mapping[Path, MaskFile]) -> SceneGeometry:
    """The geometry, its frames with their masks."""
    frames = (
        replace(frame, load_kept=partial(read_kept, masks[frame.photo.path], frame.photo.path))
        if frame.photo.path in masks
        else frame
        for frame in geometry.frames
    )
    return replace(geometry, frames=tuple(frames))


def masked_by(geometry: SceneGeometry, kept: Callable[[Path], Mask]) -> SceneGeometry:
    """The geometry, its frames masked by what else is kept of a photo (h, w), upright."""
    frames = (
        replace(frame, load_kept=partial(_kept_by_both, frame, kept)) for frame in geometry.frames
    )
    return replace(geometry, frames=tuple(frames))


def _kept_by_both(frame: FrameGeometry, kept: Callable[[Path], Mask]) -> Mask:
    also = kept(frame.photo.path)
    if frame.load_kept is None:
        return also
    height, width = also.shape
    mask = frame.load_kept().astype(np.uint8)
    return also & np.asarray(cv2.resize(mask, (width, height), None, 0, 0, cv2.INTER_NEAREST), bool)


def read_kept(mask: MaskFile, photo: Path) -> Mask:
    """Which pixels (h, w) of the upright photo its mask keeps, on the mask's raster.

    Raises:
        InputError: The mask is not there, is no picture, or has not the photo's aspect.
    """
    try:
        with open_image(mask.path) as image:
            gray = _gray(image)
    except FileNotFoundError:
        raise InputError(f"{mask.path}: this mask is listed, but not there") from None
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{mask.path}: cannot be read as a mask ({reason})") from error
    height, width = gray.shape
    kept = np.equal(gray >= HALF_BRIGHT, mask.keeps_white)
    kept = np.rot90(kept, quarter_turns(photo, (width, height)))
    taken_wh = upright_size(photo)
    if not same_aspect((kept.shape[1], kept.shape[0]), taken_wh):
        raise InputError(
            f"{mask.path}: found {width}x{height}, need the aspect of its photo "
            f"{taken_wh[0]}x{taken_wh[1]}"
        )
    return kept


def _gray(image: Image.Image) -> NDArray[np.uint8]:
    """A mask's brightness (h, w), 0 to 255; where nothing is brighter than 1, that is white.

    Raises:
        ValueError: It is transparent somewhere, which may mean either.
    """
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] != 255:
        raise ValueError("it is transparent in places, need black and white")
    gray = np.asarray(image.convert("L"), np.uint8)
    return gray * np.uint8(255) if gray.max(initial=0) == 1 else gray
