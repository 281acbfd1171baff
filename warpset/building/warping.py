"""One warp: a reference frame's points rendered into a target's view; no files are written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.cameras import Camera, project, raster_transform
from ..core.covisibility import share_seen
from ..core.drawing import Drawable, draw, drawable
from ..core.errors import InputError
from ..core.geometry import DepthMap, SceneGeometry, fill_unknown, resample_depth
from ..core.masks import (
    Mask,
    mask_picture,
    not_black,
    not_flying,
    not_sky,
    not_white,
    sky_picture,
    wholly_kept,
)
from ..core.points import PointCloud, lift, splat_size
from ..core.protocols import MakeRenderer, Renderer
from ..core.sizes import fit_camera
from ..files.photos import read_photo, resample_photo
from ..files.pinhole_photos import look_through
from ..fleet.stages import LRUCache
from .options import BuildOptions, PointFilter
from .pairs.one_photo import Displacement, crop_of, out_and_back
from .pairs.plan import WarpPair
from .pairs.warp import Warp, fade_px

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PreparedPair:
    """What is needed to render a pair, all on one raster.

    Attributes:
        target: (h, w, 3) uint8.
        reference: (h, w, 3) uint8.
        points: The reference's.
        drawable: The same, as the renderer takes them.
        cameras: Cameras of target and reference.
        target_kept: See `Warp`.
        displacement: The way out and back where the points are the target's own; else None.
        covisibility: See `Warp`.
    """

    target: Rgb
    reference: Rgb
    points: FramePoints
    drawable: Drawable
    cameras: dict[str, Camera]
    target_kept: Mask | None = None
    displacement: Displacement | None = None
    covisibility: float | None = None


class FramePoints(NamedTuple):
    """What one frame shows on a raster, as points.

    Attributes:
        cloud: The points.
        splat_size: Splat size that they ask for, in world units.
        contradicted: See `DepthMap`.
    """

    cloud: PointCloud
    splat_size: float
    contradicted: float | None


class ResampledFrames:
    """The frames of a scene on output rasters, holding no more than the few at hand.

    Several threads may ask at once.

    Args:
        geometry: The scene.
        options: Which pixels become points, and whether depth is brought to the raster.
        sky_scores: Sky scores of a photo, see `sky.SkySegmenter`; None keeps the sky.
        keep: How many frames are held; a pair takes two.
    """

    def __init__(
        self,
        geometry: SceneGeometry,
        options: BuildOptions,
        sky_scores: Callable[[Path], Rgb] | None = None,
        keep: int = 2,
    ):
        self._frames, self._options = geometry.frames, options.settled(geometry.source)
        self._sky_scores = sky_scores
        self._photo = LRUCache(self._compute_photo, keep)
        self._depth = LRUCache(self._compute_depth, keep)
        self._view = LRUCache(self._compute_view, keep)
        self._points = LRUCache(self._compute_points, keep)

    def camera(self, index: int, size_wh: tuple[int, int]) -> Camera:
        """The frame's camera on a raster."""
        return fit_camera(self._frames[index].photo.camera, size_wh)

    def picture(self, index: int, size_wh: tuple[int, int]) -> Rgb:
        """The frame's photo (h, w, 3) on a raster.

        Raises:
            InputError: The photo cannot be read.
        """
        return self._view((index, size_wh))

    def points(self, index: int, size_wh: tuple[int, int]) -> FramePoints:
        """The points of what the frame shows on a raster.

        Raises:
            InputError: The photo or its depth cannot be read.
        """
        return self._points((index, size_wh))

    def kept(self, index: int, camera: Camera) -> Mask | None:
        """Which pixels of the frame's camera on a raster its mask keeps; None for all.

        Raises:
            InputError: The photo or its mask cannot be read.
        """
        frame = self._frames[index]
        if frame.load_kept is None:
            return None
        height, width = self._photo(index).shape[:2]
        picture = mask_picture(frame.load_kept(), (width, height))
        return wholly_kept(look_through(frame.photo, camera, picture))

    def covisibility(self, reference: int, target: int) -> float | None:
        """Share of one frame's surface that another sees; None where its depth cannot be read.

        Raises:
            InputError: The reference's depth cannot be read.
        """
        depth_map = self._depth(reference)
        try:
            return share_seen(depth_map, self._depth(target))
        except InputError:
            return None  # the pair needs the reference's only; those that need this one say it

    def _compute_depth(self, index: int) -> DepthMap:
        return self._frames[index].load_depth()

    def _compute_photo(self, index: int) -> Rgb:
        return read_photo(self._frames[index].photo.path)

    def _compute_view(self, key: tuple[int, tuple[int, int]]) -> Rgb:
        index, size_wh = key
        photo = self._frames[index].photo
        return look_through(photo, self.camera(index, size_wh), self._photo(index))

    def _compute_points(self, key: tuple[int, tuple[int, int]]) -> FramePoints:
        index, size_wh = key
        frame, camera = self._frames[index], self.camera(index, size_wh)
        depth_map = self._depth(index)
        finer = depth_map.camera.K[0, 0] > camera.K[0, 0]
        alone = bool(self._options.hole_shares)
        if finer or self._options.upsample_depth or alone:
            depth_map = resample_depth(depth_map, camera)
        if np.array_equal(depth_map.camera.K, camera.K):
            rgb = self._view(key)
        else:
            rgb = look_through(frame.photo, depth_map.camera, self._photo(index))
        if alone:
            depth_map = with_gaps_filled(depth_map, self._options.point_filter)
            keep = (depth_map.depth > 0) & kept_colors(rgb, self._options.point_filter)
        else:
            keep = kept_pixels(depth_map, rgb, self._options.point_filter)
        keep &= _shown(depth_map.camera, camera)
        if self._sky_scores is not None:
            taken_hw = self._photo(index).shape[:2]
            sky = sky_picture(self._sky_scores(frame.photo.path), (taken_hw[1], taken_hw[0]))
            keep &= not_sky(look_through(frame.photo, depth_map.camera, sky))
        if (kept := self.kept(index, depth_map.camera)) is not None:
            keep &= kept
        cloud = lift(depth_map, rgb, keep)
        size = splat_size(depth_map.depth[keep], depth_map.camera)
        return FramePoints(cloud, size, depth_map.contradicted)


class Warper:
    """Warps frames of one scene into each other.

    Several threads may prepare pairs at once; one renders.

    Args:
        geometry: The scene's frames.
        options: What the pairs shall look like.
        make_renderer: Where renderers come from.
        sky_scores: See `ResampledFrames`.
        ahead: How many pairs are prepared at once or before they are rendered.
    """

    def __init__(
        self,
        geometry: SceneGeometry,
        options: BuildOptions,
        make_renderer: MakeRenderer,
        sky_scores: Callable[[Path], Rgb] | None = None,
        ahead: int = 0,
    ):
        self._frames = geometry.frames
        self._resampled = ResampledFrames(geometry, options, sky_scores, keep=2 + ahead)
        self._options = options
        self._make_renderer = make_renderer
        self._renderer = LRUCache(self._compute_renderer, keep=1)

    @property
    def cameras(self) -> list[Camera]:
        """The frames' cameras on their photos' rasters."""
        return [frame.photo.camera for frame in self._frames]

    def size_of(self, reference: int, target: int) -> tuple[int, int]:
        """Output size (width, height) of a pair."""
        mixed = range(len(self._frames)) if self._options.upsample_depth else (reference, target)
        sizes = [self._frames[index].photo.camera.size_wh for index in mixed]
        return self._options.size_rule.common_size(sizes)

    def warp(self, reference: int, target: int) -> Warp:
        """Render the points of one frame into the view of another.

        Raises:
            InputError: A photo or the reference's depth cannot be read.
        """
        return self.render(self.prepare(reference, target))

    def prepare(self, reference: int, target: int) -> PreparedPair:
        """Decode both photos and lift the reference's depth.

        Raises:
            InputError: A photo or the reference's depth cannot be read.
        """
        frames, size_wh = self._resampled, self.size_of(reference, target)
        points = frames.points(reference, size_wh)
        return PreparedPair(
            target=frames.picture(target, size_wh),
            reference=frames.picture(reference, size_wh),
            points=points,
            drawable=drawable(points.cloud),
            cameras={
                "target": frames.camera(target, size_wh),
                "reference": frames.camera(reference, size_wh),
            },
            target_kept=frames.kept(target, frames.camera(target, size_wh)),
            covisibility=frames.covisibility(reference, target),
        )

    def prepare_pair(self, pair: WarpPair) -> PreparedPair:
        """`prepare` for a pair of two photos or of one.

        Raises:
            InputError: A photo or the depth cannot be read.
        """
        if pair.hole_share is None:
            return self.prepare(pair.reference, pair.target)
        frames, size_wh = self._resampled, self.size_of(pair.target, pair.target)
        camera, target = frames.camera(pair.target, size_wh), frames.picture(pair.target, size_wh)
        points, kept = frames.points(pair.target, size_wh), frames.kept(pair.target, camera)
        key = f"{hashlib.sha256(target.tobytes()).hexdigest()} {pair.hole_share:g}"
        if pair.reference == pair.target:
            reference = resample_photo(target, crop_of(size_wh, key), size_wh)
        else:
            reference = frames.picture(pair.reference, size_wh)
        return PreparedPair(
            target=target,
            reference=reference,
            points=points,
            drawable=drawable(points.cloud),
            cameras={"target": camera, "reference": frames.camera(pair.reference, size_wh)},
            target_kept=kept,
            displacement=_displacement(pair.hole_share, points.cloud, camera, kept, key),
        )

    def render(self, pair: PreparedPair) -> Warp:
        """Render a prepared pair."""
        camera, cloud, cameras = pair.cameras["target"], pair.points.cloud, pair.cameras
        has_confidence = cloud.confidence is not None
        renderer = self._renderer(camera.size_wh)
        if self._options.auto_s0:
            renderer.s0 = pair.points.splat_size
        if pair.displacement is None:
            rendered = draw(renderer, pair.drawable, camera)
        else:
            auto_s0 = self._options.auto_s0
            found = out_and_back(pair.drawable, camera, pair.displacement, renderer, auto_s0)
            rendered, cloud = found.view, found.cloud
            cameras = {**cameras, "displaced": found.displaced}
        return Warp(
            splats=rendered.rgb,
            target=pair.target,
            reference=pair.reference,
            hole=np.asarray(rendered.hole, bool),
            depth=rendered.depth,
            confidence=rendered.confidence if has_confidence else None,
            cloud=cloud,
            cameras=cameras,
            target_kept=pair.target_kept,
            contradicted=pair.points.contradicted,
            covisibility=pair.covisibility,
        )

    def cloud(self, index: int) -> PointCloud:
        """The points of one frame, as its pair with a neighbour shows them.

        Raises:
            InputError: The photo or its depth cannot be read.
        """
        neighbour = index + 1 if index + 1 < len(self._frames) else index - 1
        return self._resampled.points(index, self.size_of(index, neighbour)).cloud

    def _compute_renderer(self, size_wh: tuple[int, int]) -> Renderer:
        sigma_px = fade_px(self._options.sigma_px, self._options.hole_fill)
        return self._make_renderer(size_wh, sigma_px)


def _displacement(
    hole_share: float, cloud: PointCloud, camera: Camera, kept: Mask | None, key: str
) -> Displacement:
    """The way out and back about what lies at the median depth."""
    _, depth = project(camera, cloud.xyz_world)
    pivot_depth = float(np.median(depth)) if depth.size else 1.0
    counted = np.ones(camera.shape_hw, bool) if kept is None else kept
    return Displacement(hole_share, pivot_depth, key, counted)


def kept_pixels(depth_map: DepthMap, rgb: Rgb, point_filter: PointFilter) -> Mask:
    """Which pixels (h, w) of a frame become points."""
    return trusted_pixels(depth_map, point_filter) & kept_colors(rgb, point_filter)


def with_gaps_filled(depth_map: DepthMap, point_filter: PointFilter) -> DepthMap:
    """The depth map with what is unknown or not trusted taken from around it, its confidence 0."""
    trusted = trusted_pixels(depth_map, point_filter)
    confidence = depth_map.confidence
    return depth_map._replace(
        depth=fill_unknown(np.where(trusted, depth_map.depth, np.float32(0))),
        confidence=None if confidence is None else np.where(trusted, confidence, np.float32(0)),
    )


def kept_colors(rgb: Rgb, point_filter: PointFilter) -> Mask:
    """Which pixels (h, w) the filters of colours keep."""
    keep = np.ones(rgb.shape[:2], bool)
    if point_filter.black_background:
        keep &= not_black(rgb)
    if point_filter.white_background:
        keep &= not_white(rgb)
    return keep


def trusted_pixels(depth_map: DepthMap, point_filter: PointFilter) -> Mask:
    """Whose depth (h, w) is known and passes the filters of confidence and of edges."""
    keep = depth_map.depth > 0
    if depth_map.confidence is not None:
        keep &= point_filter.confidence.passed(depth_map.confidence, keep)
    assert point_filter.edge_threshold != "auto", "is settled where the depth's source is known"
    if point_filter.edge_threshold is not None:
        keep &= not_flying(depth_map.depth, point_filter.edge_threshold)
    return keep


def _shown(raster: Camera, view: Camera) -> Mask:
    """Which pixels of a raster lie in the part of the photo that a view shows."""
    to_view = raster_transform(raster, view)
    x = to_view[0, 0] * (np.arange(raster.size_wh[0]) + 0.5) + to_view[0, 2]
    y = to_view[1, 1] * (np.arange(raster.size_wh[1]) + 0.5) + to_view[1, 2]
    inside_x, inside_y = (x >= 0) & (x <= view.size_wh[0]), (y >= 0) & (y <= view.size_wh[1])
    return inside_y[:, None] & inside_x
