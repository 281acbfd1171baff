"""`transforms.json` as nerfstudio, instant-ngp and DL3DV write it, as a recording."""

from __future__ import annotations

import json
import os
import re
from collections import ChainMap
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...core.cameras import cam_from_world_from_opengl, focal_from_fov, intrinsics
from ...core.errors import InputError
from ...core.lens import Lens, four_term_lens, opencv_fisheye_lens, opencv_lens
from ...core.natural_order import sorted_naturally
from ...files.cache import content_key
from ...files.json_files import read_text
from ...files.photos import size_and_orientation
from ..listed_paths import existing_file, existing_photo, places
from ..recording import (
    PANORAMA,
    MaskFile,
    Reader,
    RecordedFrame,
    Recording,
    collected,
    recorded_frame,
    recorded_panorama,
)

TRANSFORMS_NAMES = ("transforms.json", "nerfstudio/transforms.json")

PERSPECTIVE = ("OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL")
RATIONAL = "FULL_OPENCV"
FISHEYE = "OPENCV_FISHEYE"

CAMERA_FIELDS = (
    *("transform_matrix", "w", "h", "fl_x", "fl_y", "cx", "cy", "camera_angle_x", "camera_angle_y"),
    *("camera_model", "is_fisheye", "depth_unit_scale_factor"),
    *("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
)
"""Everything that is read of a frame besides its paths; `integer_depth_scale` where it is there."""

Fields = Mapping[str, Any]


class Layout(NamedTuple):
    """Folders of the scene that hold what is listed, where it is not beside the list.

    Attributes:
        photos: Of the photos.
        masks: Of the masks.
        depths: Of depth, `<photo>.png`, where none is listed.
    """

    photos: str = "."
    masks: str = "."
    depths: str | None = None


BESIDE = Layout()


def find_transforms(scene: Path) -> Path | None:
    """The scene's `transforms.json`, or None."""
    return existing_file([scene / name for name in TRANSFORMS_NAMES])


def read_transforms(scene: Path, origin: Path, layout: Layout = BESIDE) -> Recording:
    """Read a `transforms.json`, whatever its name.

    Intrinsics and distortion of a frame go before those of the file. A path without extension
    (Blender) takes the first photo extension that is on disk; `images/` that is not there takes
    `images_4/`, or whichever is (DL3DV).

    Args:
        scene: The scene's folder.
        origin: The file.
        layout: Where listed files lie.

    Raises:
        InputError: The file is no JSON, or has no list of frames.
    """
    content = read_json(origin)
    frames = content.get("frames") if isinstance(content, dict) else None
    if not isinstance(frames, list) or not all(isinstance(frame, dict) for frame in frames):
        raise InputError(f'{origin}: found no list "frames"; need one entry a photo')
    makers = []
    for index, frame in enumerate(frames):
        listed = frame.get("file_path")
        if not isinstance(listed, str) or not listed:
            raise InputError(
                f'{origin}: frame {index} has no "file_path"; need the path of a photo'
            )
        fields = ChainMap(frame, content)
        makers.append((scene / listed, partial(_frame, scene, origin, layout, fields)))
    return collected(scene, origin, makers)


def read_json(origin: Path) -> Any:
    """What a JSON file holds.

    Raises:
        InputError: It cannot be read as JSON.
    """
    try:
        return json.loads(read_text(origin))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{origin}: cannot be read as JSON ({error})") from error


def _frame(scene: Path, origin: Path, layout: Layout, fields: Fields) -> RecordedFrame | None:
    path = _photo(scene, origin, layout, fields["file_path"])
    if path is None:
        return None
    cam_from_world = cam_from_world_from_opengl(_matrix(fields, path))
    if fields.get("camera_model") == PANORAMA:
        frame = recorded_panorama(path, cam_from_world)
    else:
        frame = recorded_frame(path, _lens(fields, path), cam_from_world)
    read = {name: fields.get(name) for name in CAMERA_FIELDS}
    unit_scale = _unit_scale(fields, path)
    if "integer_depth_scale" in fields:
        read["integer_depth_scale"] = fields["integer_depth_scale"]
    return frame._replace(
        depth_path=_depth_path(scene, origin, layout, fields, path),
        unit_scale=unit_scale,
        mask=_mask(scene, origin, layout, fields, path),
        key=content_key(**read),
    )


def _photo(scene: Path, origin: Path, layout: Layout, listed: str) -> Path | None:
    candidates = places(scene, listed, origin)
    in_folder = [scene / layout.photos / path.relative_to(scene) for path in candidates]
    return existing_photo([*in_folder, *candidates]) or existing_photo(
        [shrunk for path in candidates for shrunk in _shrunk(scene, path)]
    )


def _shrunk(scene: Path, path: Path) -> list[Path]:
    """The same photo in the `images_<N>` folders beside its `images` folder, largest first."""
    parts = path.relative_to(scene).parts
    if "images" not in parts:
        return []
    depth = parts.index("images")
    folder = scene.joinpath(*parts[:depth])
    if not folder.is_dir():
        return []
    siblings = (child for child in folder.iterdir() if re.fullmatch(r"images_\d+", child.name))
    return [child.joinpath(*parts[depth + 1 :]) for child in sorted_naturally(siblings)]


def _depth_path(
    scene: Path, origin: Path, layout: Layout, fields: Fields, photo: Path
) -> Path | None:
    """Where depth is listed, whether it is there or not."""
    listed = _listed(fields, "depth_file_path", photo) or _listed(fields, "depth_path", photo)
    if listed:
        candidates = places(scene, listed, origin)
        return existing_file(candidates) or candidates[0]
    if layout.depths is None:
        return None
    return existing_file([scene / layout.depths / f"{Path(fields['file_path']).stem}.png"])


def _mask(
    scene: Path, origin: Path, layout: Layout, fields: Fields, photo: Path
) -> MaskFile | None:
    """A frame's `mask_path` (nerfstudio), or `dynamic_mask_<photo>.png` beside it (instant-ngp).

    https://docs.nerf.studio/quickstart/data_conventions.html (black = leave out);
    instant-ngp's `src/nerf_loader.cu` (anything but black = leave out).
    """
    listed = _listed(fields, "mask_path", photo)
    if listed is not None:
        candidates = places(scene, listed, origin)
        in_folder = [scene / layout.masks / path.relative_to(scene) for path in candidates]
        found = existing_file([*in_folder, *candidates])
        if found is None:
            raise InputError(f"{photo}: its mask_path {listed!r} is not there; left out")
        return MaskFile(found)
    beside = photo.with_name(f"dynamic_mask_{photo.stem}.png")
    return MaskFile(beside, keeps_white=False) if os.path.lexists(beside) else None


def _listed(fields: Fields, name: str, photo: Path) -> str | None:
    """A path that the frame of a photo lists, or None.

    Raises:
        InputError: It is no text.
    """
    listed = fields.get(name)
    if listed is not None and not isinstance(listed, str):
        raise InputError(f"{photo}: its {name} {listed!r} is no path; left out")
    return listed


def _unit_scale(fields: Fields, path: Path) -> float | None:
    """A `depth_unit_scale_factor` (nerfstudio), or `integer_depth_scale` (instant-ngp)."""
    for name in ("depth_unit_scale_factor", "integer_depth_scale"):
        unit_scale = _number(fields, name, path)
        if unit_scale is not None and unit_scale <= 0:
            raise InputError(f"{path}: {name} is {unit_scale}, need more than 0")
        if unit_scale is not None:
            return unit_scale
    return None


def _matrix(fields: Fields, path: Path) -> np.ndarray:
    try:
        matrix = np.array(fields.get("transform_matrix"), np.float64)
    except (TypeError, ValueError, OverflowError):
        matrix = np.empty(0)
    if matrix.shape not in ((4, 4), (3, 4)):
        raise InputError(f"{path}: its transform_matrix is not 4x4 numbers; left out")
    if not np.isfinite(matrix).all():
        raise InputError(f"{path}: its transform_matrix is not finite; left out")
    return np.vstack([matrix[:3], [0.0, 0.0, 0.0, 1.0]])


def _lens(fields: Fields, path: Path) -> Lens:
    K, size_wh = _pinhole(fields, path)
    model, names = _camera_model(fields, path)
    distortion = [_number(fields, name, path) or 0.0 for name in names]
    if model == FISHEYE:
        return opencv_fisheye_lens(K, distortion, size_wh)
    if model == RATIONAL or not distortion[5]:
        return opencv_lens(K, distortion, size_wh)
    k1, k2, p1, p2, k3, k4, _, _ = distortion
    try:
        return four_term_lens(K, (k1, k2, k3, k4), (p1, p2), size_wh)
    except InputError as error:
        raise InputError(f"{path}: {error}; left out") from error


def _camera_model(fields: Fields, path: Path) -> tuple[str, tuple[str, ...]]:
    """One of `OPENCV`, `FULL_OPENCV` and `OPENCV_FISHEYE`, and its distortion in OpenCV's order.

    nerfstudio's perspective `k4` is the fourth radial term, OpenCV's one of the denominator; only
    the latter goes with `k5` and `k6`.
    """
    model = FISHEYE if fields.get("is_fisheye") else fields.get("camera_model") or "OPENCV"
    if model == FISHEYE:
        return FISHEYE, ("k1", "k2", "k3", "k4")
    if model not in (*PERSPECTIVE, RATIONAL):
        known = " ".join((*PERSPECTIVE, RATIONAL, FISHEYE, PANORAMA))
        raise InputError(f"{path}: its camera_model is {model!r}, need one of {known}; left out")
    is_rational = model == RATIONAL or fields.get("k5") or fields.get("k6")
    return RATIONAL if is_rational else "OPENCV", ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")


def _pinhole(fields: Fields, path: Path) -> tuple[np.ndarray, tuple[int, int]]:
    """K (3, 3) and the size it is for; without a size, that of the photo's stored pixels.

    A negative `fl_y` (ICL-NUIM) tells of a y axis that points up; the pose has said so already.
    """
    width, height = _number(fields, "w", path), _number(fields, "h", path)
    size_wh = (round(width), round(height)) if width and height else _stored_size(path)
    if min(size_wh) < 1:
        raise InputError(f"{path}: its camera is {size_wh[0]}x{size_wh[1]} pixels; left out")
    focal_x = _focal(fields, "fl_x", "camera_angle_x", size_wh[0], path)
    focal_y = _focal(fields, "fl_y", "camera_angle_y", size_wh[1], path)
    focal_y = None if focal_y is None else abs(focal_y)
    focal_x = focal_x or focal_y
    if focal_x is None:
        raise InputError(f"{path}: its camera has neither fl_x nor camera_angle_x; left out")
    if focal_x < 0:
        raise InputError(f"{path}: fl_x is {focal_x}, need more than 0; left out")
    center_x, center_y = _number(fields, "cx", path), _number(fields, "cy", path)
    center_x = size_wh[0] / 2 if center_x is None else center_x
    center_y = size_wh[1] / 2 if center_y is None else center_y
    return intrinsics(focal_x, focal_y or focal_x, center_x, center_y), size_wh


def _stored_size(path: Path) -> tuple[int, int]:
    (width, height), orientation = size_and_orientation(path)
    return (height, width) if orientation in (5, 6, 7, 8) else (width, height)


def _focal(
    fields: Fields, focal_name: str, angle_name: str, extent_px: int, path: Path
) -> float | None:
    focal, angle = _number(fields, focal_name, path), _number(fields, angle_name, path)
    if focal is None and angle is not None and 0 < angle < np.pi:
        focal = focal_from_fov(angle, extent_px)
    if focal == 0:
        raise InputError(f"{path}: {focal_name} is 0, need more; left out")
    return focal


def _number(fields: Fields, name: str, path: Path) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    try:
        number = float(value) if isinstance(value, (int, float, str)) else np.nan
    except (ValueError, OverflowError):
        number = np.nan
    if isinstance(value, bool) or not np.isfinite(number):
        raise InputError(f"{path}: {name} is {str(value)[:40]!r}, need a finite number; left out")
    return number


READER = Reader("nerfstudio or instant-ngp", find_transforms, read_transforms)
