"""Any scene's geometry with cameras that fit: poses refined, depth brought to agree."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from warpset.core.cameras import FloatArray
from warpset.core.geometry import DepthMap, FrameGeometry, PosedPhoto, SceneGeometry
from warpset.stereo.depth_alignment import align_depth
from warpset.stereo.refining import refine_cameras


def refined(geometry: SceneGeometry) -> SceneGeometry:
    """The geometry with refined cameras, and depth in the scale of the points that they see.

    Frames of which too little matches keep camera and depth; `cameras` names them.

    Raises:
        InputError: A photo cannot be read.
    """
    with tempfile.TemporaryDirectory() as workspace:
        result = refine_cameras([frame.photo for frame in geometry.frames], Path(workspace))
    frames = tuple(
        frame if index in result.kept else _refitted(frame, photo, result.points.seen_by(index))
        for index, (frame, photo) in enumerate(zip(geometry.frames, result.posed, strict=True))
    )
    kept = [geometry.frames[index].name for index in result.kept]
    return replace(geometry, frames=frames, cameras=_said(len(frames), kept))


def _refitted(frame: FrameGeometry, photo: PosedPhoto, xyz_world: FloatArray) -> FrameGeometry:
    return FrameGeometry(photo, partial(_load_aligned, frame, photo, xyz_world))


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
