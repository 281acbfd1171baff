"""Errors of a network's kind for clean depth: drift of scale, blurred edges, noise; no files."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.geometry import Depth, DepthMap, FrameGeometry, SceneGeometry

REFERENCE_SIDE_PX = 518
"""Rasters of networks are so wide; blur and grain are given on these and grow with the raster."""


@dataclass(frozen=True)
class DepthErrors:
    """How wrong depth is made.

    Attributes:
        drift: Greatest ratio by which the scale differs from one side of the picture to the other.
            Single-photo networks drift by more, multi-view ones by less.
        blur_px: Standard deviation of the blur of depth edges, of a raster of `REFERENCE_SIDE_PX`.
        noise: Standard deviation of the ratio of smooth noise.
        grain_px: Size of that noise's grains: errors of networks are alike within their patches.
    """

    drift: float = 0.02
    blur_px: float = 1.0
    noise: float = 0.004
    grain_px: float = 14.0


def augmented(
    geometry: SceneGeometry, photo_key: Callable[[Path], str], errors: DepthErrors = DepthErrors()
) -> SceneGeometry:
    """The geometry with errors in every frame's depth, the same for the same photo.

    Args:
        geometry: The scene.
        photo_key: What identifies a photo, as the hash of its content.
        errors: How large they are.
    """

    def load(frame: FrameGeometry) -> DepthMap:
        return with_errors(frame.load_depth(), photo_key(frame.photo.path), errors)

    frames = tuple(replace(frame, load_depth=partial(load, frame)) for frame in geometry.frames)
    return replace(geometry, frames=frames)


def with_errors(depth_map: DepthMap, key: str, errors: DepthErrors) -> DepthMap:
    """A frame's depth with errors that hang on `key` alone; what is unknown stays so."""
    known = depth_map.depth > 0
    if not known.any():
        return depth_map
    scale = max(known.shape) / REFERENCE_SIDE_PX
    depth = blurred_edges(depth_map.depth, errors.blur_px * scale)
    cells_hw = [max(2, round(side / (errors.grain_px * scale))) for side in known.shape]
    drift = errors.drift / 2 * _spread(2 * _uniform(f"drift {key}", (2, 2)) - 1, known.shape)
    noise = errors.noise * _spread(_normal(f"noise {key}", cells_hw), known.shape)
    ratio = np.exp(drift + noise)
    return depth_map._replace(depth=np.where(known, depth * ratio, 0).astype(np.float32))


def _uniform(key: str, shape: Sequence[int]) -> NDArray[np.float64]:
    """Numbers from 0 to 1 that hang on `key` alone, whatever the version of numpy."""
    digest = hashlib.shake_256(key.encode()).digest(4 * math.prod(shape))
    return (np.frombuffer(digest, "<u4") + 0.5).reshape(shape) / 2.0**32


def _normal(key: str, shape: Sequence[int]) -> NDArray[np.float64]:
    """Normally distributed numbers that hang on `key` alone (Box and Muller)."""
    radius, turn = _uniform(key, (2, *shape))
    return np.sqrt(-2.0 * np.log(radius)) * np.cos(2.0 * np.pi * turn)


def _spread(coarse: NDArray[np.floating], shape_hw: tuple[int, ...]) -> NDArray[np.float32]:
    """Values on a coarse grid, smoothly over a raster."""
    size_wh = shape_hw[1], shape_hw[0]
    enlarged = cv2.resize(coarse.astype(np.float32), size_wh, interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged, np.float32)


def blurred_edges(depth: Depth, sigma_px: float) -> Depth:
    """Depth (h, w) blurred over known pixels alone, 0 = unknown."""
    if sigma_px <= 0:
        return depth
    weight = np.asarray(cv2.GaussianBlur((depth > 0).astype(np.float32), (0, 0), sigma_px))
    total = np.asarray(cv2.GaussianBlur(depth, (0, 0), sigma_px))
    known = depth > 0
    return np.where(known, total / np.where(known, weight, 1), 0).astype(np.float32)
