"""Predicted frames -> points: rasters, filters, colours; networks and nodes are unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ..warpset.core.cameras import Camera
from ..warpset.core.errors import InputError
from ..warpset.core.geometry import ROWS_AT_ONCE, DepthMap, resample_depth
from ..warpset.core.masks import WHOLLY_KEPT, Mask, not_black, not_sky, not_white
from ..warpset.core.points import PointCloud, lift
from ..warpset.core.sizes import photo_box
from ..warpset.files.photos import resample_photo

Rgb = NDArray[np.uint8]
Box = tuple[int, int, int, int]
_Step = tuple[str, Iterable[Mask]]
"""A filter's name, and what it keeps of each frame."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A photo and its geometry on some raster.

    Attributes:
        photo: (H, W, 3) the photo as it came.
        photo_camera: The camera on the photo's raster.
        depth_map: Depth, confidence and camera on this frame's raster.
        rgb: (h, w, 3) the photo on this frame's raster.
        box: Left, top, right, bottom of the pixels of this raster that the network saw of the
            photo.
    """

    photo: Rgb
    photo_camera: Camera
    depth_map: DepthMap
    rgb: Rgb
    box: Box

    @property
    def known(self) -> Mask:
        """(h, w) where depth is known."""
        return self.depth_map.depth > 0

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(h, w) 1 and more, in the network's units."""
        confidence = self.depth_map.confidence
        return np.ones_like(self.depth_map.depth) if confidence is None else confidence


def frame_of(photo: Rgb, photo_camera: Camera, depth_map: DepthMap) -> Frame:
    """The frame on the network's raster.

    Args:
        photo: (H, W, 3) the photo as it came.
        photo_camera: Its camera on the photo's raster.
        depth_map: What the network answered, unknown where it saw padding.
    """
    rgb = _on_raster(photo, photo_camera, depth_map.camera)
    return Frame(photo, photo_camera, depth_map, rgb, shared_box(depth_map.camera, photo_camera))


def _on_raster(picture: Rgb, photo_camera: Camera, raster: Camera) -> Rgb:
    """A picture of the photo's size on another raster of its camera, black where that is larger."""
    left, top, right, bottom = shared_box(raster, photo_camera)
    size_wh = (right - left, bottom - top)
    part = raster.on_raster(size_wh, np.array([[1.0, 0, -left], [0, 1.0, -top], [0, 0, 1.0]]))
    shown = np.zeros((*raster.shape_hw, 3), np.uint8)
    shown[top:bottom, left:right] = resample_photo(picture, photo_box(photo_camera, part), size_wh)
    return shown


def upsampled(frame: Frame, through: Callable[[Iterable[int]], Iterable[int]] = iter) -> Frame:
    """The frame on its photo's raster.

    Args:
        frame: On any raster.
        through: See `resample_depth`.
    """
    return Frame(
        frame.photo,
        frame.photo_camera,
        resample_depth(frame.depth_map, frame.photo_camera, through),
        frame.photo,
        shared_box(frame.photo_camera, frame.depth_map.camera),
    )


def shared_box(raster: Camera, other: Camera) -> Box:
    """Left, top, right, bottom of the whole pixels of a raster that lie inside another.

    Args:
        raster: A camera on its raster.
        other: The same camera on another raster.
    """
    width, height = raster.size_wh
    left, top, right, bottom = photo_box(raster, other)
    return (
        max(0, int(np.ceil(left))),
        max(0, int(np.ceil(top))),
        min(width, int(np.floor(right))),
        min(height, int(np.floor(bottom))),
    )


@dataclass(frozen=True)
class PointFilters:
    """Which pixels become points, as the node's widgets say it.

    Attributes:
        least_confidence: Pixels below it are dropped, see `least_confidence`.
        black_background: Drop pixels whose R + G + B is below 16.
        white_background: Drop pixels whose R, G and B are all above 240.
        border_px: Pixels to drop at the borders of what the network saw.
        max_depth: Largest z-depth in world units, or None for no bound.
    """

    least_confidence: float
    black_background: bool = False
    white_background: bool = False
    border_px: int = 0
    max_depth: float | None = None


def least_confidence(frames: Sequence[Frame], percentile: float) -> float:
    """The percentile of the confidence of the known pixels of all frames."""
    known = np.concatenate([frame.confidence[frame.known] for frame in frames])
    return float(np.percentile(known, percentile)) if known.size else 0.0


def kept_pixels(
    frames: Sequence[Frame],
    filters: PointFilters,
    sky: Sequence[Rgb] | None = None,
    left_out: Sequence[Rgb] | None = None,
    through: Callable[[Iterable[Mask]], Iterable[Mask]] = iter,
) -> list[Mask]:
    """Which pixels (h, w) of each frame become points.

    Args:
        frames: All frames.
        filters: What to drop.
        sky: Sky pictures of the frames' photos, see `masks.sky_picture`; None keeps the sky.
        left_out: Pictures of the photos' size, black where these are left out; None for nowhere.
        through: Passes on what a filter keeps of each frame; what it raises ends the work.

    Raises:
        InputError: None does; the text names the filter that dropped the last.
    """
    kept = [np.ones_like(frame.known) for frame in frames]
    steps = chain(_steps(frames, filters, sky), _mask_step(frames, left_out))
    for name, masks in steps:
        kept = [one & other for one, other in zip(kept, through(masks), strict=True)]
        if not any(mask.any() for mask in kept):
            raise InputError(f"{name}: found no points left after it, need at least one; loosen it")
    return kept


def _steps(
    frames: Sequence[Frame], filters: PointFilters, sky: Sequence[Rgb] | None
) -> Iterator[_Step]:
    """What is known, then the filters that are on by their widgets' names, and what they keep."""
    yield "depth", (frame.known for frame in frames)
    yield "boundary_threshold", (_inside(frame, filters.border_px) for frame in frames)
    if filters.max_depth is not None:
        yield "max_depth", (frame.depth_map.depth <= filters.max_depth for frame in frames)
    if filters.black_background:
        yield "mask_black_bg", (not_black(frame.rgb) for frame in frames)
    if filters.white_background:
        yield "mask_white_bg", (not_white(frame.rgb) for frame in frames)
    if sky is not None:
        shown = (
            _on_raster(picture, frame.photo_camera, frame.depth_map.camera)
            for picture, frame in zip(sky, frames, strict=True)
        )
        yield "mask_sky", (not_sky(picture) for picture in shown)
    least = filters.least_confidence
    yield "depth_conf_threshold", (frame.confidence >= least for frame in frames)


def _mask_step(frames: Sequence[Frame], left_out: Sequence[Rgb] | None) -> Iterator[_Step]:
    if left_out is not None:
        shown = (
            _on_raster(picture, frame.photo_camera, frame.depth_map.camera)
            for picture, frame in zip(left_out, frames, strict=True)
        )
        yield "masks", (picture[..., 0] >= WHOLLY_KEPT for picture in shown)


def _inside(frame: Frame, border_px: int) -> Mask:
    left, top, right, bottom = frame.box
    inside = np.zeros(frame.known.shape, bool)
    rows = slice(top + border_px, max(0, bottom - border_px))
    inside[rows, left + border_px : max(0, right - border_px)] = True
    return inside


def lifted(frames: Iterable[Frame], kept: Sequence[Mask]) -> Iterator[PointCloud]:
    """Clouds of the kept pixels of all frames, in order, a band of `ROWS_AT_ONCE` at a time."""
    for frame, mask in zip(frames, kept, strict=True):
        for rows in bands(len(mask)):
            yield _lifted_band(frame, mask, rows)


def bands(height: int) -> list[slice]:
    """Rows of a raster, `ROWS_AT_ONCE` at a time."""
    tops = range(0, height, ROWS_AT_ONCE)
    return [slice(top, min(top + ROWS_AT_ONCE, height)) for top in tops]


def gathered(parts: Iterable[PointCloud], count: int) -> PointCloud:
    """The points of several clouds, each copied as it comes; all know of their points the same.

    Args:
        parts: At least one.
        count: How many points they have together.
    """
    whole, start = None, 0
    for part in parts:
        whole = whole or _room_for(count, part)
        rows = slice(start, start + len(part.xyz_world))
        for there, values in zip(whole, part, strict=True):
            if there is not None and values is not None:
                there[rows] = values
        start = rows.stop
    assert whole is not None and start == count, "other points than said"
    return whole


def _room_for(count: int, like: PointCloud) -> PointCloud:
    room = {
        name: np.empty((count, *values.shape[1:]), values.dtype)
        for name, values in like._asdict().items()
        if values is not None
    }
    return like._replace(**room)


def _lifted_band(frame: Frame, kept: Mask, band: slice) -> PointCloud:
    """The points of some rows; the rows above and below say how the surface goes on."""
    top, bottom = band.start, band.stop
    rows = slice(max(0, top - 1), bottom + 1)
    depth_map, mask = frame.depth_map, kept[rows]
    depth = depth_map.depth[rows]
    to_band = np.array([[1.0, 0, 0], [0, 1.0, -rows.start], [0, 0, 1.0]])
    camera = depth_map.camera.on_raster((depth.shape[1], depth.shape[0]), to_band)
    confidence = None if depth_map.confidence is None else depth_map.confidence[rows]
    cloud = lift(DepthMap(depth, confidence, camera), frame.rgb[rows], mask)
    above, below = mask[: top - rows.start].sum(), mask[bottom - rows.start :].sum()
    return cloud.chosen(slice(above, len(cloud.xyz_world) - below))
