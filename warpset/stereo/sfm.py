"""Structure from motion: cameras for plain photos, sparse points for posed ones; no dense depth.

pycolmap does the work, on one thread where threads would change the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pycolmap

from ..core.cameras import Camera
from ..core.errors import InputError
from ..core.geometry import PosedPhoto
from ..core.lens import Lens
from ..core.sizes import shrunk, shrunk_size
from ..files.exif import ExifCamera, read_exif_camera
from ..files.photos import read_photo, resample_photo, upright_size
from ..files.pinhole_photos import read_pinhole
from ..recordings.recording import pose_photo, rigid_pose
from .features import (
    SEED,
    FeatureImage,
    MatchedPair,
    feature_counts,
    match_images,
    matched_pairs,
    write_image,
)
from .parallax import parallax_px
from .sparse import SparsePoints

# Features are found on copies none of whose sides is longer, in pixels. Raised, more and finer
# features are found than `MAX_FEATURES` keeps, at the cost of time.
MAX_SIDE_PX = 1600

# A photo with fewer features shows too little texture to be placed: COLMAP asks for 15 to 30
# matches that fit, and most features find no partner.
MIN_FEATURES = 50

# Parallax that some two photos need, as a share of the longer side: 3 pixels of 1600, above what
# features are off by and a lens bends. Raised, slow camera moves are refused; lowered, a camera
# that only turned passes and gives depth that is noise.
MIN_PARALLAX = 0.002

# Triangulation angle asked of the first pair, in degrees: COLMAP's own, and a quarter of it where
# no pair has that, as in photos of a slow move. A small angle first would give the rest a weak
# start.
FIRST_PAIR_ANGLES_DEG = (16.0, 4.0)

# Where EXIF is silent, the focal length is first taken for so many times the longer side, as COLMAP
# does: 45 degrees, between a phone's 65 and a short telephoto's 30. It is refined with the cameras.
UNKNOWN_FOCAL_FACTOR = 1.2


@dataclass(frozen=True, eq=False)
class Registration:
    """Photos that structure from motion could place together.

    Attributes:
        posed: They and their cameras, in the order given; the world's scale is arbitrary.
        points: Sparse points; photo indices are those of `posed`.
        left_out: Photos that could not be placed with the rest.
    """

    posed: tuple[PosedPhoto, ...]
    points: SparsePoints
    left_out: tuple[Path, ...]


def register_photos(photos: Sequence[Path], workspace: Path) -> Registration:
    """Find the cameras of photos of one place; the same photos give the same cameras.

    Photos of one size that EXIF says were taken with one camera at one focal length share their
    intrinsics; photos without EXIF do when all of them have one size.

    Args:
        photos: Photos, in the order of the scene.
        workspace: An empty folder for copies and the database.

    Raises:
        InputError: A photo cannot be read, or no two could be placed together.
    """
    folder, database = workspace / "images", workspace / "features.db"
    match_images(_plain_images(photos, folder), folder, database)
    scene = photos[0].parent
    if problem := _why_not_placeable(len(photos), database):
        raise InputError(f"{scene}: {problem}")
    model = _largest_model(database, folder, workspace)
    if model is None:
        raise InputError(
            f"{scene}: {len(photos)} photos match but their cameras could not be found; add"
            " overlapping photos from more spots"
        )
    images = {image_index(image.name): image for image in model.images.values() if image.has_pose}
    placed = sorted(images)
    posed = tuple(_posed(photos[index], images[index]) for index in placed)
    left_out = tuple(path for index, path in enumerate(photos) if index not in images)
    order = {index: position for position, index in enumerate(placed)}
    return Registration(posed, sparse_points(model, order), left_out)


def triangulate_points(photos: Sequence[PosedPhoto], workspace: Path) -> SparsePoints:
    """Sparse points of photos whose cameras are known.

    Leaves a COLMAP model of pinhole cameras in the workspace, and its images in `images/`.

    Args:
        photos: Posed photos.
        workspace: An empty folder for copies and the database.

    Raises:
        InputError: A photo cannot be read, or there is only one.
    """
    if len(photos) < 2:
        found = f"{photos[0].path}: found 1 photo" if photos else "found no photo"
        raise InputError(f"{found}, need 2 of one place to measure depth; add photos")
    folder, database = workspace / "images", workspace / "features.db"
    images = [pinhole_image(photo, index, folder) for index, photo in enumerate(photos)]
    match_images(images, folder, database)
    model = posed_model({index: photo.camera for index, photo in enumerate(photos)}, database)
    triangulate_model(model, database, folder, workspace)
    return sparse_points(model, {index: index for index in range(len(photos))})


def posed_model(cameras: Mapping[int, Camera], database: Path) -> pycolmap.Reconstruction:
    """A COLMAP model without points: the images of some photos where their cameras stand.

    Args:
        cameras: Cameras by the index of the photo, whose pose is taken; K is the database's.
        database: Holds an image of each of these photos, see `image_name`.
    """
    model = pycolmap.Reconstruction()
    with pycolmap.Database.open(database) as opened:
        for stored in sorted(opened.read_all_images(), key=lambda image: image.image_id):
            camera = cameras.get(image_index(stored.name))
            if camera is None:
                continue
            model.add_camera_with_trivial_rig(opened.read_camera(stored.camera_id))
            image = pycolmap.Image(
                name=stored.name, camera_id=stored.camera_id, image_id=stored.image_id
            )
            pose = pycolmap.Rigid3d(camera.cam_from_world[:3])
            model.add_image_with_trivial_frame(image, pose)
    return model


def triangulate_model(
    model: pycolmap.Reconstruction, database: Path, folder: Path, workspace: Path
) -> None:
    """Give a model points out of the database's matches; no camera moves.

    Leaves the model's files in the workspace.
    """
    pycolmap.triangulate_points(model, database, folder, workspace, options=mapping_options())


def _plain_images(photos: Sequence[Path], folder: Path) -> list[FeatureImage]:
    cameras = [read_exif_camera(path) for path in photos]
    keys = [(upright_size(path), camera) for path, camera in zip(photos, cameras, strict=True)]
    is_one_size = len({size for size, _ in keys}) == 1
    images = []
    for index, (path, (size_wh, camera)) in enumerate(zip(photos, keys, strict=True)):
        group = keys.index((size_wh, camera)) if camera or is_one_size else index
        small_wh = shrunk_size(size_wh, MAX_SIDE_PX)
        name = image_name(group, index)
        write_image(resample_photo(read_photo(path), (0.0, 0.0, *size_wh), small_wh), folder, name)
        images.append(FeatureImage(name, _first_guess(camera, small_wh)))
    return images


def _first_guess(camera: ExifCamera | None, size_wh: tuple[int, int]) -> pycolmap.Camera:
    known_focal_px = camera.focal_px(size_wh) if camera else None
    focal_px = known_focal_px or UNKNOWN_FOCAL_FACTOR * max(size_wh)
    width, height = size_wh
    guess = pycolmap.Camera(
        model="SIMPLE_RADIAL",
        width=width,
        height=height,
        params=[focal_px, width / 2, height / 2, 0.0],
    )
    guess.has_prior_focal_length = known_focal_px is not None
    return guess


def pinhole_image(photo: PosedPhoto, index: int, folder: Path) -> FeatureImage:
    """Write a photo for COLMAP, free of lens distortion, with its known intrinsics.

    Raises:
        InputError: The photo cannot be read.
    """
    name = image_name(index, index)
    camera = shrunk(photo.camera, MAX_SIDE_PX)
    write_image(read_pinhole(photo, camera), folder, name)
    K, (width, height) = camera.K, camera.size_wh
    params = [K[0, 0], K[1, 1], K[0, 2], K[1, 2]]
    known = pycolmap.Camera(model="PINHOLE", width=width, height=height, params=params)
    known.has_prior_focal_length = True
    return FeatureImage(name, known)


def image_name(group: int, index: int) -> str:
    """Name in COLMAP of the photo with that index; images of one folder share their camera."""
    return f"{group:06d}/{index:06d}.png"


def image_index(name: str) -> int:
    """Index of the photo that `image_name` made a name for."""
    return int(Path(name).stem)


def _posed(path: Path, image: pycolmap.Image) -> PosedPhoto:
    camera = image.camera
    assert camera is not None, "a registered image has a camera"
    lens = Lens(camera.model_name, tuple(camera.params), (camera.width, camera.height))
    cam_from_world = np.vstack([image.cam_from_world().matrix(), [0.0, 0.0, 0.0, 1.0]])
    return pose_photo(path, lens, rigid_pose(path, cam_from_world))


def sparse_points(model: pycolmap.Reconstruction, order: Mapping[int, int]) -> SparsePoints:
    """The points of a model; `order` takes the number in an image's name to a photo's index."""
    photo_of = {key: order.get(image_index(image.name), -1) for key, image in model.images.items()}
    points = [model.points3D[key] for key in sorted(model.points3D)]
    observations = [
        (index, photo_of[element.image_id])
        for index, point in enumerate(points)
        for element in point.track.elements
    ]
    xyz_world = np.array([point.xyz for point in points], np.float64).reshape(-1, 3)
    point_index, photo_index = np.array(observations, np.intp).reshape(-1, 2).T
    return SparsePoints(xyz_world, point_index, photo_index)


def _largest_model(database: Path, folder: Path, workspace: Path) -> pycolmap.Reconstruction | None:
    for angle_deg in FIRST_PAIR_ANGLES_DEG:
        options = mapping_options()
        options.mapper.init_min_tri_angle = angle_deg
        models = pycolmap.incremental_mapping(database, folder, workspace, options)
        if models:
            return max(models.values(), key=_model_size)
    return None


def _model_size(model: pycolmap.Reconstruction) -> tuple[int, int]:
    return model.num_reg_images(), model.num_points3D()


def _why_not_placeable(count: int, database: Path) -> str | None:
    """What is missing before any camera can be found; None where nothing is."""
    textured = sum(features >= MIN_FEATURES for features in feature_counts(database))
    if textured < 2:
        return (
            f"found texture in {textured} of {count} photos, need it in at least 2 to find their"
            " cameras; photograph textured surfaces"
        )
    overlap = False
    for pair in matched_pairs(database):
        overlap = True
        if _has_baseline(pair):
            return None
    if not overlap:
        return (
            f"none of {count} photos shows what another shows, need overlapping photos of one"
            " place; add photos in between or split the scene"
        )
    return (
        f"all {count} photos were taken from one spot (one photo repeated, or a camera that"
        " only turned), need at least 2 spots to find depth; move the camera between photos"
    )


def _has_baseline(pair: MatchedPair) -> bool:
    return parallax_px(*pair[:4]) > MIN_PARALLAX * max(pair.second_wh)


def mapping_options() -> pycolmap.IncrementalPipelineOptions:
    """How COLMAP maps and triangulates: the same matches give the same model."""
    options = pycolmap.IncrementalPipelineOptions()
    options.random_seed = options.mapper.random_seed = options.triangulation.random_seed = SEED
    options.num_threads = options.mapper.num_threads = 1  # sums in threads' order are not the same
    options.min_model_size = 2  # COLMAP's 10 would refuse small scenes
    options.extract_colors = False
    # two photos are a scene, and then every track has two views
    options.triangulation.ignore_two_view_tracks = False
    return options
