"""Pictures and maps of a pair as bytes of a file format; no folders, no records."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

JPEG_QUALITY = 95


def picture_bytes(
    rgb: NDArray[np.uint8], picture_format: str, quality: int = JPEG_QUALITY
) -> bytes:
    """(h, w, 3) or (h, w) uint8 as JPEG of the given quality, or as PNG."""
    file = io.BytesIO()
    if picture_format == "png":
        Image.fromarray(rgb).save(file, "PNG")
    else:
        Image.fromarray(rgb).save(file, "JPEG", quality=quality, optimize=True)
    return file.getvalue()


def mask_bytes(hole: NDArray[np.bool_]) -> bytes:
    """A hole mask as PNG: 255 = hole, 0 = seen."""
    return picture_bytes(np.where(hole, np.uint8(255), np.uint8(0)), "png")


def confidence_bytes(confidence: NDArray[np.float32] | None, hole: NDArray[np.bool_]) -> bytes:
    """Confidence c >= 1 as PNG of 255 (1 - 1/c), 0 in holes; full trust (None) is 255."""
    if confidence is None:
        gray = np.full(hole.shape, 255, np.uint8)
    else:
        gray = np.rint(255 * (1 - 1 / np.maximum(confidence, 1))).astype(np.uint8)
    return picture_bytes(np.where(hole, np.uint8(0), gray), "png")


def depth_bytes(depth: NDArray[np.float32]) -> bytes:
    """z-depth (h, w) as EXR with one float32 channel Y, 0 = unknown."""
    import OpenEXR  # pictures do without

    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "depth.exr"
        OpenEXR.File(header, {"Y": np.ascontiguousarray(depth)}).write(str(path))
        return path.read_bytes()
