"""One warp: a reference frame's points rendered into a target's view; no files are written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.cameras import Camera, project
from ..core.covisibility import share_seen
from ..core.drawing import Drawable, draw, drawable
from ..core.errors import InputError
from ..core.geometry import DepthMap, SceneGeometry, resample_depth
from ..core.masks import Mask, mask_picture, not_sky, sky_picture, wholly_kept
from ..core.points import FramePoints, PointCloud, joined, lift, splat_size
from ..core.protocols import MakeRenderer, Renderer
from ..core.sizes import fit_camera
from ..files.photos import read_photo, resample_photo
from ..files.pinhole_photos import look_through
from ..fleet.stages import LRUCache
from .depth.filters import kept_colors, kept_pixels, pixels_shown, with_gaps_filled
from .options import BuildOptions
from .outputs import FURTHER_REFERENCES
from .pairs.fusing import Comparison, Reference, fused
from .pairs.one_photo import Displacement, crop_of, out_and_back
from .pairs.plan import WarpPair
from .pairs.renderers import RendererPool
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
        others: Further references, whose points are rendered with the reference's.
    """

    target: Rgb
    reference: Rgb
    points: FramePoints
    drawable: Drawable
    cameras: dict[str, Camera]
    target_kept: Mask | None = None
    displacement: Displacement | None = None
    covisibility: float | None = None
    others: tuple[Reference, ...] = ()


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
        keep &= pixels_shown(depth_map.camera, camera)
        for mask in (self._not_sky(index, depth_map.camera), self.kept(index, depth_map.camera)):
            if mask is not None:
                keep &= mask
        cloud = lift(depth_map, rgb, keep)
        size = splat_size(depth_map.depth[keep], depth_map.camera)
        return FramePoints(cloud, size, depth_map.contradicted)

    def _not_sky(self, index: int, camera: Camera) -> Mask | None:
        """Which pixels of the frame's camera on a raster show no sky; None where it is kept."""
        if self._sky_scores is None:
            return None
        photo, (height, width) = self._frames[index].photo, self._photo(index).shape[:2]
        sky = sky_picture(self._sky_scores(photo.path), (width, height))
        return not_sky(look_through(photo, camera, sky))


class Warper:
    """Warps frames of one scene into each other.

    Several threads may make pairs at once.

    Args:
        geometry: The scene's frames.
        options: What the pairs shall look like.
        make_renderer: Where renderers come from.
        sky_scores: See `ResampledFrames`.
        threads: How many pairs are made at once.
        renders_at_once: How many of them are rendered at once.
    """

    def __init__(
        self,
        geometry: SceneGeometry,
        options: BuildOptions,
        make_renderer: MakeRenderer,
        sky_scores: Callable[[Path], Rgb] | None = None,
        threads: int = 1,
        renders_at_once: int = 1,
    ):
        self._frames = geometry.frames
        keep = options.references + threads
        self._resampled = ResampledFrames(geometry, options, sky_scores, keep)
        self._options = options
        sigma_px = fade_px(options.sigma_px, options.hole_fill)
        self._renderers = RendererPool(make_renderer, sigma_px, renders_at_once)

    @property
    def cameras(self) -> list[Camera]:
        """The frames' cameras on their photos' rasters."""
        return [frame.photo.camera for frame in self._frames]

    def size_of(self, *frames: int) -> tuple[int, int]:
        """Output size (width, height) of a pair of some frames."""
        mixed = range(len(self._frames)) if self._options.upsample_depth else frames
        sizes = [self._frames[index].photo.camera.size_wh for index in mixed]
        return self._options.size_rule.common_size(sizes)

    def warp(self, reference: int, target: int) -> Warp:
        """Render the points of one frame into the view of another.

        Raises:
            InputError: A photo or the reference's depth cannot be read.
        """
        return self.render(self.prepare(reference, target))

    def prepare(self, reference: int, target: int, others: Sequence[int] = ()) -> PreparedPair:
        """Decode all photos and lift the references' depth.

        Raises:
            InputError: A photo or a reference's depth cannot be read.
        """
        frames, size_wh = self._resampled, self.size_of(reference, target, *others)
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
            others=tuple(self._reference(other, size_wh) for other in others),
        )

    def _reference(self, index: int, size_wh: tuple[int, int]) -> Reference:
        frames = self._resampled
        points, picture = frames.points(index, size_wh), frames.picture(index, size_wh)
        return Reference(picture, points, frames.camera(index, size_wh))

    def prepare_pair(self, pair: WarpPair) -> PreparedPair:
        """`prepare` for a pair of two photos or of one.

        Raises:
            InputError: A photo or the depth cannot be read.
        """
        if pair.hole_share is None:
            return self.prepare(pair.reference, pair.target, pair.others)
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
        with self._renderers.renderer(pair.cameras["target"].size_wh) as renderer:
            return self._fused(pair, renderer) if pair.others else self._alone(pair, renderer)

    def _alone(self, pair: PreparedPair, renderer: Renderer) -> Warp:
        """The points of one reference in the target's view."""
        camera, cloud, cameras = pair.cameras["target"], pair.points.cloud, pair.cameras
        has_confidence = cloud.confidence is not None
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

    def _fused(self, pair: PreparedPair, renderer: Renderer) -> Warp:
        """The points of all references in the target's view."""
        cameras, options = pair.cameras, self._options
        first = Reference(pair.reference, pair.points, cameras["reference"])
        found = fused(
            (first, *pair.others),
            cameras["target"],
            renderer,
            options.auto_s0,
            Comparison(pair.target, pair.target_kept) if options.match_exposure else None,
        )
        further = dict(zip(FURTHER_REFERENCES, pair.others, strict=False))
        cloud = joined([one.points.cloud for one in found.references])
        shares = [one.points.contradicted for one in found.references]
        return Warp(
            splats=found.view.rgb,
            target=pair.target,
            reference=pair.reference,
            hole=found.view.hole,
            depth=found.view.depth,
            confidence=found.view.confidence if cloud.confidence is not None else None,
            cloud=cloud,
            cameras=cameras | {role: one.camera for role, one in further.items()},
            target_kept=pair.target_kept,
            contradicted=max((share for share in shares if share is not None), default=None),
            covisibility=pair.covisibility,
            others=tuple(one.picture for one in found.references[1:]),
            alone=found.first,
        )

    def cloud(self, index: int) -> PointCloud:
        """The points of one frame, as its pair with a neighbour shows them.

        Raises:
            InputError: The photo or its depth cannot be read.
        """
        neighbour = index + 1 if index + 1 < len(self._frames) else index - 1
        return self._resampled.points(index, self.size_of(index, neighbour)).cloud


def _displacement(
    hole_share: float, cloud: PointCloud, camera: Camera, kept: Mask | None, key: str
) -> Displacement:
    """The way out and back about what lies at the median depth."""
    _, depth = project(camera, cloud.xyz_world)
    pivot_depth = float(np.median(depth)) if depth.size else 1.0
    counted = np.ones(camera.shape_hw, bool) if kept is None else kept
    return Displacement(hole_share, pivot_depth, key, counted)
