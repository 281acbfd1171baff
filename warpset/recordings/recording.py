"""What every reader of recorded geometry hands over: posed photos, depth files, and problems."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.cameras import Camera
from ..core.errors import InputError
from ..core.geometry import PosedPhoto
from ..core.lens import Lens
from ..files.photos import upright_size

MAX_ROTATION_ERROR = 1e-2

FAR_AWAY = 1000.0
"""Scene units from the origin, of which float32 still holds a ten-thousandth."""


class RecordedFrame(NamedTuple):
    """A posed photo and the file that holds its depth.

    Attributes:
        photo: The photo and its camera.
        depth_path: Depth file, or None where none is recorded.
        unit_scale: Scene units per unit stored in it; None for the format's own default.
        key: Of what is recorded of camera and depth unit, as it stands there.
    """

    photo: PosedPhoto
    depth_path: Path | None
    unit_scale: float | None = None
    key: str = ""


class Recording(NamedTuple):
    """The recorded frames of a scene.

    Attributes:
        frames: Usable frames.
        origin: Where they were recorded, relative to the scene.
        problems: Why other photos are left out, a line for each path.
        missing: How many listed photos are not on disk.
        world_offset: (3,) what was taken off all positions, see `near_origin`.
        format: What kind of recording it is, in a user's words.
    """

    frames: tuple[RecordedFrame, ...]
    origin: str
    problems: Mapping[Path, str]
    missing: int
    world_offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    format: str = ""

    @property
    def has_depth(self) -> bool:
        """Whether any frame has a depth file."""
        return any(frame.depth_path is not None for frame in self.frames)


class Reader(NamedTuple):
    """One format of recordings.

    Attributes:
        format: What users call it.
        find: The file or folder by which a scene folder is known to be one; None where it is not.
        read: The recording, given the scene folder and what `find` found in it.
    """

    format: str
    find: Callable[[Path], Path | None]
    read: Callable[[Path, Path], Recording]


def near_origin(recording: Recording) -> Recording:
    """The recording with its first camera near the origin where it is far away from it.

    Points are float32, which holds positions of map projections (10^5 to 10^7 m) to half a metre.
    """
    if not recording.frames:
        return recording
    first = recording.frames[0].photo.camera.center_world
    if np.abs(first).max() < FAR_AWAY:
        return recording
    offset = np.round(first / FAR_AWAY) * FAR_AWAY
    frames = (frame._replace(photo=_moved(frame.photo, -offset)) for frame in recording.frames)
    return recording._replace(frames=tuple(frames), world_offset=tuple(offset.tolist()))


def _moved(photo: PosedPhoto, by: NDArray[np.floating]) -> PosedPhoto:
    cam_from_world = photo.camera.cam_from_world.copy()
    cam_from_world[:3, 3] -= cam_from_world[:3, :3] @ by
    return replace(photo, camera=replace(photo.camera, cam_from_world=cam_from_world))


def inside(scene: Path, listed: str, origin: Path) -> Path:
    """A listed path below the scene folder, refused where its text leads out of it.

    Raises:
        InputError: The path leaves the scene folder.
    """
    relative = posixpath.normpath(listed.replace("\\", "/"))
    if posixpath.isabs(relative):
        relative = os.path.relpath(relative, os.path.normpath(scene.absolute()))
    is_drive = PureWindowsPath(relative).drive
    if is_drive or "\0" in listed or relative.split("/")[0] in ("", ".", ".."):
        raise InputError(f"{origin}: refused the path {listed!r}, which leaves the scene folder")
    return scene / relative


def pose_photo(path: Path, lens: Lens, cam_from_world: NDArray[np.floating]) -> PosedPhoto:
    """A photo with its camera, both made fit for the size the photo has on disk.

    Args:
        path: The photo.
        lens: As recorded, for a size that has the photo's aspect.
        cam_from_world: (4, 4) pose.

    Raises:
        InputError: The photo is unreadable, its size contradicts the camera's, or the pose is
            no rigid motion.
    """
    size_wh = upright_size(path)
    if not same_aspect(size_wh, lens.size_wh):
        raise InputError(
            f"{path}: found {size_wh[0]}x{size_wh[1]} pixels, but its camera was recorded for "
            f"{lens.size_wh[0]}x{lens.size_wh[1]}; left out"
        )
    if size_wh != lens.size_wh:
        lens = lens.resized(size_wh)
    K, pinhole_size_wh = lens.pinhole()
    camera = Camera(K, _rigid(cam_from_world, path), pinhole_size_wh)
    return PosedPhoto(path, camera, None if lens.is_pinhole else lens)


def same_aspect(one_wh: tuple[int, int], other_wh: tuple[int, int]) -> bool:
    """Whether one size is the other scaled, up to one pixel of rounding in the smaller one."""
    one_wh, other_wh = sorted((one_wh, other_wh))
    expected_height = other_wh[1] * one_wh[0] / other_wh[0]
    expected_width = other_wh[0] * one_wh[1] / other_wh[1]
    return abs(one_wh[1] - expected_height) <= 1 or abs(one_wh[0] - expected_width) <= 1


def _rigid(cam_from_world: NDArray[np.floating], path: Path) -> NDArray[np.floating]:
    if not np.isfinite(cam_from_world).all():
        raise InputError(f"{path}: its recorded pose has values that are not finite; left out")
    left, stretch, right = np.linalg.svd(cam_from_world[:3, :3])
    rotation = left @ right
    if np.abs(stretch - 1).max() > MAX_ROTATION_ERROR or np.linalg.det(rotation) < 0:
        raise InputError(f"{path}: its recorded pose is not a rotation and translation; left out")
    rigid = np.eye(4)
    rigid[:3, :3], rigid[:3, 3] = rotation, cam_from_world[:3, 3]
    return rigid
