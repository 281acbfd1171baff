"""Point clouds as binary PLY files, through plyfile; no cameras, no views."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from plyfile import PlyData, PlyElement

from ..core.errors import InputError
from ..core.points import PointCloud

POSITION = ("x", "y", "z")
COLOR = ("red", "green", "blue")
CONFIDENCE = "confidence"


def ply_bytes(cloud: PointCloud) -> bytes:
    """A little-endian binary PLY: x y z red green blue, and confidence where the cloud has it."""
    fields = [(name, "<f4") for name in POSITION] + [(name, "u1") for name in COLOR]
    if cloud.confidence is not None:
        fields.append((CONFIDENCE, "<f4"))
    vertices = np.empty(len(cloud.xyz_world), fields)
    for axis, name in enumerate(POSITION):
        vertices[name] = cloud.xyz_world[:, axis]
    for channel, name in enumerate(COLOR):
        vertices[name] = cloud.rgb[:, channel]
    if cloud.confidence is not None:
        vertices[CONFIDENCE] = cloud.confidence
    file = io.BytesIO()
    PlyData([PlyElement.describe(vertices, "vertex")], byte_order="<").write(file)
    return file.getvalue()


def read_ply(path: Path) -> PointCloud:
    """Read a point cloud.

    Raises:
        InputError: No PLY file, or one without positions or colours.
    """
    try:
        vertices = PlyData.read(path)["vertex"]
        xyz = np.stack([vertices[name] for name in POSITION], axis=-1)
        rgb = np.stack([vertices[name] for name in COLOR], axis=-1)
        names = vertices.data.dtype.names or ()
        confidence = vertices[CONFIDENCE].astype(np.float32) if CONFIDENCE in names else None
        return PointCloud(xyz.astype(np.float32), rgb.astype(np.uint8), confidence)
    except Exception as error:  # what damaged headers make of plyfile and numpy is of any kind
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path}: no PLY with {' '.join(POSITION + COLOR)} ({reason})") from error


def check_points(cloud: PointCloud, path: Path) -> None:
    """Make sure that a cloud read from a file can be shown.

    Raises:
        InputError: It has no points, or some that are not finite.
    """
    if len(cloud.xyz_world) == 0:
        raise InputError(f"{path}: found no points, need at least one; export it again")
    broken = np.count_nonzero(~np.isfinite(cloud.xyz_world).all(axis=1))
    if broken:
        raise InputError(
            f"{path}: found {broken} points at infinity or nowhere, need finite float32 "
            "positions; remove them first, for instance in CloudCompare"
        )
