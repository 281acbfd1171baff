"""Classical stereo as an estimator of whole scenes; it knows no network and writes no pairs."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
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
from warpset.stereo.sfm import register_photos, triangulate_points
from warpset.stereo.sparse import SparsePoints

from .device import chosen_device
from .options import ComputeOptions

log = logging.getLogger(__name__)

STEREO = "stereo"
REVISIONS = {"sweep": "plane-sweep-3", "colmap": "colmap-patch-match-1"}
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
    takes_recorded_cameras = True

    def __init__(self, arrays: ArrayCache, options: ComputeOptions):
        if options.engine == "colmap":
            require_cuda()
        self._arrays, self._quiet = arrays, options.quiet
        self._options = StereoOptions(device=chosen_device(options.device))
        self.revision = REVISIONS[options.engine]
        self._estimate_depths = ENGINES[options.engine]

    def estimate(self, scene: SceneInput) -> SceneGeometry:
        """Geometry of the scene's photos; the scale is the recording's, else arbitrary.

        Raises:
            InputError: The photos cannot be placed, or share no texture.
        """
        posed = recorded_poses(scene)
        cache = GeometryCache(self._arrays, self._key(scene, posed))
        cached = cache.load(scene.photos)
        if cached is None:
            self._fill(cache, scene, posed)
            cached = cache.load(scene.photos)
        assert cached is not None, "was filled just now"
        geometry = SceneGeometry(cached.frames, STEREO, self.revision, cached.plan, cached.left_out)
        if scene.recording is None:
            return geometry
        return replace(geometry, world_offset=scene.recording.world_offset)

    def _key(self, scene: SceneInput, posed: Sequence[PosedPhoto] | None) -> str:
        return content_key(
            source=STEREO,
            revision=self.revision,
            options=asdict(self._options) | {"device": None},
            photos=[sha256_of(photo) for photo in scene.photos],
            cameras=[
                [
                    photo.camera.K.tolist(),
                    photo.camera.cam_from_world.tolist(),
                    photo.camera.size_wh,
                    asdict(photo.lens) if photo.lens else None,
                ]
                for photo in posed or ()
            ],
        )

    def _fill(
        self, cache: GeometryCache, scene: SceneInput, posed: Sequence[PosedPhoto] | None
    ) -> None:
        left_out, name = {}, scene.path.name
        task = "finding points" if posed else "finding points and cameras"
        log.info(f"{name}: {task} in {len(scene.photos)} photos")
        with tempfile.TemporaryDirectory() as workspace:
            posed, points = _placed(scene.photos, posed, Path(workspace))
        index_of = {path: index for index, path in enumerate(scene.photos)}
        indices = [index_of[photo.path] for photo in posed]
        for index in set(range(len(scene.photos))) - set(indices):
            left_out[index] = "structure from motion could not place it"

        def keep(position: int, depth_map: DepthMap) -> None:
            cache.put(indices[position], posed[position], depth_map)

        bar = partial(tqdm, desc=f"{name} depth", unit="frame", disable=self._quiet)
        for position in self._estimate_depths(posed, points, self._options, keep, bar):
            left_out[indices[position]] = "shares too little texture with others to find depth"
        scale = "recorded" if scene.recording else "arbitrary"
        cache.finish(len(scene.photos), f"{scale} scale", left_out)


ENGINES = {"sweep": estimate_depths, "colmap": estimate_depths_with_colmap}


def recorded_poses(scene: SceneInput) -> tuple[PosedPhoto, ...] | None:
    """The scene's photos with their recorded cameras; None where none are recorded."""
    if scene.recording is None:
        return None
    return tuple(frame.photo for frame in scene.recorded_frames())


def _placed(
    photos: Sequence[Path], posed: Sequence[PosedPhoto] | None, workspace: Path
) -> tuple[Sequence[PosedPhoto], SparsePoints]:
    if posed is not None:
        return posed, triangulate_points(posed, workspace)
    registration = register_photos(photos, workspace)
    return registration.posed, registration.points
