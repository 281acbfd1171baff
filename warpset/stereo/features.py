"""Image features and their matches between photos, in a COLMAP database; no poses, no depth.

SIFT on the CPU by pycolmap, fed with upright 8-bit copies. Its learned features are left alone:
the published wheels abort the interpreter when asked for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pycolmap
from numpy.typing import NDArray
from PIL import Image

from ..core.cameras import FloatArray

pycolmap.logging.minloglevel = int(pycolmap.logging.FATAL)
pycolmap.logging.stderrthreshold = int(pycolmap.logging.FATAL)

SEED = 0  # of RANSAC and of the mapper; the same photos give the same cameras

# SIFT features kept of a photo, the largest first; half of COLMAP's own number. More take time:
# matching compares each with each, so that twice as many cost four times as much.
MAX_FEATURES = 4096

CAMERA_MODE = pycolmap.CameraMode.PER_FOLDER  # images of one subfolder share their intrinsics

# Scenes of at most so many photos have every pair compared: 780 pairs. Raised, the pairs grow as
# the square of it.
EXHAUSTIVE_UP_TO = 40

# In larger scenes each photo is compared with so many followers. Lowered, a few photos without
# texture break the chain.
SEQUENTIAL_REACH = 10

# So many evenly spaced photos of a larger scene are all compared with each other, to close loops:
# as many pairs as the largest scene has that is compared whole.
LOOP_KEYFRAMES = 40


@dataclass(frozen=True, eq=False)
class FeatureImage:
    """An image that COLMAP has been given.

    Attributes:
        name: Its path below the image folder; images of one subfolder share their camera.
        camera: What is known of its camera, on the image's own raster.
    """

    name: str
    camera: pycolmap.Camera


class MatchedPair(NamedTuple):
    """Where two images show the same.

    Attributes:
        first: (n, 2) positions in one image, centre of the first pixel at 0.5.
        second: (n, 2) positions in the other image.
        first_wh: Size of the one.
        second_wh: Size of the other.
        names: Of the one and of the other.
    """

    first: FloatArray
    second: FloatArray
    first_wh: tuple[int, int]
    second_wh: tuple[int, int]
    names: tuple[str, str]


def write_image(rgb: NDArray[np.uint8], folder: Path, name: str) -> None:
    """Write what COLMAP reads: 8-bit PNG, upright, without metadata."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(path, compress_level=1)  # read once and thrown away


def match_images(images: Sequence[FeatureImage], folder: Path, database: Path) -> None:
    """Find features and match them, into a new database; the same images give the same matches.

    Args:
        images: What to match, in the order of the scene.
        folder: Where their files lie.
        database: Path of the database to make.
    """
    find_features(images, folder, database)
    names = [image.name for image in images]
    match_pairs([(names[i], names[j]) for i, j in pairs_to_match(len(names))], database)


def find_features(images: Sequence[FeatureImage], folder: Path, database: Path) -> None:
    """Find the SIFT features of images, into a new database; see `match_images`."""
    add_images(images, folder, database)
    extraction = pycolmap.FeatureExtractionOptions(use_gpu=False)
    extraction.sift.max_num_features = MAX_FEATURES
    pycolmap.extract_features(
        database,
        folder,
        [image.name for image in images],
        CAMERA_MODE,
        extraction_options=extraction,
        device=pycolmap.Device.cpu,
    )


def add_images(images: Sequence[FeatureImage], folder: Path, database: Path) -> None:
    """Put images and their cameras into a new database, without features."""
    names = [image.name for image in images]
    pycolmap.Database.open(database).close()
    pycolmap.import_images(database, folder, CAMERA_MODE, image_names=names)
    _set_cameras(images, database)


def match_pairs(pairs: Sequence[tuple[str, str]], database: Path) -> None:
    """Match the SIFT features of pairs of images, and keep what fits one geometry."""
    if not pairs:
        return
    pycolmap.match_image_pairs(
        database,
        matching_options=pycolmap.FeatureMatchingOptions(use_gpu=False),
        pairing_options=pycolmap.ImportedPairingOptions(
            match_list_path=write_pairs(pairs, database)
        ),
        verification_options=verification_options(),
        device=pycolmap.Device.cpu,
    )


def write_pairs(pairs: Sequence[tuple[str, str]], database: Path) -> Path:
    """Write names of pairs as COLMAP reads them, beside the database."""
    path = database.with_suffix(".pairs.txt")
    path.write_text("".join(f"{one} {other}\n" for one, other in pairs), encoding="utf-8")
    return path


def pairs_to_match(count: int) -> list[tuple[int, int]]:
    """Pairs (i < j) of a scene's photos: all of a small scene's, else neighbours and loops."""
    if count <= EXHAUSTIVE_UP_TO:
        return [(i, j) for i in range(count) for j in range(i + 1, count)]
    reach = [
        (i, j) for i in range(count) for j in range(i + 1, min(i + SEQUENTIAL_REACH + 1, count))
    ]
    keyframes = np.linspace(0, count - 1, LOOP_KEYFRAMES).round().astype(int).tolist()
    loops = [(i, j) for n, i in enumerate(keyframes) for j in keyframes[n + 1 :]]
    return sorted({*reach, *loops})


def feature_counts(database: Path) -> list[int]:
    """Number of features of each image, in the order they were given."""
    with pycolmap.Database.open(database) as opened:
        images = sorted(opened.read_all_images(), key=lambda image: image.image_id)
        return [opened.num_keypoints_for_image(image.image_id) for image in images]


def matched_pairs(database: Path) -> Iterator[MatchedPair]:
    """Pairs of images whose matches fit one geometry."""
    with pycolmap.Database.open(database) as opened:
        pair_ids, geometries = opened.read_two_view_geometries()
        for pair_id, geometry in zip(pair_ids, geometries, strict=True):
            matches = geometry.inlier_matches
            if len(matches) == 0:
                continue
            ids = pycolmap.pair_id_to_image_pair(pair_id)
            images = [opened.read_image(key) for key in ids]
            cameras = [opened.read_camera(image.camera_id) for image in images]
            positions = [
                opened.read_keypoints(key)[matches[:, side], :2].astype(np.float64)
                for side, key in enumerate(ids)
            ]
            sizes_wh = [(camera.width, camera.height) for camera in cameras]
            names = images[0].name, images[1].name
            yield MatchedPair(positions[0], positions[1], sizes_wh[0], sizes_wh[1], names)


def _set_cameras(images: Sequence[FeatureImage], database: Path) -> None:
    cameras = {image.name: image.camera for image in images}
    with pycolmap.Database.open(database) as opened:
        for image in opened.read_all_images():
            camera = cameras[image.name]
            camera.camera_id = image.camera_id
            opened.update_camera(camera)


def verification_options() -> pycolmap.TwoViewGeometryOptions:
    """How matches are verified: always with the same random numbers."""
    options = pycolmap.TwoViewGeometryOptions()
    options.ransac.random_seed = SEED
    return options
