"""Shares of a picture or of its points: covered, in view, in the largest hole; no files."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..cameras import Camera

BLOCK_POINTS = 1 << 14
"""So many points are projected at once: they fit a core's cache."""


def share_in_view(xyz_world: NDArray[np.float32], camera: Camera) -> float:
    """Share of points (n, 3) that project into the camera's raster, 0 for no points."""
    if len(xyz_world) == 0:
        return 0.0
    width, height = camera.size_wh
    # homogeneous positions in half rasters from the middle: nothing is divided, a point lies in
    # view where x and y are between -z and z, and what lies behind the camera never does
    to_middle = np.array([[2 / width, 0, -1], [0, 2 / height, -1], [0, 0, 1]]) @ camera.K
    from_world = (to_middle @ camera.cam_from_world[:3, :3]).astype(np.float32)
    center = np.tile(camera.center_world.astype(np.float32), BLOCK_POINTS)
    count, coordinates = 0, xyz_world.reshape(-1)  # numpy is slow at loops over three
    for start in range(0, len(coordinates), len(center)):
        block = coordinates[start : start + len(center)]
        x, y, z = from_world @ (block - center[: len(block)]).reshape(-1, 3).T
        with np.errstate(invalid="ignore"):
            count += np.count_nonzero(np.maximum(np.abs(x), np.abs(y)) < z)
    return count / len(xyz_world)


def share_of(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    """Share of the pixels of one mask that another, which lies in it, takes up; 0 of none."""
    total = np.count_nonzero(whole)
    return np.count_nonzero(part) / total if total else 0.0


def largest_share(mask: NDArray[np.bool_], counted: NDArray[np.bool_]) -> float:
    """Share of the counted pixels that the largest connected part of a mask (h, w) takes up."""
    total = np.count_nonzero(counted)
    if not total:
        return 0.0
    wanted = mask & counted
    _, labels = cv2.connectedComponents(wanted.view(np.uint8), connectivity=8)
    areas = np.bincount(labels[wanted])
    return int(areas.max()) / total if len(areas) else 0.0
