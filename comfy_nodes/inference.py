"""The node `VGGT Model Inference`: images -> splats, cameras, depth; sockets are unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
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
from ..warpset.core.points import PointCloud
from .computing import cancellable, until_cancelled
from .folders import in_output, new_output, shown_file
from .frames import (
    Frame,
    PointFilters,
    bands,
    gathered,
    kept_pixels,
    least_confidence,
    lifted,
    upsampled,
)
from .images import left_out_of, photos_in
from .network.models import ManagedNetwork, managed_network
from .network.prediction import predicted_frames
from .viewer import camera_info, file_3d
from .widgets import NO_MAX_DEPTH, InferenceWidgets

Rgb = NDArray[np.uint8]
Floats = NDArray[np.floating]
Paint = Callable[[Floats, Floats], Floats]
"""Depth and confidence (h, w) -> what is shown of them (h, w), in 0..1."""

POINTS_AT_ONCE = 1 << 19
"""Points that become splats between two looks for Cancel: 0.2 s."""


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
    least = cancellable(partial(least_confidence, frames, widgets.depth_conf_threshold))
    kept = kept_pixels(frames, _filters(widgets, least), sky, left_out, until_cancelled)
    cloud = gathered(until_cancelled(lifted(frames, kept)), sum(map(np.count_nonzero, kept)))
    geometry = _geometry(frames, frames if _have_one_size(frames) else predicted)
    seen_from = camera_info(
        frames[0].depth_map.camera, cancellable(partial(_median_depth, frames[0]))
    )
    path = new_output(widgets.filename_prefix, ".ply")
    splats = _splats(cloud, widgets.gaussian_scale_multiplier)
    write_ply_in_parts(until_cancelled(splats), len(cloud.xyz_world), path)
    return {
        "ui": {"3d": [shown_file(path)]},
        "result": (str(path), *geometry, cloud, file_3d(path), in_output(path), seen_from),
    }


def _sky(photos: Sequence[Rgb]) -> list[Rgb]:
    from .sky import sky_pictures  # needs libraries that all else does without

    return sky_pictures(photos)


def _filters(widgets: InferenceWidgets, least: float) -> PointFilters:
    return PointFilters(
        least_confidence=least,
        black_background=widgets.mask_black_bg,
        white_background=widgets.mask_white_bg,
        border_px=widgets.boundary_threshold,
        max_depth=None if widgets.max_depth == NO_MAX_DEPTH else widgets.max_depth,
    )


def splat_scale(multiplier: float) -> float:
    """Standard deviation in pixel footprints: the widget's default is that of `SplatShape`."""
    return SplatShape.scale_multiplier * multiplier / InferenceWidgets.gaussian_scale_multiplier


def _splats(cloud: PointCloud, multiplier: float) -> Iterator[Gaussians]:
    shape = SplatShape(scale_multiplier=splat_scale(multiplier))
    for start in range(0, len(cloud.xyz_world), POINTS_AT_ONCE):
        part = cloud.chosen(slice(start, start + POINTS_AT_ONCE))
        assert part.footprint is not None, "all points come from pixels"
        yield gaussians_from_points(
            part.xyz_world, part.rgb, part.footprint, part.confidence, shape=shape
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
    depth = _painted(maps, partial(_nearness, nearest), channels=3)
    confidence = _painted(maps, _trust, channels=1)[..., 0]
    first = cameras[0].cam_from_world[:3].tolist(), cameras[0].K.tolist()
    return (*first, cameras, depth, confidence)


def _nearest(frame: Frame) -> float:
    return float(frame.depth_map.depth[frame.known].min(initial=np.inf))


def _painted(maps: Sequence[Frame], paint: Paint, channels: int) -> Tensor:
    """Maps (B, H, W, channels) of frames of one size, a band of rows at a time."""
    height, width = maps[0].known.shape
    shown = torch.empty(len(maps), height, width, channels)
    for picture, frame in zip(shown, maps, strict=True):
        depth, confidence = frame.depth_map.depth, frame.confidence
        for rows in until_cancelled(bands(height)):
            painted = torch.from_numpy(paint(depth[rows], confidence[rows]))
            picture[rows] = painted[..., None]
    return shown


def _nearness(nearest: float, depth: Floats, _: Floats) -> Floats:
    return nearest / np.where(depth > 0, depth, np.inf)


def _trust(depth: Floats, confidence: Floats) -> Floats:
    return trust_from_confidence(confidence) * (depth > 0)


def _median_depth(frame: Frame) -> float:
    """Of what is known; 1 where nothing is."""
    known = frame.depth_map.depth[frame.known]
    return float(np.median(known)) if known.size else 1.0
