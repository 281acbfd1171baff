"""A localized scene on disk, MegaDepth's layout in metres: `images/`, `depths/`, `sparse-txt/`.

It lies in `<scene>/sfm_output_localization/sfm_<features>/localized_dense_metric`. How its cameras
and its depth were found it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pycolmap

from warpset.core.errors import InputError, looking_into, told_once
from warpset.core.geometry import Depth, PosedPhoto, SceneGeometry
from warpset.core.natural_order import sorted_naturally
from warpset.files.photos import check_photo
from warpset.files.pictures import picture_bytes
from warpset.files.pinhole_photos import read_pinhole
from warpset.recordings.formats.colmap_files import open_colmap_model
from warpset.recordings.registry import read_recording, recorded_geometry
from warpset.stereo.sfm import image_index

LOCALIZATION = "sfm_output_localization"
LOCALIZED = "localized_dense_metric"
SPARSE = "sparse-txt"
REPORT = "localization.json"


def features_folder(root: Path, scene: str, features: str) -> Path:
    """Where a scene's localization by these features lies."""
    return root / scene / LOCALIZATION / f"sfm_{features}"


def localized_scenes(root: Path) -> list[str]:
    """Names of the scenes below a folder that have been localized, by whatever features.

    One that cannot be looked into is among them, for `find_localized` to say so.

    Raises:
        InputError: The folder cannot be looked into.
    """
    with looking_into(root):
        folders = root.iterdir() if root.is_dir() else ()
        scenes = sorted_naturally(path for path in folders if path.is_dir())
    return [scene.name for scene in scenes if _may_be_localized(scene)]


def _may_be_localized(scene: Path) -> bool:
    try:
        return bool(_localizations(scene))
    except PermissionError:
        return True


def _localizations(scene: Path) -> list[Path]:
    """The folders of a scene's localizations by different features.

    Raises:
        OSError: A folder cannot be looked into; `glob` would pass over it.
    """
    place = scene / LOCALIZATION
    by_features = place.iterdir() if place.is_dir() else ()
    found = (folder / LOCALIZED for folder in by_features if folder.name.startswith("sfm_"))
    return sorted_naturally(folder for folder in found if folder.exists())


def find_localized(root: Path, scene: str, features: str | None = None) -> Path:
    """The folder of a localized scene.

    Args:
        root: The folder of all scenes.
        scene: Its name.
        features: What its folder is called after `sfm_`; None where there is only one.

    Raises:
        InputError: There is none, or there are several and `features` does not say which; or a
            folder cannot be looked into.
    """
    with looking_into(root / scene):
        found = _localizations(root / scene)
    if features is not None:
        found = [path for path in found if path.parent.name == f"sfm_{features}"]
    if not found:
        place = features_folder(root, scene, features or "*") / LOCALIZED
        raise InputError(f"{place}: found no localized scene; run do_colmap_localization first")
    if len(found) > 1:
        names = ", ".join(path.parent.name.removeprefix("sfm_") for path in found)
        raise InputError(
            f"{root / scene}: localized by several features ({names}); say which with --features"
        )
    return found[0]


def read_localized(folder: Path, problems: list[str]) -> SceneGeometry:
    """The views of a localized scene that have a depth file; depth is read when it is needed.

    Args:
        folder: The localized scene.
        problems: Takes a line for each view whose picture or depth file is missing or broken.

    Raises:
        InputError: There is no readable COLMAP model, or no view has its picture and depth.
    """
    recording = read_recording(folder)
    if recording is None:
        raise InputError(f"{folder}: found no COLMAP model; run do_colmap_localization first")
    problems.extend(recording.problems.values())
    if recording.missing:
        problems.append(f"{folder}: {len(recording.missing)} listed pictures are missing; left out")
    complete = tuple(frame for frame in recording.frames if frame.depth_path is not None)
    problems.extend(
        f"{frame.photo.path}: found no depth file; view left out"
        for frame in recording.frames
        if frame.depth_path is None
    )
    if not complete:
        why = f" ({told_once(problems)})" if problems else ""
        raise InputError(
            f"{folder}: found no view with a camera, a picture and depth{why}; run"
            " do_colmap_localization again"
        )
    return recorded_geometry(recording, complete)


def read_sparse(folder: Path) -> pycolmap.Reconstruction:
    """The sparse model of a localized scene.

    Raises:
        InputError: It cannot be read, or lacks points that its images see.
    """
    model = open_colmap_model(folder / SPARSE)
    there = set(model.points3D)
    for image in model.images.values():
        seen = {point.point3D_id for point in image.get_observation_points2D()}
        if lacking := seen - there:
            raise InputError(
                f"{folder / SPARSE}: lacks {len(lacking)} points that {image.name} sees, among"
                f" them {min(lacking)}; run do_colmap_localization again"
            )
    return model


def write_picture(folder: Path, photo: PosedPhoto) -> None:
    """Put a photo, which is a pinhole's already, into a localized scene as it is."""
    target = folder / "images" / photo.path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(photo.path.read_bytes())


def pinhole_file(photo: PosedPhoto) -> tuple[str, bytes]:
    """Name and content of a photo's file as its pinhole camera sees it; as it is where it can be.

    Raises:
        InputError: The photo cannot be read.
    """
    if photo.lens is None:
        check_photo(photo.path)
        return photo.path.name, photo.path.read_bytes()
    return f"{photo.path.stem}.png", picture_bytes(read_pinhole(photo, photo.camera), "png")


def write_depth(folder: Path, photo: PosedPhoto, depth: Depth) -> None:
    """Write the depth (h, w) in metres of a view of a localized scene, 0 = unknown."""
    (folder / "depths").mkdir(parents=True, exist_ok=True)
    write_depth_file(folder / "depths" / f"{photo.path.stem}.h5", depth)


def write_depth_file(path: Path, depth: Depth) -> None:
    """Write a depth map as MegaDepth's layout has it: HDF5 with one data set, `depth`."""
    with h5py.File(path, "w") as file:
        file.create_dataset("depth", data=depth.astype(np.float32), compression="gzip")


def write_sparse(
    folder: Path, posed: Mapping[int, PosedPhoto], model: pycolmap.Reconstruction
) -> None:
    """Write cameras and points of a localized scene as COLMAP text.

    Images have the names and sizes of their pictures; each has a camera of its own,
    `SIMPLE_PINHOLE` where x and y share a focal length.

    Args:
        folder: The localized scene.
        posed: Photos by the index in their image's name.
        model: A model of them, on rasters of any size.
    """
    written, new_key = pycolmap.Reconstruction(), {}
    images = {image_index(image.name): image for image in model.images.values()}
    for key, (index, photo) in enumerate(posed.items(), start=1):
        new_key[images[index].image_id] = key
        _add_image(written, key, photo, images[index])
    for _, point in sorted(model.points3D.items()):
        track = pycolmap.Track()
        for element in point.track.elements:
            if element.image_id in new_key:
                track.add_element(new_key[element.image_id], element.point2D_idx)
        if track.length():
            added = written.add_point3D(point.xyz, track, point.color)
            written.points3D[added].error = point.error
    (folder / SPARSE).mkdir(parents=True)
    written.write_text(folder / SPARSE)


def _add_image(
    written: pycolmap.Reconstruction, key: int, photo: PosedPhoto, image: pycolmap.Image
) -> None:
    K, (width, height), old = photo.camera.K, photo.camera.size_wh, image.camera
    assert old is not None, "an image of a model has a camera"
    one_focal = abs(K[0, 0] - K[1, 1]) < 1e-6 * K[0, 0]
    model, focals = ("SIMPLE_PINHOLE", [K[0, 0]]) if one_focal else ("PINHOLE", [K[0, 0], K[1, 1]])
    params = [*focals, K[0, 2], K[1, 2]]
    written.add_camera_with_trivial_rig(
        pycolmap.Camera(camera_id=key, model=model, width=width, height=height, params=params)
    )
    xy = np.array([point.xy for point in image.points2D], np.float64).reshape(-1, 2)
    copy = pycolmap.Image(
        name=photo.path.name,
        keypoints=xy * [width / old.width, height / old.height],
        camera_id=key,
        image_id=key,
    )
    pose = pycolmap.Rigid3d(photo.camera.cam_from_world[:3])
    written.add_image_with_trivial_frame(copy, pose)
