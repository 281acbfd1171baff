"""Perspective views cut out of panoramas, with cameras, depth and masks, kept as files.

A panorama (equirectangular) shows all directions: longitude along its width, latitude along its
height, forward in its middle. Its views look ahead and around, `VIEW_STEP_DEG` apart; what lies
more than 45 degrees above or below the horizon is in none. They are named by direction first, so
that neighbours in name order look the same way from one panorama and from the next.

Depth of panoramas is the distance along each ray, as renderers and scanners write it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.cameras import (
    OPENGL_FROM_OPENCV,
    Camera,
    focal_from_fov,
    intrinsics,
    invert_rigid,
    pixel_centers,
    rotation_about,
)
from ...core.errors import InputError
from ...files.depth_files import MILLIMETRE, to_scene_units
from ...files.json_files import read_text
from ...files.photos import read_photo, sha256_of
from ...files.pictures import depth_bytes, picture_bytes
from ...files.writing import write_atomically, writing_to
from ...recordings.masks import read_kept
from ...recordings.panoramas import Panoramas
from ...recordings.recording import RecordedFrame

VIEWS_FOLDER = "views"
RECORD_NAME = "views.json"

VIEW_DEG = 90.0
"""Field of view, both ways."""

VIEW_STEP_DEG = 45
"""Between neighbouring directions, which thus share half of what they show."""

WHAT_IS_CUT = (
    f"each is cut into {360 // VIEW_STEP_DEG} views of {VIEW_DEG:.0f} degrees, "
    f"{VIEW_STEP_DEG} degrees apart"
)
"""As a run says it."""

DOWN = np.array([0.0, 1.0, 0.0])


def keep_views(panoramas: Panoramas, folder: Path, scene: Path) -> Path:
    """Cut the views of panoramas and write them as a scene of their own, unless that is done.

    Args:
        panoramas: The photos, and what is recorded of them.
        folder: Where the pairs go; views go to `views/` in it.
        scene: The scene's folder.

    Returns:
        The folder of views, with a recording where there was one.

    Raises:
        InputError: A panorama or what belongs to it cannot be read, or the folder not written.
    """
    views, photos = folder / VIEWS_FOLDER, panoramas.photos
    frames = panoramas.recording.frames if panoramas.recording else (None,) * len(photos)
    sources = [_made_from(path, frame, scene) for path, frame in zip(photos, frames, strict=True)]
    made_from = {"view_deg": VIEW_DEG, "step_deg": VIEW_STEP_DEG, "panoramas": sources}
    if _is_done(views, made_from):
        return views
    with writing_to(views):
        _clear(views)
    listed: list[dict[str, Any]] = []
    for path, name, frame in zip(photos, _names(photos), frames, strict=True):
        for fields, files in _cut(path, name, frame):
            listed.append(fields)
            with writing_to(views):
                for file, content in files.items():
                    _write(views / file, content)
    record = {"made_from": made_from, "views": [fields["file_path"] for fields in listed]}
    with writing_to(views):
        if panoramas.recording:
            _write(views / "transforms.json", _json({"frames": listed}))
        _write(views / RECORD_NAME, _json(record))
    return views


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


def _made_from(path: Path, frame: RecordedFrame | None, scene: Path) -> dict[str, Any]:
    parts = {"photo": path}
    if frame is not None and frame.depth_path is not None:
        parts["depth"] = frame.depth_path
    if frame is not None and frame.mask is not None:
        parts["mask"] = frame.mask.path
    try:
        hashes = {role: sha256_of(part) for role, part in parts.items() if part.is_file()}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    key = "" if frame is None else f"{frame.key} {frame.unit_scale}"
    return {"name": path.relative_to(scene).as_posix(), "recorded": key, **hashes}


def _is_done(views: Path, made_from: dict[str, Any]) -> bool:
    try:
        record = json.loads(read_text(views / RECORD_NAME))
        return record["made_from"] == made_from and all(
            (views / name).is_file() for name in record["views"]
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _clear(views: Path) -> None:
    """Remove those of other panoramas, or of a run that was killed."""
    for path in sorted(views.rglob("*"), reverse=True):
        if path.is_file():
            path.unlink()


def _names(panoramas: Sequence[Path]) -> list[str]:
    """A name each: the file's, with its folder's where several have the same."""
    count = Counter(path.stem for path in panoramas)
    return [p.stem if count[p.stem] == 1 else f"{p.parent.name}_{p.stem}" for p in panoramas]


def _cut(
    path: Path, name: str, frame: RecordedFrame | None
) -> Iterator[tuple[dict[str, Any], dict[str, bytes]]]:
    """What `transforms.json` says of each view of a panorama, and its files."""
    rgb, (distance, unit), kept = read_photo(path), _distance(frame), _kept(frame)
    for yaw_deg in range(0, 360, VIEW_STEP_DEG):
        stem, view = f"yaw{yaw_deg:03d}_{name}", view_camera(yaw_deg, rgb.shape[1])
        fields = _camera_fields(view, frame) | {"file_path": f"images/{stem}.jpg"}
        files = {fields["file_path"]: picture_bytes(_sampled(rgb, view, cv2.INTER_CUBIC), "jpg")}
        if distance is not None:
            fields |= {"depth_file_path": f"depths/{stem}.exr", "depth_unit_scale_factor": unit}
            raster = view_camera(yaw_deg, min(distance.shape[1], rgb.shape[1]))
            files[fields["depth_file_path"]] = depth_bytes(_z_depth(distance, raster))
        if kept is not None:
            fields["mask_path"] = f"masks/{stem}.png"
            mask = _sampled(np.where(kept, np.uint8(255), np.uint8(0)), view, cv2.INTER_NEAREST)
            files[fields["mask_path"]] = picture_bytes(mask, "png")
        yield fields, files


def view_camera(yaw_deg: float, panorama_width_px: int) -> Camera:
    """The camera of a view that looks so far to the right of a panorama's middle.

    Its pixels are as wide as the panorama's in the middle of the view: a radian has so many.

    Args:
        yaw_deg: Its direction.
        panorama_width_px: Width of the panorama in pixels.

    Returns:
        The camera, whose world is the panorama's: x right, y down, z forward.
    """
    side = max(2, 2 * round(math.tan(math.radians(VIEW_DEG / 2)) * panorama_width_px / math.tau))
    focal = focal_from_fov(math.radians(VIEW_DEG), side)
    cam_from_panorama = np.eye(4)
    cam_from_panorama[:3, :3] = rotation_about(DOWN, math.radians(yaw_deg)).T
    return Camera(intrinsics(focal, focal, side / 2, side / 2), cam_from_panorama, (side, side))


def panorama_positions(camera: Camera, size_wh: tuple[int, int]) -> NDArray[np.float32]:
    """Where (h, w, 2) in a panorama each pixel of a view lies, pixel centres at +0.5."""
    columns, rows = pixel_centers(camera.size_wh)
    x, y = np.meshgrid(
        (columns - camera.K[0, 2]) / camera.K[0, 0], (rows - camera.K[1, 2]) / camera.K[1, 1]
    )
    rays = np.stack([x, y, np.ones_like(x)], axis=-1) @ camera.cam_from_world[:3, :3]
    longitude = np.arctan2(rays[..., 0], rays[..., 2])
    latitude = np.arctan2(rays[..., 1], np.hypot(rays[..., 0], rays[..., 2]))
    u = (longitude / math.tau + 0.5) * size_wh[0]
    v = (latitude / math.pi + 0.5) * size_wh[1]
    return np.stack([u, v], axis=-1).astype(np.float32)


def _sampled(panorama: NDArray, camera: Camera, interpolation: int) -> NDArray[np.uint8]:
    height, width = panorama.shape[:2]
    at = panorama_positions(camera, (width, height)) - np.float32(0.5)
    wrapped = cv2.remap(panorama, at[..., 0], at[..., 1], interpolation, None, cv2.BORDER_WRAP)
    return np.asarray(wrapped, np.uint8)


def _z_depth(distance: NDArray[np.float32], camera: Camera) -> NDArray[np.float32]:
    """The z-depth (h, w) of a view out of distances (H, W), each the nearest sample."""
    height, width = distance.shape
    columns, rows = np.moveaxis(np.floor(panorama_positions(camera, (width, height))), -1, 0)
    nearest = distance[rows.astype(np.intp).clip(0, height - 1), columns.astype(np.intp) % width]
    x, y = pixel_centers(camera.size_wh)
    rays_x = (x - camera.K[0, 2]) / camera.K[0, 0]
    rays_y = ((y - camera.K[1, 2]) / camera.K[1, 1])[:, None]
    return (nearest / np.sqrt(rays_x**2 + rays_y**2 + 1)).astype(np.float32)


def _distance(frame: RecordedFrame | None) -> tuple[NDArray[np.float32] | None, float]:
    """Distances (H, W) in the units they are stored in, 0 = unknown, and what one unit is."""
    if frame is None or frame.depth_path is None or not frame.depth_path.is_file():
        return None, 1.0
    stored = frame.read_stored(frame.depth_path)
    height, width = stored.shape
    if width != 2 * height:
        raise InputError(
            f"{frame.depth_path}: found {width}x{height}, need the aspect of its panorama, 2 to 1"
        )
    default = MILLIMETRE if np.issubdtype(stored.dtype, np.integer) else 1.0
    unit = default if frame.unit_scale is None else frame.unit_scale
    return to_scene_units(stored, 1.0), unit


def _kept(frame: RecordedFrame | None) -> NDArray[np.bool_] | None:
    if frame is None or frame.mask is None:
        return None
    return read_kept(frame.mask, frame.photo.path)


def _camera_fields(view: Camera, frame: RecordedFrame | None) -> dict[str, Any]:
    """A view's camera as `transforms.json` has it; without a pose of the panorama, in its axes."""
    cam_from_world = view.cam_from_world
    if frame is not None:
        cam_from_world = cam_from_world @ frame.photo.camera.cam_from_world
    return {
        "w": view.size_wh[0],
        "h": view.size_wh[1],
        "fl_x": view.K[0, 0],
        "fl_y": view.K[1, 1],
        "cx": view.K[0, 2],
        "cy": view.K[1, 2],
        "transform_matrix": (invert_rigid(cam_from_world) @ OPENGL_FROM_OPENCV).tolist(),
    }
