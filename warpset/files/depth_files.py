"""Recorded depth: one z-depth array out of a PNG, EXR, HDF5, NumPy or COLMAP file; no cameras.

What a file says of its size is compared with a bound, and where the format is plain with the
file's own size, before anything of that size is allocated.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from .image_files import open_image
from .json_files import open_regular

DEPTH_EXTENSIONS = (".h5", ".exr", ".npy", ".png", ".npz", ".tif", ".tiff")
"""What depth is looked for as, in this order, where a layout names no file."""

MILLIMETRE = 0.001

# Pixels of the largest depth map, as many as photos may have. On the way to float32 a pixel takes
# up to 20 bytes, so that any file stays below 4 GB.
MAX_PIXELS = 2 * 89_478_485

LARGEST_VALUE_BYTES = 8

# Scene units from which depth is no surface: Blender writes 1e10 where nothing was hit. Below lie
# distances in millimetres up to a thousand kilometres.
FAR_PLANE = 1e9

# The largest number of a HALF channel, which renderers write for the sky.
HALF_MAXIMUM = 65504.0


def read_depth(path: Path, unit_scale: float | None = None) -> NDArray[np.float32]:
    """Read a depth file.

    Zero, negative, not finite, at or above the far plane (1e9; 65504 in floating-point files) and
    65535 (in 16-bit files) mean unknown.

    Args:
        path: `.png` or `.tif` (integers), `.exr`, `.h5`, `.npy` or `.npz`.
        unit_scale: Scene units per stored unit; None takes integers as millimetres and
            floating-point numbers as they are.

    Returns:
        (h, w) float32 z-depth, 0 = unknown.

    Raises:
        InputError: The file is missing, cannot be read, or holds no single depth channel.
    """
    return to_scene_units(read_stored_depth(path), unit_scale)


def read_stored_depth(path: Path) -> NDArray:
    """The one channel (h, w) of a depth file as it is stored, whatever its values mean.

    Raises:
        InputError: The file is missing, cannot be read, or holds no single depth channel.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = " ".join(DEPTH_EXTENSIONS)
        raise InputError(f"{path}: unknown kind of depth file; need one of {known}")
    try:
        open_regular(path).close()
        stored = reader(path)
    except FileNotFoundError:
        raise InputError(f"{path}: depth file is missing") from None
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: depth cannot be read ({reason})") from error
    if stored.ndim == 3 and 1 in (stored.shape[0], stored.shape[2]):
        stored = stored[..., 0] if stored.shape[2] == 1 else stored[0]
    if stored.ndim != 2 or stored.size > MAX_PIXELS or stored.dtype.kind not in "fiu":
        shape = "x".join(map(str, stored.shape))
        raise InputError(f"{path}: found {stored.dtype} of {shape}, need one channel of depth")
    return stored


def read_levels(path: Path) -> NDArray:
    """A gray 8-bit picture (h, w) of levels, such as confidence or a mask.

    Raises:
        InputError: The file is missing, or no such picture.
    """
    try:
        levels = _read_image(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except Exception as error:
        raise InputError(f"{path}: cannot be read as a picture ({error})") from error
    if levels.ndim != 2 or levels.dtype != np.uint8:
        raise InputError(f"{path}: found {levels.dtype} of {levels.shape}, need 8-bit gray")
    return levels


def to_scene_units(stored: NDArray, unit_scale: float | None) -> NDArray[np.float32]:
    """Depth (h, w) float32 in scene units, 0 = unknown, see `read_depth`."""
    holds_integers = np.issubdtype(stored.dtype, np.integer)
    if unit_scale is None:
        unit_scale = MILLIMETRE if holds_integers else 1.0
    depth = stored.astype(np.float32)
    unknown = ~np.isfinite(depth)
    unknown |= (depth <= 0) | (depth >= FAR_PLANE)
    if stored.dtype == np.uint16:
        unknown |= stored == np.iinfo(np.uint16).max
    elif not holds_integers:
        unknown |= depth == HALF_MAXIMUM
    depth *= np.float32(unit_scale)
    depth[unknown] = 0
    return depth


def _read_image(path: Path) -> NDArray:
    with open_image(path) as image:
        _check_count(image.width * image.height)
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise ValueError("not an image")
    return image


def _read_depth_image(path: Path) -> NDArray:
    image = _read_image(path)
    if image.ndim == 2 and image.dtype == np.uint8:
        raise ValueError("8 bits, a preview; need 16 bits, or floating-point numbers")
    return image


def _check_count(count: int) -> None:
    if count > MAX_PIXELS:
        raise ValueError(f"{count} values, more than any depth map")


def _read_exr(path: Path) -> NDArray:
    import OpenEXR  # no photo needs it

    with OpenEXR.File(str(path), header_only=True) as file:
        (left, top), (right, bottom) = file.header()["dataWindow"]
        _check_count((int(right) - int(left) + 1) * (int(bottom) - int(top) + 1))
    with OpenEXR.File(str(path), separate_channels=True) as file:
        channels = file.channels()
        return channels[_depth_channel(channels)].pixels


def _depth_channel(names: Iterable[str]) -> str:
    """The channel that holds depth: plain names, then Blender's `<layer>.Depth.Z`.

    Raises:
        ValueError: There is none, or more than one.
    """
    by_lower_case = {name.lower(): name for name in names}
    for plain in ("z", "y", "depth", "v", "r"):
        if plain in by_lower_case:
            return by_lower_case[plain]
    found = [
        name
        for lower, name in sorted(by_lower_case.items())
        if lower.split(".")[-2:] in (["depth", "z"], ["depth", "v"], ["depth", "y"])
    ]
    if len(found) != 1:
        ask = "several channels of depth" if found else "no channel Z, Y, V, depth or R"
        raise ValueError(f"{ask} among {sorted(by_lower_case.values())[:12]}")
    return found[0]


def _read_colmap(path: Path) -> NDArray:
    """COLMAP's dense maps: `width&height&channels&`, then float32 values, row by row.

    `colmap/scripts/python/read_write_dense.py` documents them.
    """
    _check_count(path.stat().st_size // LARGEST_VALUE_BYTES)
    content = path.read_bytes()
    match = re.match(rb"(\d{1,9})&(\d{1,9})&(\d{1,9})&", content[:32])
    if match is None:
        raise ValueError("no COLMAP map")
    width, height, channels = (int(number) for number in match.groups())
    if channels != 1 or len(content) - match.end() != 4 * width * height:
        raise ValueError(
            f"it announces {width}x{height}x{channels} values, but has "
            f"{len(content) - match.end()} bytes of them"
        )
    return np.frombuffer(content, "<f4", offset=match.end()).reshape(height, width)


def _read_hdf5(path: Path) -> NDArray:
    import h5py  # no photo needs it

    with h5py.File(path, "r") as file:
        arrays = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
        dataset = _named_depth(arrays)
        _check_count(max(dataset.size or 0, dataset.nbytes // LARGEST_VALUE_BYTES))
        return dataset[()]


def _read_npy(path: Path) -> NDArray:
    stored = np.load(path, mmap_mode="r", allow_pickle=False)
    _check_count(max(stored.size, stored.nbytes // LARGEST_VALUE_BYTES))
    return np.array(stored)


def _read_npz(path: Path) -> NDArray:
    with zipfile.ZipFile(path) as archive:
        _check_count(max(entry.file_size for entry in archive.infolist()) // LARGEST_VALUE_BYTES)
    with np.load(path, allow_pickle=False) as arrays:
        return _named_depth(arrays)


def _named_depth(arrays):
    if "depth" in arrays:
        return arrays["depth"]
    if len(arrays) == 1:
        return arrays[next(iter(arrays))]
    raise ValueError(f'no array "depth" among {sorted(arrays)}')


_READERS = {
    ".png": _read_depth_image,
    ".tif": _read_depth_image,
    ".tiff": _read_depth_image,
    ".exr": _read_exr,
    ".bin": _read_colmap,
    ".h5": _read_hdf5,
    ".npy": _read_npy,
    ".npz": _read_npz,
}
