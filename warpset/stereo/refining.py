"""Cameras that are about right, refined until photos agree to the pixel; no dense depth.

Features are matched over the photos, their points triangulated with the cameras as they are, and
both adjusted together, in rounds that allow smaller and smaller errors. pycolmap does the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pycolmap

from ..core.cameras import Camera, FloatArray
from ..core.geometry import PosedPhoto
from .features import SEED, match_images
from .sfm import (
    image_index,
    mapping_options,
    pinhole_image,
    posed_model,
    sparse_points,
)
from .sparse import SparsePoints

ROUNDS_PX = (24.0, 8.0, 3.0)
"""Largest reprojection error of a point's observations in each round. The first has to let through
what cameras that are off by two degrees leave; a larger one also lets wrong matches through."""

CENTER_SIGMA = 0.03
"""How far off centres are thought to be, as a share of their spread. Larger values let points run
away to infinity where a camera hardly moves, smaller ones keep wrong centres wrong."""

FEWEST_OBSERVATIONS = 30
"""A photo that sees fewer points of the others keeps its camera."""

LEAST_ANGLE_DEG = 0.15
"""Points seen under smaller angles say nothing of positions; hand-held neighbours have 1 to 5."""


@dataclass(frozen=True, eq=False)
class Refinement:
    """What became of the cameras of photos.

    Attributes:
        posed: The photos with their cameras, in the order given, in the world given.
        points: Triangulated points; photo indices are those of `posed`.
        kept: Indices of photos that keep their cameras, as too little of them matches.
    """

    posed: tuple[PosedPhoto, ...]
    points: SparsePoints
    kept: tuple[int, ...]


def refine_cameras(photos: Sequence[PosedPhoto], workspace: Path) -> Refinement:
    """Refine the poses of photos; intrinsics stay.

    The world stays, too: its scale is that of the centres, its axes those of all cameras on
    average. The same photos and cameras give the same result.

    Args:
        photos: Posed photos, in the order of the scene.
        workspace: An empty folder for copies and the database.

    Raises:
        InputError: A photo cannot be read.
    """
    folder, database = workspace / "images", workspace / "features.db"
    images = [pinhole_image(photo, index, folder) for index, photo in enumerate(photos)]
    match_images(images, folder, database)
    before = _near_unit([photo.camera for photo in photos])
    model = posed_model(dict(enumerate(before)), database)
    for largest_error_px in ROUNDS_PX:
        options = _triangulation(largest_error_px)
        pycolmap.triangulate_points(model, database, folder, workspace, options=options)
        if model.num_points3D() == 0:
            break
        _adjust(model, before)
    found = {image_index(image.name): image for image in model.images.values()}
    refined = [i for i in sorted(found) if found[i].num_points3D >= FEWEST_OBSERVATIONS]
    if len(refined) < 2:
        nothing = SparsePoints(np.empty((0, 3)), np.empty(0, np.intp), np.empty(0, np.intp))
        return Refinement(tuple(photos), nothing, tuple(range(len(photos))))
    poses = {i: np.vstack((found[i].cam_from_world().matrix(), [0, 0, 0, 1])) for i in refined}
    to_world = _similarity(poses, {i: photos[i].camera for i in refined})
    posed = [
        replace(photo, camera=replace(photo.camera, cam_from_world=_moved(poses[i], to_world)))
        if i in poses
        else photo
        for i, photo in enumerate(photos)
    ]
    points = sparse_points(model, {index: index for index in range(len(photos))})
    xyz_world = points.xyz_world @ to_world[:3, :3].T + to_world[:3, 3]
    kept = tuple(index for index in range(len(photos)) if index not in poses)
    return Refinement(tuple(posed), replace(points, xyz_world=xyz_world), kept)


def _near_unit(cameras: Sequence[Camera]) -> list[Camera]:
    """The cameras in a world whose origin is amid their centres, these about 1 away.

    Where centres lie near each other and far from the origin, the adjustment is ill-conditioned.
    """
    centers = np.array([camera.center_world for camera in cameras])
    middle = centers.mean(axis=0)
    spread = float(np.sqrt(np.mean(np.sum((centers - middle) ** 2, axis=1)))) or 1.0
    moved = []
    for camera, center in zip(cameras, centers, strict=True):
        pose = camera.cam_from_world.copy()
        pose[:3, 3] = -pose[:3, :3] @ ((center - middle) / spread)
        moved.append(replace(camera, cam_from_world=pose))
    return moved


def _triangulation(largest_error_px: float) -> pycolmap.IncrementalPipelineOptions:
    options = mapping_options()
    options.triangulation.merge_max_reproj_error = largest_error_px
    options.triangulation.complete_max_reproj_error = largest_error_px
    options.triangulation.min_angle = LEAST_ANGLE_DEG
    options.mapper.filter_max_reproj_error = largest_error_px
    options.mapper.filter_min_tri_angle = LEAST_ANGLE_DEG
    return options


def _adjust(model: pycolmap.Reconstruction, before: Sequence[Camera]) -> None:
    """Move poses and points together; centres are held where they were by a loose prior."""
    options = pycolmap.BundleAdjustmentOptions()
    options.print_summary = False
    options.ceres.loss_function_type = pycolmap.LossFunctionType.SOFT_L1
    options.ceres.solver_options.num_threads = 1
    config = pycolmap.BundleAdjustmentConfig()
    priors = []
    for image in model.images.values():
        if image.num_points3D:
            config.add_image(image.image_id)
            config.set_constant_cam_intrinsics(image.camera_id)
            priors.append(
                pycolmap.PosePrior(
                    pose_prior_id=image.image_id,
                    corr_data_id=image.data_id,
                    position=before[image_index(image.name)].center_world,
                    position_covariance=np.eye(3) * CENTER_SIGMA**2,
                    coordinate_system=pycolmap.PosePriorCoordinateSystem.CARTESIAN,
                )
            )
    prior_options = pycolmap.PosePriorBundleAdjustmentOptions()
    prior_options.alignment_ransac.random_seed = SEED
    pycolmap.create_pose_prior_bundle_adjuster(
        options, prior_options, config, priors, model
    ).solve()


def _similarity(poses: dict[int, FloatArray], cameras: dict[int, Camera]) -> FloatArray:
    """The (4, 4) similarity from the world of adjusted poses to that of the cameras before.

    Turned as all cameras on average, which is sound for two of them as for many in a line.
    """
    turns = sum(cameras[i].cam_from_world[:3, :3].T @ poses[i][:3, :3] for i in poses)
    u, _, vt = np.linalg.svd(turns)
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    here = np.array([-pose[:3, :3].T @ pose[:3, 3] for pose in poses.values()])
    there = np.array([cameras[i].center_world for i in poses])
    spread_here, spread_there = (np.linalg.norm(c - c.mean(axis=0)) for c in (here, there))
    scale = spread_there / spread_here if spread_here > 0 else 1.0
    similarity = np.eye(4)
    similarity[:3, :3] = scale * rotation
    similarity[:3, 3] = there.mean(axis=0) - scale * rotation @ here.mean(axis=0)
    return similarity


def _moved(pose: FloatArray, to_world: FloatArray) -> FloatArray:
    """The camera (4, 4) of a pose in the world that a similarity leads to."""
    scale = np.cbrt(np.linalg.det(to_world[:3, :3]))
    rotation = pose[:3, :3] @ (to_world[:3, :3] / scale).T
    center = to_world[:3, :3] @ (-pose[:3, :3].T @ pose[:3, 3]) + to_world[:3, 3]
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = rotation, -rotation @ center
    return moved
