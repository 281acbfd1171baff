"""Classical stereo as an estimator of whole scenes; it knows no network and writes no pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from warpset.building.scenes import SceneInput
from warpset.core.geometry import DepthMap, PosedPhoto, SceneGeometry
from warpset.files.cache import ArrayCache, content_key
from warpset.files.geometry_cache import GeometryCache
from warpset.files.photos import sha256_of
from warpset.stereo.colmap_stereo import estimate_depths_with_colmap, require_cuda
from warpset.stereo.multi_view import StereoOptions, estimate_depths

from .device import chosen_device
from .given_cameras import camera_entries, needed_poses, placed_photos, recorded_poses
from .options import ComputeOptions
from .refining import MEASURED_ANEW, refined
from .refining import REVISION as REFINED_REVISION

STEREO = "stereo"
REVISIONS = {"sweep": "plane-sweep-planes-7", "colmap": "colmap-patch-match-1"}
"""What exactly estimates, by the name of the engine."""


class StereoEstimator:
    """Depth by plane sweep or COLMAP; cameras as recorded, else by structure from motion.

    Args:
        arrays: Where geometry is kept.
        options: Where and with which engine depth is estimated.

    Raises:
        InputError: The engine needs CUDA, and pycolmap was built without.
    """

    may_leave_out = True

    def __init__(self, arrays: ArrayCache, options: ComputeOptions):
        if options.engine == "colmap":
            require_cuda()
        self._arrays, self._quiet, self._cameras = arrays, options.quiet, options.cameras
        self._refines = options.refine_cameras
        self.takes_recorded_cameras = options.cameras != "sfm"
        self._options = StereoOptions(device=chosen_device(options.device))
        self.revision = REVISIONS[options.engine]
        self._estimate_depths = ENGINES[options.engine]

    def estimate(self, scene: SceneInput) -> SceneGeometry:
        """Geometry of the scene's photos; the scale is the recording's, else arbitrary.

        Raises:
            InputError: The photos cannot be placed, share no texture, or no cameras are recorded
                where these are asked for.
        """
        posed = self._recorded(scene)
        key, scale = self._key(scene, posed), "recorded" if posed else "arbitrary"
        fill = partial(self._fill, scene, posed, f"{scale} scale")
        geometry = self._geometry(key, scene.photos, fill)
        if self._refines:
            geometry = self._measured_anew(key, scene, geometry)
        if scene.recording is None or posed is None:
            return geometry
        return replace(geometry, world_offset=scene.recording.world_offset)

    def _geometry(
        self, key: str, photos: Sequence[Path], fill: Callable[[GeometryCache], None]
    ) -> SceneGeometry:
        """Kept geometry of photos, which is filled in where it is not kept yet."""
        cache = GeometryCache(self._arrays, key)
        cached = cache.load(photos)
        if cached is None:
            fill(cache)
            cached = cache.load(photos)
        assert cached is not None, "was filled just now"
        lines, said = cached.left_out, cached.cameras
        return SceneGeometry(cached.frames, STEREO, self.revision, cached.plan, lines, cameras=said)

    def _measured_anew(self, key: str, scene: SceneInput, first: SceneGeometry) -> SceneGeometry:
        """The geometry by cameras that its own depth refines."""
        photos = tuple(frame.photo.path for frame in first.frames)

        def fill(cache: GeometryCache) -> None:
            better = refined(first, self._arrays)
            posed = tuple(frame.photo for frame in better.frames)
            said = f"{better.cameras}, {MEASURED_ANEW}"
            self._fill(replace(scene, photos=photos), posed, first.plan, cache, said)

        again = self._geometry(content_key(before=key, refined=REFINED_REVISION), photos, fill)
        return replace(again, left_out=(*first.left_out, *again.left_out))

    def _recorded(self, scene: SceneInput) -> tuple[PosedPhoto, ...] | None:
        if self._cameras == "sfm":
            return None
        return needed_poses(scene) if self._cameras == "recorded" else recorded_poses(scene)

    def _key(self, scene: SceneInput, posed: Sequence[PosedPhoto] | None) -> str:
        return content_key(
            source=STEREO,
            revision=self.revision,
            options=asdict(self._options) | {"device": None},
            photos=[sha256_of(photo) for photo in scene.photos],
            cameras=camera_entries(posed or ()),
        )

    def _fill(
        self,
        scene: SceneInput,
        posed: Sequence[PosedPhoto] | None,
        plan: str,
        cache: GeometryCache,
        cameras: str = "",
    ) -> None:
        placed = placed_photos(scene, posed)
        left_out = dict(placed.left_out)

        def keep(position: int, depth_map: DepthMap) -> None:
            cache.put(placed.indices[position], placed.posed[position], depth_map)

        bar = partial(tqdm, desc=f"{scene.path.name} depth", unit="frame", disable=self._quiet)
        found = self._estimate_depths(placed.posed, placed.points, self._options, keep, bar)
        for position in found:
            left_out[placed.indices[position]] = (
                "shares too little texture with others to find depth"
            )
        cache.finish(len(scene.photos), plan, left_out, cameras)


ENGINES = {"sweep": estimate_depths, "colmap": estimate_depths_with_colmap}
