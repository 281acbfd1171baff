"""Recorded cameras, adjusted to the points that photos share before depth is measured by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pycolmap

from ..core.cameras import Camera
from ..core.geometry import PosedPhoto
from .refining import moved_pose, similarity_to_world
from .sfm import image_index, match_posed_photos, sparse_points, triangulated
from .sparse import SparsePoints

FEWEST_POINTS = 30
"""A photo that sees fewer points keeps its camera: a few false ones would move it."""

ROUNDS = 2
"""Better cameras find other points, and those better cameras; a third round changes nothing."""


@dataclass(frozen=True, eq=False)
class AdjustedPhotos:
    """Photos whose cameras agree with the points that they share.

    Attributes:
        posed: The photos, in the order given, in the world given.
        points: Sparse points; photo indices are those of `posed`.
        kept: Indices of photos that see too few points and keep their cameras.
    """

    posed: tuple[PosedPhoto, ...]
    points: SparsePoints
    kept: tuple[int, ...]


def adjust_cameras(photos: Sequence[PosedPhoto], workspace: Path) -> AdjustedPhotos:
    """Move cameras until the features that match meet in points; intrinsics stay.

    The world stays: its axes and its middle are those of all cameras, and their distance from it is
    the same on average.

    Args:
        photos: Posed photos, in the order of the scene.
        workspace: An empty folder for copies and the database.

    Raises:
        InputError: A photo cannot be read, or there is only one.
    """
    match_posed_photos(photos, workspace)
    cameras = {index: photo.camera for index, photo in enumerate(photos)}
    for _ in range(ROUNDS):
        cameras |= _adjusted(triangulated(cameras, workspace), cameras)
    points = sparse_points(triangulated(cameras, workspace), {i: i for i in cameras})
    posed = tuple(replace(photo, camera=cameras[i]) for i, photo in enumerate(photos))
    kept = tuple(i for i, photo in enumerate(photos) if cameras[i] is photo.camera)
    return AdjustedPhotos(posed, points, kept)


def _adjusted(model: pycolmap.Reconstruction, cameras: Mapping[int, Camera]) -> dict[int, Camera]:
    """Adjusted cameras, in the world of those before, of the images that see enough points."""
    pycolmap.bundle_adjustment(model, _adjustment_options())
    poses = {
        image_index(image.name): np.vstack([image.cam_from_world().matrix(), [0.0, 0.0, 0.0, 1.0]])
        for image in model.images.values()
        if image.num_points3D >= FEWEST_POINTS
    }
    if len(poses) < 2:
        return {}
    before = {index: cameras[index] for index in poses}
    moved = [replace(camera, cam_from_world=poses[i]) for i, camera in before.items()]
    to_world = similarity_to_world(poses, before, _spread(before.values()) / _spread(moved))
    return {
        index: replace(camera, cam_from_world=moved_pose(poses[index], to_world))
        for index, camera in before.items()
    }


def _spread(cameras: Iterable[Camera]) -> float:
    """Root mean square distance of cameras from their middle."""
    return float(np.sqrt(np.var([camera.center_world for camera in cameras], axis=0).sum()))


def _adjustment_options() -> pycolmap.BundleAdjustmentOptions:
    """The same points give the same cameras; what matches wrongly hardly pulls at them."""
    options = pycolmap.BundleAdjustmentOptions()
    # a focal length for each photo is hardly told from a step forward: photos7 loses 2.6 dB by it
    options.refine_focal_length = options.refine_extra_params = False
    options.print_summary = False
    options.ceres.loss_function_type = pycolmap.LossFunctionType.SOFT_L1
    solver = options.ceres.solver_options
    solver.num_threads = 1  # sums in threads' order are not the same
    solver.function_tolerance = 1e-6  # further steps move no point by a hundredth of a pixel
    return options
