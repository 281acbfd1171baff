"""Any scene's geometry with cameras that fit: what matches is found once and kept."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from warpset.core.cameras import Camera
from warpset.core.geometry import DepthMap, FrameGeometry, PosedPhoto, SceneGeometry
from warpset.files.cache import ArrayCache, content_key
from warpset.files.photos import sha256_of
from warpset.stereo.depth_alignment import Alignment, aligned
from warpset.stereo.refining import PhotoMatches, match_photos, refine_cameras

from .given_cameras import camera_entries

REVISION = "matches-1"
"""What exactly matches: another one, and photos whose matches were kept are matched again."""

MEASURED_ANEW = "then depth measured anew"
"""What `SceneGeometry.cameras` says where depth was measured by refined cameras."""


def refined(geometry: SceneGeometry, arrays: ArrayCache) -> SceneGeometry:
    """The geometry with refined cameras, and depth that agrees with them.

    Frames of which too little matches keep camera and depth; `cameras` names them. Geometry whose
    depth was measured by refined cameras stays.

    Args:
        geometry: The scene.
        arrays: Where matches are kept.

    Raises:
        InputError: A photo or its depth cannot be read.
    """
    if MEASURED_ANEW in geometry.cameras:
        return geometry
    photos = [frame.photo for frame in geometry.frames]
    loads = [frame.load_depth for frame in geometry.frames]
    result = refine_cameras(photos, loads, _matches(photos, arrays))
    changes = zip(geometry.frames, result.posed, result.alignments, strict=True)
    frames = tuple(
        frame if alignment is None else _refitted(frame, photo, alignment)
        for frame, photo, alignment in changes
    )
    kept = [
        frame.name
        for frame, alignment in zip(geometry.frames, result.alignments, strict=True)
        if alignment is None
    ]
    said = [text for text in (geometry.cameras, _said(len(frames), kept)) if text]
    return replace(geometry, frames=frames, cameras="; ".join(said))


def _matches(photos: Sequence[PosedPhoto], arrays: ArrayCache) -> list[PhotoMatches]:
    """What of photos matches, found once for the same photos and cameras."""
    hashes = [sha256_of(photo.path) for photo in photos]
    key = content_key(matched=REVISION, photos=hashes, cameras=camera_entries(photos))
    if (stored := arrays.load(key)) is not None:
        ends = np.cumsum(stored["counts"])[:-1]
        uvs = np.split(stored["uv"], ends, axis=1)
        pairs = stored["photos"].tolist()
        return [PhotoMatches((one, two), uv) for (one, two), uv in zip(pairs, uvs, strict=True)]
    with tempfile.TemporaryDirectory() as workspace:
        found = match_photos(photos, Path(workspace))
    stored = {
        "photos": np.array([pair.photos for pair in found], np.intp).reshape(-1, 2),
        "counts": np.array([pair.uv.shape[1] for pair in found], np.intp),
        "uv": np.concatenate([np.empty((2, 0, 2)), *[pair.uv for pair in found]], axis=1),
    }
    arrays.store(key, stored)
    return found


def _refitted(frame: FrameGeometry, photo: PosedPhoto, alignment: Alignment) -> FrameGeometry:
    load_depth = partial(_load_refitted, frame, photo.camera, alignment)
    return replace(frame, photo=photo, load_depth=load_depth)


def _load_refitted(frame: FrameGeometry, camera: Camera, alignment: Alignment) -> DepthMap:
    depth_map = frame.load_depth()
    # the raster is laid over the picture as before, whatever the focal length
    stretch = camera.K[0, 0] / frame.photo.camera.K[0, 0]
    K = depth_map.camera.K * np.array([[stretch, 1, 1], [1, stretch, 1], [1, 1, 1]])
    moved = replace(depth_map.camera, K=K, cam_from_world=camera.cam_from_world)
    return aligned(depth_map._replace(camera=moved), alignment)


def _said(count: int, kept: Sequence[str]) -> str:
    """What records say of the cameras."""
    if not kept:
        return f"refined in all {count} frames"
    return f"refined in {count - len(kept)} of {count} frames, not in {', '.join(kept)}"
