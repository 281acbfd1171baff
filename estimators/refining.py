"""Any scene's geometry with cameras that fit: poses refined, depth brought to agree, both kept."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from warpset.core.cameras import FloatArray
from warpset.core.geometry import DepthMap, FrameGeometry, PosedPhoto, SceneGeometry
from warpset.files.cache import ArrayCache, content_key
from warpset.files.photos import sha256_of
from warpset.stereo.depth_alignment import align_depth
from warpset.stereo.refining import Refinement, refine_cameras
from warpset.stereo.sparse import SparsePoints

from .given_cameras import camera_entries

REVISION = "bundle-adjustment-1"
"""What exactly refines: another one, and cameras that were kept are refined again."""


def refined(geometry: SceneGeometry, arrays: ArrayCache) -> SceneGeometry:
    """The geometry with refined cameras, and depth in the scale of the points that they see.

    Frames of which too little matches keep camera and depth; `cameras` names them.

    Args:
        geometry: The scene.
        arrays: Where refined cameras are kept.

    Raises:
        InputError: A photo cannot be read.
    """
    result = _refinement([frame.photo for frame in geometry.frames], arrays)
    frames = tuple(
        frame if index in result.kept else _refitted(frame, photo, result.points.seen_by(index))
        for index, (frame, photo) in enumerate(zip(geometry.frames, result.posed, strict=True))
    )
    kept = [geometry.frames[index].name for index in result.kept]
    said = [text for text in (geometry.cameras, _said(len(frames), kept)) if text]
    return replace(geometry, frames=frames, cameras="; ".join(said))


def _refinement(photos: Sequence[PosedPhoto], arrays: ArrayCache) -> Refinement:
    """What becomes of the cameras, found once for the same photos and cameras."""
    hashes = [sha256_of(photo.path) for photo in photos]
    key = content_key(refined=REVISION, photos=hashes, cameras=camera_entries(photos))
    if (stored := arrays.load(key)) is not None:
        posed = [
            replace(photo, camera=replace(photo.camera, cam_from_world=pose))
            for photo, pose in zip(photos, stored["cam_from_world"], strict=True)
        ]
        points = SparsePoints(stored["xyz_world"], stored["point_index"], stored["photo_index"])
        return Refinement(tuple(posed), points, tuple(stored["kept"].tolist()))
    with tempfile.TemporaryDirectory() as workspace:
        found = refine_cameras(photos, Path(workspace))
    poses = np.array([photo.camera.cam_from_world for photo in found.posed])
    kept = np.array(found.kept, np.intp)
    arrays.store(key, {"cam_from_world": poses, "kept": kept, **vars(found.points)})
    return found


def _refitted(frame: FrameGeometry, photo: PosedPhoto, xyz_world: FloatArray) -> FrameGeometry:
    return replace(frame, photo=photo, load_depth=partial(_load_aligned, frame, photo, xyz_world))


def _load_aligned(frame: FrameGeometry, photo: PosedPhoto, xyz_world: FloatArray) -> DepthMap:
    depth_map = frame.load_depth()
    camera = replace(depth_map.camera, cam_from_world=photo.camera.cam_from_world)
    aligned, _ = align_depth(depth_map._replace(camera=camera), xyz_world)
    return aligned


def _said(count: int, kept: Sequence[str]) -> str:
    """What records say of the cameras."""
    if not kept:
        return f"refined in all {count} frames"
    return f"refined in {count - len(kept)} of {count} frames, not in {', '.join(kept)}"
