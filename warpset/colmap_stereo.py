"""Dense depth by COLMAP's patch-match, where pycolmap was built with CUDA; no sweeping of its own.

Needs `pycolmap-cuda12` in place of `pycolmap`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pycolmap

from .cameras import Camera
from .errors import InputError
from .geometry import DepthMap, PosedPhoto
from .sfm import image_name, triangulate_points


def estimate_depths_with_colmap(
    photos: Sequence[PosedPhoto], workspace: Path, on_depth: Callable[[int, DepthMap], None]
) -> None:
    """Estimate the depth of every photo; what COLMAP's geometric filter keeps is fully trusted.

    Args:
        photos: Posed photos of one scene.
        workspace: An empty folder for copies, the database and depth maps.
        on_depth: Called once for each photo with its index and depth.

    Raises:
        InputError: pycolmap was built without CUDA, or a photo cannot be read.
    """
    if not pycolmap.has_cuda:
        raise InputError(
            "--stereo-engine colmap: pycolmap was built without CUDA, need pycolmap-cuda12 and an"
            " NVIDIA GPU; install it or use --stereo-engine sweep"
        )
    triangulate_points(photos, workspace)
    dense = workspace / "dense"
    pycolmap.undistort_images(dense, workspace, workspace / "images")
    pycolmap.patch_match_stereo(dense)
    for index, photo in enumerate(photos):
        name = image_name(index, index)
        on_depth(index, _read_depth_map(dense / f"stereo/depth_maps/{name}.geometric.bin", photo))


def _read_depth_map(path: Path, photo: PosedPhoto) -> DepthMap:
    stored = pycolmap.DepthMap()
    stored.read(path)
    depth = np.maximum(stored.to_array(), np.float32(0))
    camera: Camera = photo.camera.resized((depth.shape[1], depth.shape[0]))
    return DepthMap(depth, None, camera)
