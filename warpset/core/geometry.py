"""A scene's geometry: per frame a camera, a depth map, a confidence; who estimated it is unknown.

One camera can be looked through on several rasters: the photo's, the depth map's, the output's.
Their Ks say how these rasters lie on each other, so no crop or scale is stored besides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from .cameras import Camera, pixel_centers, raster_transform
from .lens import Lens
from .masks import Mask

Depth = NDArray[np.float32]

SAME_SURFACE_RATIO = 1.04
"""Neighbouring samples whose depths differ by no more than this factor are one surface."""

ROWS_AT_ONCE = 256
"""Rows that are resampled together: 0.15 s and 100 MB where a raster is 6000 pixels wide."""


class DepthMap(NamedTuple):
    """Depth on a raster of its own.

    Attributes:
        depth: (h, w) float32 z-depth in scene units, 0 = unknown.
        confidence: (h, w) float32 in the estimator's units, or None for fully trusted.
        camera: The frame's camera on the depth map's raster.
        contradicted: Share of the depth that other views contradicted and that is dropped; None
            where nobody asked.
    """

    depth: Depth
    confidence: Depth | None
    camera: Camera
    contradicted: float | None = None


@dataclass(frozen=True, eq=False)
class PosedPhoto:
    """A photo whose camera is known.

    Attributes:
        path: The photo.
        camera: Its pinhole camera on the photo's raster, free of lens distortion.
        lens: What takes pixels of the pinhole camera to the photo as taken; None for a pinhole.
    """

    path: Path
    camera: Camera
    lens: Lens | None = None


@dataclass(frozen=True, eq=False)
class FrameGeometry:
    """A posed photo and how to get its depth.

    Attributes:
        photo: The photo and its camera.
        load_depth: Reads the depth; called when needed, so a long scene stays small in memory.
        load_kept: Reads which pixels (h, w) of the upright photo, as taken, its mask keeps; None
            where nothing is masked.
    """

    photo: PosedPhoto
    load_depth: Callable[[], DepthMap]
    load_kept: Callable[[], Mask] | None = None

    @property
    def name(self) -> str:
        """File name of the photo."""
        return self.photo.path.name


@dataclass(frozen=True, eq=False)
class SceneGeometry:
    """The frames of one scene, in the photos' natural order.

    Attributes:
        frames: Frames whose photo, camera and depth exist.
        source: Who made it, as users ask for it: `recorded`, or the name of an estimator.
        revision: What exactly made it (model and revision, or the file's name).
        plan: How the work was divided where that changes the result; empty where it does not.
        left_out: A line for each photo that no geometry was found for.
        licence: What it may be used for, where the estimator's weights say; else empty.
        world_offset: (3,) what was taken off recorded positions, see `recording.near_origin`.
        cameras: Where cameras come from if not from the source itself, how depth was brought to
            agree with them, and what was done to them afterwards; else empty.
    """

    frames: tuple[FrameGeometry, ...]
    source: str
    revision: str
    plan: str = ""
    left_out: tuple[str, ...] = ()
    licence: str = ""
    world_offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    cameras: str = ""

    @property
    def provenance(self) -> dict[str, str]:
        """What a record says of it besides its source and revision."""
        said = {"licence": self.licence, "cameras": self.cameras}
        provenance = {"plan": self.plan} | {name: value for name, value in said.items() if value}
        if any(self.world_offset):
            provenance["world_offset"] = " ".join(f"{value:.0f}" for value in self.world_offset)
        return provenance


def resample_depth(
    depth_map: DepthMap,
    camera: Camera,
    through: Callable[[Iterable[int]], Iterable[int]] = iter,
) -> DepthMap:
    """The depth map on another raster of its camera, never blending across a depth edge.

    Enlarging interpolates inverse depth, which is linear on planes, where the four neighbours
    lie on one surface, and takes the nearest sample elsewhere, so that no point floats between
    two surfaces. Shrinking takes the nearest sample. Outside the map depth is unknown.

    Args:
        depth_map: What to resample.
        camera: The same camera with the wanted raster.
        through: Passes on the first rows of the bands of `ROWS_AT_ONCE`, as they are resampled;
            what it raises between them ends the work.
    """
    to_source = raster_transform(camera, depth_map.camera)
    columns, rows = pixel_centers(camera.size_wh)
    x = to_source[0, 0] * columns + to_source[0, 2]
    y = to_source[1, 1] * rows + to_source[1, 2]
    enlarges = min(to_source[0, 0], to_source[1, 1]) < 1.0
    tops = range(0, len(y), ROWS_AT_ONCE)
    bands = [_sampled(depth_map, x, y[top : top + ROWS_AT_ONCE], enlarges) for top in through(tops)]
    depth, confidence = zip(*bands, strict=True)
    whole = None if depth_map.confidence is None else np.concatenate(confidence)
    return DepthMap(np.concatenate(depth), whole, camera, depth_map.contradicted)


def _sampled(
    depth_map: DepthMap, x: NDArray[np.floating], y: NDArray[np.floating], enlarges: bool
) -> tuple[Depth, Depth | None]:
    """Depth and confidence at the crossings of columns x and rows y, positions on the map."""
    height, width = depth_map.depth.shape
    nearest = np.ix_(_clipped_floor(y, depth_map.depth, 0), _clipped_floor(x, depth_map.depth, 1))
    depth = depth_map.depth[nearest]
    confidence = None if depth_map.confidence is None else depth_map.confidence[nearest]
    if enlarges:
        smooth, on_one_surface = _interpolated_depth(depth_map.depth, x, y)
        depth = np.where(on_one_surface, smooth, depth)
    inside = ((y >= 0) & (y < height))[:, None] & ((x >= 0) & (x < width))
    return np.where(inside, depth, np.float32(0)), confidence


def fill_unknown(depth: Depth) -> Depth:
    """Depth (h, w) with what is unknown (0) taken from around it, smoothly; all 0 stays so.

    Inverse depth is averaged over ever larger squares until one has some, and brought back down
    bilinearly (pull and push; Gortler et al. 1996, "The lumigraph").
    """
    known = depth > 0
    if not known.any():
        return depth
    inverse = np.divide(1.0, depth, out=np.zeros_like(depth), where=known)
    return np.where(known, depth, 1.0 / _filled(inverse, known)).astype(np.float32)


def _filled(values: Depth, known: Mask) -> Depth:
    if known.all():
        return values
    height, width = values.shape
    even = ((0, height % 2), (0, width % 2))
    total, count = (np.pad(part, even) for part in (np.where(known, values, 0.0), 1.0 * known))
    total, count = (_summed_by_two(part) for part in (total, count))
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    coarse = _filled(mean.astype(np.float32), count > 0)
    enlarged = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(known, values, np.asarray(enlarged, np.float32))


def _summed_by_two(values: NDArray[np.floating]) -> NDArray[np.floating]:
    height, width = values.shape
    return values.reshape(height // 2, 2, width // 2, 2).sum(axis=(1, 3))


def _clipped_floor(positions: NDArray[np.floating], depth: Depth, axis: int) -> NDArray[np.intp]:
    return np.floor(positions).astype(np.intp).clip(0, depth.shape[axis] - 1)


def _interpolated_depth(
    depth: Depth, x: NDArray[np.floating], y: NDArray[np.floating]
) -> tuple[Depth, NDArray[np.bool_]]:
    """Bilinear inverse depth on a grid, and where its four neighbours are one known surface."""
    left, top = np.floor(x - 0.5), np.floor(y - 0.5)
    weight_x, weight_y = (x - 0.5 - left), (y - 0.5 - top)[:, None]
    total = np.zeros((len(y), len(x)))
    nearest, farthest = np.full(total.shape, np.inf), np.zeros(total.shape)
    for row, row_weight in ((top, 1 - weight_y), (top + 1, weight_y)):
        for column, column_weight in ((left, 1 - weight_x), (left + 1, weight_x)):
            corner = depth[np.ix_(_clipped_floor(row, depth, 0), _clipped_floor(column, depth, 1))]
            with np.errstate(divide="ignore", invalid="ignore"):
                total += row_weight * column_weight / corner
            nearest, farthest = np.minimum(nearest, corner), np.maximum(farthest, corner)
    on_one_surface = (nearest > 0) & (farthest < SAME_SURFACE_RATIO * nearest)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (1.0 / total).astype(np.float32), on_one_surface
