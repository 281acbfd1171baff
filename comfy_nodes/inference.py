"""The node `VGGT Model Inference`: images -> splats, cameras, depth; sockets are unknown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..splats import (
    Gaussians,
    SplatShape,
    gaussians_from_points,
    trust_from_confidence,
    write_ply_in_parts,
)
from ..warpset.core.errors import InputError
from ..warpset.core.points import PointCloud, joined
from .computing import until_cancelled
from .folders import in_output, new_output, shown_file
from .frames import Frame, PointFilters, kept_pixels, lifted, upsampled
from .images import gray_image_of, left_out_of, mask_of, photos_in
from .network.models import ManagedNetwork, managed_network
from .network.prediction import predicted_frames
from .viewer import camera_info, file_3d
from .widgets import NO_MAX_DEPTH, InferenceWidgets

Rgb = NDArray[np.uint8]


def infer(
    images: Sequence[Tensor],
    widgets: InferenceWidgets,
    model: ManagedNetwork | None = None,
    masks: Tensor | None = None,
) -> dict[str, Any]:
    """Predict, filter, and write the splats into ComfyUI's output folder.

    Args:
        images: IMAGE tensors (B, H, W, C) in order; every picture of a batch counts.
        widgets: The node's widgets.
        model: The network; None reads the one that the widgets name.
        masks: MASK (B, H, W), a mask an image, 1 where it has no points; None for all of it.

    Returns:
        The outputs under `result`, in the order of the node's sockets.

    Raises:
        InputError: No image, no point left, no such device, no weights, or masks of other images.
        SplatError: The file cannot be written.
    """
    photos = photos_in(images)
    if not photos:
        raise InputError("VGGT Model Inference: found no image, need one; connect image_1")
    left_out = None if masks is None else left_out_of(photos, masks)
    model = model or managed_network(widgets.weights, widgets.device)
    predicted = predicted_frames(photos, widgets.preprocess_mode, model)
    frames = predicted
    if widgets.upsample_depth:
        frames = [upsampled(frame, until_cancelled) for frame in predicted]
    sky = _sky(photos) if widgets.mask_sky else None
    kept = kept_pixels(frames, _filters(widgets), sky, left_out, until_cancelled)
    bands = list(until_cancelled(lifted(frames, kept)))
    cloud = joined(bands)
    geometry = _geometry(frames, frames if _have_one_size(frames) else predicted)
    path = new_output(widgets.filename_prefix, ".ply")
    splats = (_splats(band, widgets.gaussian_scale_multiplier) for band in until_cancelled(bands))
    write_ply_in_parts(splats, len(cloud.xyz_world), path)
    return {
        "ui": {"3d": [shown_file(path)]},
        "result": (str(path), *geometry, cloud, *_viewables(path, frames[0])),
    }


def _sky(photos: Sequence[Rgb]) -> list[Rgb]:
    from .sky import sky_pictures  # needs libraries that all else does without

    return sky_pictures(photos)


def _filters(widgets: InferenceWidgets) -> PointFilters:
    return PointFilters(
        confidence_percentile=widgets.depth_conf_threshold,
        black_background=widgets.mask_black_bg,
        white_background=widgets.mask_white_bg,
        border_px=widgets.boundary_threshold,
        max_depth=None if widgets.max_depth == NO_MAX_DEPTH else widgets.max_depth,
    )


def splat_scale(multiplier: float) -> float:
    """Standard deviation in pixel footprints: the widget's default is that of `SplatShape`."""
    return SplatShape.scale_multiplier * multiplier / InferenceWidgets.gaussian_scale_multiplier


def _splats(cloud: PointCloud, multiplier: float) -> Gaussians:
    shape = SplatShape(scale_multiplier=splat_scale(multiplier))
    assert cloud.footprint is not None, "all points come from pixels"
    return gaussians_from_points(
        cloud.xyz_world, cloud.rgb, cloud.footprint, cloud.confidence, shape=shape
    )


def _have_one_size(frames: Sequence[Frame]) -> bool:
    return len({frame.known.shape for frame in frames}) == 1


def _geometry(frames: Sequence[Frame], maps: Sequence[Frame]) -> tuple[Any, ...]:
    """The outputs extrinsics, intrinsics, cameras, depth, confidence.

    Args:
        frames: On the raster of the points, which the cameras are of.
        maps: On one raster, which the pictures are of.
    """
    cameras = [frame.depth_map.camera for frame in frames]
    nearest = min(_nearest(frame) for frame in until_cancelled(maps))
    nearness = [_nearness(frame, nearest) for frame in until_cancelled(maps)]
    trust = [_trust(frame) for frame in until_cancelled(maps)]
    first = cameras[0].cam_from_world[:3].tolist(), cameras[0].K.tolist()
    return (*first, cameras, gray_image_of(nearness), mask_of(trust))


def _nearest(frame: Frame) -> float:
    return float(frame.depth_map.depth[frame.known].min(initial=np.inf))


def _nearness(frame: Frame, nearest: float) -> NDArray[np.floating]:
    return nearest / np.where(frame.known, frame.depth_map.depth, np.inf)


def _trust(frame: Frame) -> NDArray[np.floating]:
    return trust_from_confidence(frame.confidence) * frame.known


def _viewables(path: Path, first: Frame) -> tuple[Any, ...]:
    """The outputs splats, model_file, camera_info."""
    middle = float(np.median(first.depth_map.depth[first.known])) if first.known.any() else 1.0
    return file_3d(path), in_output(path), camera_info(first.depth_map.camera, middle)
