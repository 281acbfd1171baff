"""Dense depth by COLMAP's patch-match, where pycolmap was built with CUDA; no sweeping of its own.

Needs `pycolmap-cuda12` in place of `pycolmap`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pycolmap

from ..core.errors import InputError, Remedy
from ..core.geometry import DepthMap, PosedPhoto
from .multi_view import Progress, StereoOptions
from .sfm import image_name, triangulate_points
from .sparse import SparsePoints


def require_cuda() -> None:
    """Make sure that pycolmap can run its patch-match.

    Raises:
        InputError: It was built without CUDA.
    """
    if not pycolmap.has_cuda:
        raise InputError(
            "COLMAP's patch-match: found a pycolmap without CUDA, need pycolmap-cuda12 and an"
            " NVIDIA GPU",
            Remedy.STEREO_ENGINE,
        )


def estimate_depths_with_colmap(
    photos: Sequence[PosedPhoto],
    points: SparsePoints,
    options: StereoOptions,
    on_depth: Callable[[int, DepthMap], None],
    progress: Progress = iter,
) -> tuple[int, ...]:
    """Estimate the depth of every photo; what COLMAP's geometric filter keeps is fully trusted.

    Args:
        photos: Posed photos of one scene.
        points: Not used: COLMAP chooses sources and ranges by its own points.
        options: How; the longest side is taken from here, the number of sources is COLMAP's.
        on_depth: Called once for each photo with its index and depth.
        progress: Not used: COLMAP matches all photos in one call.

    Returns:
        Indices of photos without depth.

    Raises:
        InputError: A photo cannot be read.
    """
    with TemporaryDirectory() as folder:
        triangulate_points(photos, Path(folder))
        return patch_match(dict(enumerate(photos)), Path(folder), options, on_depth)


def patch_match(
    photos: Mapping[int, PosedPhoto],
    workspace: Path,
    options: StereoOptions,
    on_depth: Callable[[int, DepthMap], None],
) -> tuple[int, ...]:
    """Estimate the depth of photos that a COLMAP model was made of.

    Args:
        photos: Posed photos by their index in `image_name`.
        workspace: Holds the model and, in `images/`, its images.
        options: See `estimate_depths_with_colmap`.
        on_depth: See `estimate_depths_with_colmap`.

    Returns:
        Indices of photos without depth.
    """
    dense = workspace / "dense"
    # nothing is bent any more, but patch-match reads only what this step writes
    pycolmap.undistort_images(dense, workspace, workspace / "images")
    pycolmap.patch_match_stereo(dense, options=_patch_match_options(options))
    without_depth = []
    for index, photo in photos.items():
        # geometric: what other views confirm; the photometric maps beside it are not checked
        path = dense / "stereo" / "depth_maps" / f"{image_name(index, index)}.geometric.bin"
        if path.is_file():
            on_depth(index, _read_depth_map(path, photo))
        else:
            without_depth.append(index)
    return tuple(without_depth)


def _patch_match_options(options: StereoOptions) -> pycolmap.PatchMatchOptions:
    chosen = pycolmap.PatchMatchOptions()
    chosen.max_image_size = options.max_side_px
    return chosen


def _read_depth_map(path: Path, photo: PosedPhoto) -> DepthMap:
    stored = pycolmap.DepthMap()
    stored.read(path)
    depth = np.maximum(stored.to_array(), np.float32(0))  # unknown is 0 there, or below
    camera = photo.camera.resized((depth.shape[1], depth.shape[0]))
    return DepthMap(depth, None, camera)
