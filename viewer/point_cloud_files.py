"""A point file as something to look at: from where it was made, if that is recorded; no windows.

Point clouds of ours lie beside `pairs.jsonl`, which holds the cameras of their pair.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np

from warpset.cameras import Camera, focal_from_fov, intrinsics, project
from warpset.errors import InputError
from warpset.pairs import PairRecord, read_records
from warpset.points import PointCloud, splat_size

from .subject import Standpoint, Subject, SubjectOptions, kept_points, say_thinned, thinned

log = logging.getLogger(__name__)

FRAMED_SIZE_WH = (960, 720)
FRAMED_FOV_Y = math.radians(60)
FRAMED_SHARE = 0.95
"""Share of the points that a camera without a record tries to see."""


def subject_of_file(path: Path, cloud: PointCloud, options: SubjectOptions) -> Subject:
    """The cloud of a file, seen first from the camera that its points were lifted from.

    Where no record says which that was, from in front: y down, z away, as far as needed.

    Raises:
        InputError: No point passes the filter.
    """
    kept = kept_points(cloud, options.points)
    cloud = thinned(kept, options.max_points)
    say_thinned(path.name, len(kept.xyz_world), cloud)
    if len(cloud.xyz_world) == 0:
        raise InputError(f"{path}: found no points to show, need one; lower --conf-threshold")
    standpoints = _recorded(path) or (Standpoint("front", framing_camera(cloud)),)
    camera = standpoints[0].camera
    _, depth = project(camera, cloud.xyz_world)
    return Subject(path.name, cloud, splat_size(depth, camera), standpoints)


def framing_camera(cloud: PointCloud) -> Camera:
    """A camera that sees most points of a cloud, looking along z with y down."""
    center = np.median(cloud.xyz_world, axis=0).astype(np.float64)
    distances = np.linalg.norm(cloud.xyz_world - center, axis=1)
    radius = float(np.quantile(distances, FRAMED_SHARE)) or 1.0
    width, height = FRAMED_SIZE_WH
    focal = focal_from_fov(FRAMED_FOV_Y, height)
    cam_from_world = np.eye(4)
    cam_from_world[:3, 3] = [0.0, 0.0, radius / math.sin(FRAMED_FOV_Y / 2)] - center
    return Camera(intrinsics(focal, focal, width / 2, height / 2), cam_from_world, FRAMED_SIZE_WH)


def _recorded(path: Path) -> tuple[Standpoint, ...]:
    """The reference's and the target's camera of the pair that a file belongs to, if any."""
    try:
        records = read_records(path.parent)
    except (InputError, OSError) as error:
        log.warning(f"{error}; looking at {path.name} from in front")
        return ()
    record = next((one for one in records if path.name in one.files.values()), None)
    return () if record is None else _cameras(record)


def _cameras(record: PairRecord) -> tuple[Standpoint, ...]:
    names = {"reference": record.reference, "target": record.target}
    try:
        return tuple(
            Standpoint(name, _camera(record.cameras[role])) for role, name in names.items()
        )
    except (KeyError, TypeError, ValueError) as error:
        log.warning(f"{record.name}: its record has no cameras ({error}); looking from in front")
        return ()


def _camera(fields: Any) -> Camera:
    width, height = fields["size_wh"]
    K = np.array(fields["K"], np.float64).reshape(3, 3)
    cam_from_world = np.array(fields["cam_from_world"], np.float64).reshape(4, 4)
    if not (np.isfinite(K).all() and np.isfinite(cam_from_world).all() and K[0, 0] * K[1, 1] > 0):
        raise ValueError("numbers that make no camera")
    if min(width, height) < 1:
        raise ValueError(f"a size of {width}x{height}")
    return Camera(K, cam_from_world, (int(width), int(height)))
