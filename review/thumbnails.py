"""Small pictures of pairs, beside the page, made once; no HTML, no lists.

A pair has two: a strip of five tiles (splats, target, reference, mask, difference), and the
difference large. They are named by a key of the files they were made from, so that what is there
already is up to date, and a run that was killed goes on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from warpset.building.outputs import TRIPLET
from warpset.core.errors import InputError
from warpset.files.cache import content_key
from warpset.files.photos import read_photo
from warpset.files.pictures import picture_bytes
from warpset.files.writing import remove_partial_files, write_atomically
from warpset.trainers.pair_selection import RecordedPair

Rgb = NDArray[np.uint8]

RECIPE = 1
"""Counts up when the same files would make other thumbnails."""

JPEG_QUALITY = 75
TILE_BOX_WH = (256, 192)
LARGE_PX = 768
"""Longest side of the large difference."""

FULL_SCALE_LEVELS = 64
"""Difference, of 255 levels, that has the brightest colour."""

HOLE_GRAY = 128
"""Of holes in the difference, and of the whole mask where none was saved."""

_NAME = re.compile(r"[0-9a-f]{64}(_difference)?\.jpg")


@dataclass(frozen=True)
class Thumbnail:
    """What can be shown of a pair.

    Attributes:
        name: What the names of its two files start with; None where nothing can be shown.
        files: Names of the pair's own pictures, by kind.
        problem: Why nothing can be shown; None where it can, or where the pair was rejected.
    """

    name: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None


def make_thumbnails(folder: Path, pairs: Sequence[RecordedPair], quiet: bool) -> list[Thumbnail]:
    """Make what is missing, remove what is of use no more.

    Args:
        folder: Where the files go.
        pairs: The pairs.
        quiet: No progress bar.

    Returns:
        One a pair, in their order.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    remove_partial_files(folder)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        made = pool.map(partial(_thumbnail, folder), pairs)
        progress = tqdm(made, "thumbnails", len(pairs), unit="pair", disable=quiet)
        thumbnails = list(progress)
    _remove_stale(folder, (thumbnail.name for thumbnail in thumbnails))
    return thumbnails


def _thumbnail(folder: Path, pair: RecordedPair) -> Thumbnail:
    if pair.record.rejected:
        return Thumbnail()
    try:
        paths = _picture_paths(pair)
        name = _key(pair, paths)
        if not strip_path(folder, name).is_file():
            _make(folder, name, _read_pictures(paths))
    except InputError as error:
        return Thumbnail(problem=str(error))
    return Thumbnail(name, {kind: path.name for kind, path in paths.items()})


def _picture_paths(pair: RecordedPair) -> dict[str, Path]:
    kinds = [*TRIPLET, *(["mask"] if "mask" in pair.record.files else [])]
    paths = {kind: pair.path(kind) for kind in kinds}
    for path in paths.values():
        if path.is_symlink() and path.resolve().parent != pair.folder.resolve():
            raise InputError(f"{path}: leads out of its folder; put the picture itself there")
        if path.name.encode(errors="replace").decode() != path.name:
            raise InputError(f"{path}: has a name that is no UTF-8; rename the photo")
    return paths


def _read_pictures(paths: Mapping[str, Path]) -> dict[str, Rgb]:
    pictures = {kind: read_photo(path) for kind, path in paths.items()}
    if len({picture.shape for picture in pictures.values()}) > 1:
        sizes = ", ".join(f"{kind} {p.shape[1]}x{p.shape[0]}" for kind, p in pictures.items())
        raise InputError(f"{paths['splats']}: found several sizes ({sizes}), need one size a pair")
    return pictures


def _key(pair: RecordedPair, paths: Mapping[str, Path]) -> str:
    files = {}
    for kind, path in paths.items():
        status = path.stat()
        files[kind] = [path.name, status.st_size, status.st_mtime_ns]
    return content_key(recipe=RECIPE, pair=pair.key, files=files)


def strip_path(folder: Path, name: str) -> Path:
    """Where the strip of five tiles lies."""
    return folder / f"{name}.jpg"


def difference_path(folder: Path, name: str) -> Path:
    """Where the large difference lies."""
    return folder / f"{name}_difference.jpg"


def _make(folder: Path, name: str, pictures: Mapping[str, Rgb]) -> None:
    """Write a pair's files, the strip last."""
    splats, target, mask = pictures["splats"], pictures["target"], pictures.get("mask")
    hole = None if mask is None else mask[..., 0] >= 128
    difference = difference_picture(splats, target, hole)
    if mask is None:
        mask = np.full_like(splats, HOLE_GRAY)
    tiles = [*(pictures[kind] for kind in TRIPLET), mask, difference]
    strip = np.concatenate([_shrunk(tile, TILE_BOX_WH) for tile in tiles], axis=1)
    large = _shrunk(difference, (LARGE_PX, LARGE_PX))
    for path, picture in ((difference_path, large), (strip_path, strip)):
        write_atomically(path(folder, name), picture_bytes(picture, "jpg", JPEG_QUALITY))


def difference_picture(splats: Rgb, target: Rgb, hole: NDArray[np.bool_] | None) -> Rgb:
    """Mean absolute difference of the three channels, in colours.

    Black is none, yellow `FULL_SCALE_LEVELS` of 255 and more (the inferno map).

    Args:
        splats: (h, w, 3).
        target: (h, w, 3).
        hole: (h, w), grey in the result; None where the holes are not known: they are compared
            like the rest.
    """
    weights = np.full((1, 3), 255 / FULL_SCALE_LEVELS / 3)
    gray = cv2.transform(cv2.absdiff(splats, target), weights)  # rounded, at most 255
    bgr = cv2.applyColorMap(gray, cv2.COLORMAP_INFERNO)
    colored = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    if hole is not None:
        cv2.copyTo(np.full_like(splats, HOLE_GRAY), hole.astype(np.uint8), colored)
    return colored.astype(np.uint8, copy=False)


def _shrunk(rgb: Rgb, box_wh: tuple[int, int]) -> Rgb:
    """The picture averaged down until it fits a box; never enlarged."""
    height, width = rgb.shape[:2]
    scale = min(1.0, box_wh[0] / width, box_wh[1] / height)
    size_wh = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(rgb, size_wh, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _remove_stale(folder: Path, names: Iterable[str | None]) -> None:
    """Remove our own files of pairs that are there no more; other files stay."""
    wanted = {
        path(folder, name) for name in names if name for path in (strip_path, difference_path)
    }
    for path in folder.iterdir():
        if _NAME.fullmatch(path.name) and path not in wanted:
            path.unlink(missing_ok=True)
