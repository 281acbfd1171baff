"""Photos registered against aerial frames whose metric cameras are known; no depth, no layouts.

Images have indices: aerial frames first, photos after them. Intrinsics are known for all and stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pycolmap

from warpset.core.cameras import Camera
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap, PosedPhoto
from warpset.stereo.features import EXHAUSTIVE_UP_TO, SEED
from warpset.stereo.sfm import (
    image_index,
    image_name,
    mapping_options,
    pinhole_image,
    posed_model,
    triangulate_model,
)

from .candidate_pairs import Pairs, alike_frames, covisible_photos, nearest_views
from .pose_check import PoseCheck, check_poses
from .scene_features import SceneFeatures

MAPPING, POSE = "mapping", "pose"

MAX_DRIFT_M = 0.001
"""Known cameras that moved farther are brought back by a similarity."""


@dataclass(frozen=True, eq=False)
class PhotoGroup:
    """Photos of one MegaDepth model, in whose frame they are posed.

    Attributes:
        photos: The photos; their cameras share a world of arbitrary scale.
        views: Their depth, small (see `small_view`).
    """

    photos: tuple[PosedPhoto, ...]
    views: tuple[DepthMap, ...]


@dataclass(frozen=True, eq=False)
class Registration:
    """Aerial frames and the photos that were registered with them.

    Attributes:
        posed: Photos and frames by index, with cameras in the aerial frames' world.
        model: The COLMAP model, with points.
        drift_m: How far the farthest known camera stands from where it belongs.
        is_aligned: Whether a similarity brought the model back.
        checks: How photos agree with their MegaDepth model, also those that were dropped for it;
            photos of models that cannot tell are not among them.
    """

    posed: dict[int, PosedPhoto]
    model: pycolmap.Reconstruction
    drift_m: float
    is_aligned: bool
    checks: dict[int, PoseCheck]


class Registrar:
    """Registers the photos of one scene, step by step.

    Args:
        frames: Aerial frames with their metric cameras.
        groups: Photos.
        features: Finds and matches features.
        workspace: An empty folder for copies and the database.
    """

    def __init__(
        self,
        frames: Sequence[PosedPhoto],
        groups: Sequence[PhotoGroup],
        features: SceneFeatures,
        workspace: Path,
    ):
        self._frames, self._groups = dict(enumerate(frames)), groups
        photos = [photo for group in groups for photo in group.photos]
        self._images = dict(enumerate([*frames, *photos]))
        self._photos = range(len(frames), len(self._images))
        self._features, self._workspace = features, workspace
        self._folder, self._database = workspace / "images", workspace / "features.db"
        self._checks: dict[int, PoseCheck] = {}

    def register(self, how: str) -> Registration:
        """Find the photos' cameras.

        Args:
            how: `mapping` (incremental, bundle-adjusted around the fixed frames) or `pose` (each
                photo by itself from its matches with the frames; faster).

        Raises:
            InputError: A picture cannot be read, the frames share nothing, or no photo could be
                registered.
        """
        images = [
            pinhole_image(photo, index, self._folder) for index, photo in self._images.items()
        ]
        self._features.find(images, self._folder, self._database)
        known = self._triangulated_frames()
        self._match(self._photo_pairs([_index(image) for image in known.images.values()]))
        model = self._mapped(known) if how == MAPPING else self._posed_one_by_one(known)
        return self._registration(model)

    def _triangulated_frames(self) -> pycolmap.Reconstruction:
        """The aerial frames and their points; frames without any are dropped.

        pycolmap crashes on fixed frames that lose all their points while mapping.
        """
        self._match(nearest_views([frame.camera for frame in self._frames.values()]))
        known = self._triangulated(self._frames)
        used = {_index(image) for image in known.images.values() if image.num_points3D}
        if len(used) < 2:
            raise InputError(
                f"{self._frames[0].path.parent}: {len(used)} of {len(self._frames)} aerial frames"
                " share texture with another, need at least 2; render the video larger or slower"
            )
        if len(used) == len(self._frames):
            return known
        return self._triangulated({index: self._frames[index] for index in used})

    def _triangulated(self, posed: Mapping[int, PosedPhoto]) -> pycolmap.Reconstruction:
        cameras = {index: photo.camera for index, photo in posed.items()}
        model = posed_model(cameras, self._database)
        triangulate_model(model, self._database, self._folder, self._workspace)
        return model

    def _photo_pairs(self, frames: Sequence[int]) -> Pairs:
        if len(self._images) <= EXHAUSTIVE_UP_TO:
            return {(one, photo) for photo in self._photos for one in self._images if one < photo}
        pairs = alike_frames(self._database, sorted(frames), self._photos)
        first = len(self._frames)
        for group in self._groups:
            near = covisible_photos(group.views)
            pairs |= {(first + one, first + other) for one, other in near}
            first += len(group.photos)
        return pairs

    def _match(self, pairs: Pairs) -> None:
        named = [(image_name(one, one), image_name(other, other)) for one, other in sorted(pairs)]
        self._features.match(named, self._database)

    def _mapped(self, known: pycolmap.Reconstruction) -> pycolmap.Reconstruction:
        given, mapped = self._workspace / "known", self._workspace / "mapped"
        for folder in (given, mapped):
            folder.mkdir()
        known.write_binary(given)
        options = _fixed_frames_options()
        options.image_names = [
            *(image.name for image in known.images.values()),
            *(image_name(photo, photo) for photo in self._photos),
        ]
        models = pycolmap.incremental_mapping(
            self._database, self._folder, mapped, options, input_path=given
        )
        return max(models.values(), key=lambda model: model.num_reg_images(), default=known)

    def _posed_one_by_one(self, known: pycolmap.Reconstruction) -> pycolmap.Reconstruction:
        """Poses from 2D-3D matches alone; what they register helps to register the others.

        A photo that disagrees with its MegaDepth model is not tried again, lest it misleads them.
        """
        posed = {_index(image): self._frames[_index(image)] for image in known.images.values()}
        model, refused = known, set[int]()
        while new := self._newly_posed(model, {*posed, *refused}):
            posed |= new
            model = self._triangulated(posed)
            if false := self._false_poses(model):
                refused |= false
                posed = {index: photo for index, photo in posed.items() if index not in false}
                model = self._triangulated(posed)
        return model

    def _drop_false_poses(self, model: pycolmap.Reconstruction) -> None:
        false = self._false_poses(model)
        for image in list(model.images.values()):
            if image.has_pose and _index(image) in false:
                model.deregister_frame(image.frame_id)

    def _false_poses(self, model: pycolmap.Reconstruction) -> set[int]:
        """Photos that disagree with their MegaDepth model; every check is noted."""
        seen = {_index(image): image for image in model.images.values() if image.num_points3D}
        false, first = set[int](), len(self._frames)
        for group in self._groups:
            photos = [first + n for n in range(len(group.photos)) if first + n in seen]
            first += len(group.photos)
            checks = check_poses(
                [_moved(self._images[n], seen[n].cam_from_world()).camera for n in photos],
                [self._images[n].camera for n in photos],
                [_distance_m(seen[n], model) for n in photos],
            )
            if checks is not None:
                self._checks |= dict(zip(photos, checks, strict=True))
                false |= {n for n in photos if not self._checks[n].agrees}
        return false

    def _newly_posed(
        self, model: pycolmap.Reconstruction, posed: set[int]
    ) -> dict[int, PosedPhoto]:
        with pycolmap.Database.open(self._database) as opened:
            found = {
                photo: _absolute_pose(opened, model, image_name(photo, photo))
                for photo in self._photos
                if photo not in posed
            }
        return {
            index: _moved(self._images[index], pose)
            for index, pose in found.items()
            if pose is not None
        }

    def _registration(self, model: pycolmap.Reconstruction) -> Registration:
        known = {
            image.image_id: self._frames[_index(image)].camera
            for image in model.images.values()
            if image.has_pose and _index(image) in self._frames
        }
        is_aligned = drift_m(model, known) > MAX_DRIFT_M
        if is_aligned:
            align(model, known)
        self._drop_false_poses(model)
        posed = {
            _index(image): _moved(self._images[_index(image)], image.cam_from_world())
            for image in model.images.values()
            if image.has_pose
        }
        if not any(photo in posed for photo in self._photos):
            raise InputError(
                f"{self._images[self._photos[0]].path.parent}: 0 of {len(self._photos)} photos"
                " could be registered with the aerial frames; lower the camera's path, or use"
                " learned features (--features aliked)"
            )
        drift, checks = drift_m(model, known), dict(sorted(self._checks.items()))
        return Registration(dict(sorted(posed.items())), model, drift, is_aligned, checks)


def drift_m(model: pycolmap.Reconstruction, known: Mapping[int, Camera]) -> float:
    """Greatest distance of an image's optical centre from where it is known to be.

    Args:
        model: A COLMAP model.
        known: Cameras by COLMAP's image id.
    """
    centers = [model.images[key].projection_center() for key in known]
    expected = [camera.center_world for camera in known.values()]
    return float(np.linalg.norm(np.subtract(centers, expected), axis=-1).max())


def align(model: pycolmap.Reconstruction, known: Mapping[int, Camera]) -> None:
    """Bring a model back by the similarity of its known cameras.

    Rotations are averaged (chordal mean), so that also a camera that flew along a straight line
    tells which way is up.

    Args:
        model: A COLMAP model.
        known: Cameras by COLMAP's image id, at two places or more.
    """
    images = [model.images[key] for key in known]
    centers = np.array([image.projection_center() for image in images])
    expected = np.array([camera.center_world for camera in known.values()])
    total = sum(
        camera.cam_from_world[:3, :3].T @ image.cam_from_world().rotation.matrix()
        for image, camera in zip(images, known.values(), strict=True)
    )
    left, _, right = np.linalg.svd(total)
    rotation = left @ np.diag([1.0, 1.0, np.linalg.det(left @ right)]) @ right
    turned = (centers - centers.mean(0)) @ rotation.T
    scale = float(np.sum(turned * (expected - expected.mean(0))) / np.sum(turned**2))
    shift = expected.mean(0) - scale * rotation @ centers.mean(0)
    model.transform(pycolmap.Sim3d(scale, pycolmap.Rotation3d(rotation), shift))


def _fixed_frames_options() -> pycolmap.IncrementalPipelineOptions:
    options = mapping_options()
    options.fix_existing_frames = options.mapper.fix_existing_frames = True
    options.ba_refine_focal_length = options.ba_refine_extra_params = False
    options.mapper.abs_pose_refine_focal_length = False
    options.mapper.abs_pose_refine_extra_params = False
    return options


def _absolute_pose(
    opened: pycolmap.Database, model: pycolmap.Reconstruction, name: str
) -> pycolmap.Rigid3d | None:
    """Pose of an image from its matches with images of the model, or None."""
    limits = mapping_options().mapper
    image = opened.read_image_with_name(name)
    assert image is not None, "every photo is in the database"
    rows, points = _correspondences(opened, model, image.image_id)
    if len(rows) < limits.abs_pose_min_num_inliers:
        return None
    keypoints = np.asarray(opened.read_keypoints(image.image_id), np.float64)[:, :2]
    estimation = pycolmap.AbsolutePoseEstimationOptions()
    estimation.ransac.random_seed = SEED
    estimation.ransac.max_error = limits.abs_pose_max_error
    found = pycolmap.estimate_and_refine_absolute_pose(
        keypoints[rows],
        np.array([model.points3D[point].xyz for point in points]),
        opened.read_camera(image.camera_id),
        estimation,
    )
    if found is None or found["num_inliers"] < limits.abs_pose_min_num_inliers:
        return None
    return found["cam_from_world"]


def _correspondences(
    opened: pycolmap.Database, model: pycolmap.Reconstruction, key: int
) -> tuple[list[int], list[int]]:
    """Keypoints of an image and the model's points that they are matched with, each pair once."""
    found: dict[tuple[int, int], None] = {}
    for other, image in sorted(model.images.items()):
        if not image.has_pose or not opened.exists_two_view_geometry(key, other):
            continue
        for own, theirs in opened.read_two_view_geometry(key, other).inlier_matches:
            point = image.points2D[int(theirs)]
            if point.has_point3D():
                found[int(own), point.point3D_id] = None
    rows, points = zip(*found, strict=True) if found else ((), ())
    return list(rows), list(points)


def _moved(photo: PosedPhoto, cam_from_world: pycolmap.Rigid3d) -> PosedPhoto:
    pose = np.vstack([cam_from_world.matrix(), [0.0, 0.0, 0.0, 1.0]])
    return replace(photo, camera=replace(photo.camera, cam_from_world=pose))


def _distance_m(image: pycolmap.Image, model: pycolmap.Reconstruction) -> float:
    """Median distance from an image to its points."""
    points = [model.points3D[seen.point3D_id].xyz for seen in image.get_observation_points2D()]
    return float(np.median(np.linalg.norm(points - image.projection_center(), axis=1)))


def _index(image: pycolmap.Image) -> int:
    return image_index(image.name)
