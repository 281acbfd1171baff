"""Dense metric depth of registered views, by plane sweep or COLMAP's patch-match; no layouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pycolmap
import torch

from warpset.core.geometry import Depth, DepthMap, PosedPhoto, resample_depth
from warpset.stereo.colmap_stereo import patch_match, require_cuda
from warpset.stereo.fusing import FILLED_CONFIDENCE
from warpset.stereo.multi_view import StereoOptions, estimate_depths
from warpset.stereo.sfm import sparse_points

from .registration import Registration

AUTO, SWEEP, COLMAP = "auto", "sweep", "colmap"

OnDepth = Callable[[PosedPhoto, Depth], None]


def choose_engine(asked: str) -> str:
    """The engine that estimates depth: COLMAP's where pycolmap was built with CUDA.

    Raises:
        InputError: COLMAP's was asked for without CUDA.
    """
    if asked == COLMAP:
        require_cuda()
    return (COLMAP if pycolmap.has_cuda else SWEEP) if asked == AUTO else asked


def estimate_metric_depths(
    registration: Registration,
    workspace: Path,
    engine: str,
    depth_side: int,
    on_depth: OnDepth,
) -> None:
    """Estimate the depth of every registered view, on the raster of its picture.

    Only what other views confirm is kept; nothing is filled. Views that share too little with
    others get a depth map of zeros.

    Args:
        registration: The views and their points.
        workspace: Where they were registered.
        engine: `sweep` or `colmap`.
        depth_side: The pictures that are compared have no longer side in pixels.
        on_depth: Called once for each view with its depth in metres, 0 = unknown; not in order.

    Raises:
        InputError: No view shares enough points with another.
    """

    def keep(photo: PosedPhoto, depth_map: DepthMap) -> None:
        measured = depth_map.depth
        if depth_map.confidence is not None:
            measured = np.where(depth_map.confidence > FILLED_CONFIDENCE, measured, np.float32(0))
        whole = resample_depth(depth_map._replace(depth=measured, confidence=None), photo.camera)
        on_depth(photo, whole.depth)

    posed = registration.posed
    device = "cuda" if torch.cuda.is_available() else "cpu"
    options = StereoOptions(device, depth_side)
    if engine == COLMAP:
        registration.model.write_binary(workspace)
        without = patch_match(posed, workspace, options, lambda n, found: keep(posed[n], found))
        photos = posed
    else:
        photos = list(posed.values())
        order = {index: position for position, index in enumerate(posed)}
        points = sparse_points(registration.model, order)
        without = estimate_depths(photos, points, options, lambda n, found: keep(photos[n], found))
    for index in without:
        on_depth(photos[index], np.zeros(photos[index].camera.shape_hw, np.float32))
