"""Recorded depth: one z-depth array out of a PNG, EXR, HDF5 or NumPy file; no cameras."""

from __future__ import annotations

import zipfile
from pathlib import Path

import cv2
import h5py
import numpy as np
import OpenEXR
from numpy.typing import NDArray

from ..core.errors import InputError

DEPTH_EXTENSIONS = (".h5", ".exr", ".npy", ".png", ".npz", ".tif", ".tiff")
"""What depth is looked for as, in this order, where a layout names no file."""

MILLIMETRE = 0.001
MAX_PIXELS = 2**28


def read_depth(path: Path, unit_scale: float | None = None) -> NDArray[np.float32]:
    """Read a depth file.

    Zero, negative, not finite and 65535 (in 16-bit files) mean unknown.

    Args:
        path: `.png` or `.tif` (integers), `.exr`, `.h5`, `.npy` or `.npz`.
        unit_scale: Scene units per stored unit; None takes integers as millimetres and
            floating-point numbers as they are.

    Returns:
        (h, w) float32 z-depth, 0 = unknown.

    Raises:
        InputError: The file is missing, cannot be read, or holds no single depth channel.
    """
    return _to_scene_units(read_stored_depth(path), unit_scale)


def read_stored_depth(path: Path) -> NDArray:
    """The one channel (h, w) of a depth file as it is stored, whatever its values mean.

    Raises:
        InputError: The file is missing, cannot be read, or holds no single depth channel.
    """
    try:
        stored = _READERS[path.suffix.lower()](path)
    except KeyError:
        known = " ".join(DEPTH_EXTENSIONS)
        raise InputError(f"{path}: unknown kind of depth file; need one of {known}") from None
    except FileNotFoundError:
        raise InputError(f"{path}: depth file is missing") from None
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path}: depth cannot be read ({reason})") from error
    if stored.ndim == 3 and 1 in (stored.shape[0], stored.shape[2]):
        stored = stored[..., 0] if stored.shape[2] == 1 else stored[0]
    if stored.ndim != 2 or stored.size > MAX_PIXELS:
        shape = "x".join(map(str, stored.shape))
        raise InputError(f"{path}: found an array of {shape}, need one channel of depth")
    return stored


def _to_scene_units(stored: NDArray, unit_scale: float | None) -> NDArray[np.float32]:
    holds_integers = np.issubdtype(stored.dtype, np.integer)
    if unit_scale is None:
        unit_scale = MILLIMETRE if holds_integers else 1.0
    depth = stored.astype(np.float32)
    unknown = ~np.isfinite(depth) | (depth <= 0)
    if stored.dtype == np.uint16:
        unknown |= stored == np.iinfo(np.uint16).max
    return np.where(unknown, np.float32(0), depth * np.float32(unit_scale))


def _read_image(path: Path) -> NDArray:
    encoded = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if encoded.size else None
    if image is None:
        raise ValueError("not an image")
    return image


def _read_exr(path: Path) -> NDArray:
    if not path.is_file():
        raise FileNotFoundError(path)
    with OpenEXR.File(str(path), separate_channels=True) as file:
        channels = file.channels()
        for name in ("Z", "Y", "depth", "R"):
            if name in channels:
                return channels[name].pixels
        raise ValueError(f"no channel Z, Y, depth or R among {sorted(channels)}")


def _read_hdf5(path: Path) -> NDArray:
    if not path.is_file():
        raise FileNotFoundError(path)
    with h5py.File(path, "r") as file:
        arrays = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
        dataset = _named_depth(arrays)
        if (dataset.size or 0) > MAX_PIXELS:
            raise ValueError(f"{dataset.size} values, more than any depth map")
        return dataset[()]


def _read_npy(path: Path) -> NDArray:
    return np.array(np.load(path, mmap_mode="r", allow_pickle=False))


def _read_npz(path: Path) -> NDArray:
    with zipfile.ZipFile(path) as archive:
        if max(entry.file_size for entry in archive.infolist()) > 8 * MAX_PIXELS:
            raise ValueError("larger than any depth map")
    with np.load(path, allow_pickle=False) as arrays:
        return _named_depth(arrays)


def _named_depth(arrays):
    if "depth" in arrays:
        return arrays["depth"]
    if len(arrays) == 1:
        return arrays[next(iter(arrays))]
    raise ValueError(f'no array "depth" among {sorted(arrays)}')


_READERS = {
    ".png": _read_image,
    ".tif": _read_image,
    ".tiff": _read_image,
    ".exr": _read_exr,
    ".h5": _read_hdf5,
    ".npy": _read_npy,
    ".npz": _read_npz,
}
