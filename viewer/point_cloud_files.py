"""A point file as something to look at: from where it was made, if that is recorded; no windows.

Point clouds of ours lie beside `pairs.jsonl`, which holds the cameras of their pairs.
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np

from warpset.building.pairs.camera_json import recorded_camera
from warpset.building.pairs.record import read_records
from warpset.building.scene_files.gaussians import SCENE_GAUSSIANS_NAME
from warpset.core.cameras import Camera, focal_from_fov, intrinsics, project
from warpset.core.errors import InputError
from warpset.core.points import PointCloud, splat_size, thinned
from warpset.files.ply import check_points, read_ply

from .subject import Standpoint, Subject, SubjectOptions, kept_points, say_thinned

log = logging.getLogger(__name__)

FRAMED_SIZE_WH = (960, 720)
FRAMED_FOV_Y = math.radians(60)
FRAMED_SHARE = 0.95
"""Share of the points that a camera without a record tries to see."""


def read_point_file(path: Path, splats: Any) -> PointCloud:
    """The points of a PLY, or the centres of Gaussian splats with their opacity as confidence.

    Args:
        path: The file.
        splats: The package that reads Gaussians.

    Raises:
        InputError: No such file, or none that can be read.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a point cloud or Gaussian splat PLY")
    try:
        if not splats.holds_splats(path):
            cloud = read_ply(path)
            check_points(cloud, path)
            return cloud
        gaussians = splats.read_splats(path)
    except splats.SplatError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    confidence = splats.confidence_from_opacity(gaussians.opacities)
    return PointCloud(gaussians.means, gaussians.rgb, confidence)


def subject_of_file(path: Path, cloud: PointCloud, options: SubjectOptions) -> Subject:
    """The cloud of a file, seen first from the camera that its points were lifted from.

    Where no record says which that was, from in front: y down, z away, as far as needed.

    Raises:
        InputError: No point passes the filter.
    """
    kept = kept_points(cloud, options.point_filter)
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
    """The cameras of the pair that a file belongs to, reference first; of all for a scene's."""
    try:
        records = read_records(path.parent)
        if path.name != SCENE_GAUSSIANS_NAME:
            records = [record for record in records if path.name in record.files.values()]
        cameras: dict[str, Camera] = {}
        for record in records:
            names = {"reference": record.reference, "target": record.target}
            for role, name in names.items():
                cameras.setdefault(name, recorded_camera(record.cameras, role))
    except (InputError, OSError, TypeError, ValueError) as error:
        log.warning(f"{path}: the record beside it has no cameras ({error}); seen from in front")
        return ()
    return tuple(Standpoint(name, camera) for name, camera in cameras.items())
