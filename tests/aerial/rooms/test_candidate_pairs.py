"""Which images are worth matching: poses, covisibility, retrieval by features."""

import numpy as np
import pycolmap
import pytest

from aerial_megadepth.localization.candidate_pairs import (
    alike_frames,
    covisible_photos,
    nearest_views,
)
from aerial_megadepth.localization.retrieval import most_alike, thinned, train_codebook, vlad
from tests.builders import a_camera, a_wall
from tests.stereo.stereo_builders import a_texture
from warpset.stereo.features import FeatureImage, find_features, write_image
from warpset.stereo.sfm import image_name


def test_neighbours_of_a_flight_are_the_nearest_that_look_the_same_way():
    cameras = [a_camera(at=(float(n), 0, 0)) for n in range(5)]
    assert nearest_views(cameras, count=1) == {(0, 1), (1, 2), (2, 3), (3, 4)}
    back = a_camera(at=(0.1, 0, 0), turned=(0, np.radians(76), 0))
    assert all(5 not in pair for pair in nearest_views([*cameras, back]))


@pytest.mark.parametrize("count", [1, 2, 7])
def test_no_camera_has_more_neighbours_than_there_are_others(count):
    cameras = [a_camera(at=(float(n), 0, 0)) for n in range(count)]
    assert len(nearest_views(cameras, count=50)) == count * (count - 1) // 2


def test_photos_are_matched_with_those_that_share_most_surface():
    views = [a_wall(at=0.4 * n) for n in range(4)]
    assert covisible_photos(views, count=1) == {(0, 1), (1, 2), (2, 3)}
    assert covisible_photos([a_wall(), a_wall(at=50.0)]) == set()


def descriptors_of(scene: int, count=200, noise_seed=0) -> np.ndarray:
    """Descriptors of the points of a scene, as one of its images shows them."""
    points = np.random.default_rng(scene).uniform(0, 255, (count, 32))
    noise = np.random.default_rng(noise_seed + 100 * scene).normal(0, 25, (count, 32))
    return (points + noise).astype(np.float32)


def test_images_of_one_scene_are_most_alike():
    images = [descriptors_of(n % 3, noise_seed=n) for n in range(9)]
    codebook = train_codebook(np.concatenate([thinned(image, 9) for image in images]))
    vectors = [vlad(image, codebook) for image in images]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(9), abs=1e-5)
    alike = most_alike(vectors[:3], vectors[3:], count=2)
    assert [sorted((row + 3) % 3) for row in alike] == [[0, 0], [1, 1], [2, 2]]


def test_the_same_features_give_the_same_words():
    samples = descriptors_of(1)
    assert np.array_equal(train_codebook(samples), train_codebook(samples))


def test_few_features_make_few_words_and_none_make_a_vector_of_zeros():
    codebook = train_codebook(descriptors_of(0, count=5))
    assert codebook.shape == (5, 32)
    assert not vlad(np.empty((0, 32), np.float32), codebook).any()


def test_in_a_large_scene_photos_meet_the_frames_that_look_like_them(tmp_path):
    kinds = [n % 2 for n in range(44)]
    images = [image_name(n, n) for n in range(len(kinds) + 2)]
    for n, (name, kind) in enumerate(zip(images, [*kinds, 0, 1], strict=True)):
        place = (255 * a_texture(kind)[100:228, 4 * n : 4 * n + 128]).astype(np.uint8)
        write_image(np.repeat(place[..., None], 3, axis=2), tmp_path / "images", name)
    database = tmp_path / "features.db"
    camera = pycolmap.Camera(
        model="SIMPLE_PINHOLE", width=128, height=128, params=[90.0, 64.0, 64.0]
    )
    find_features([FeatureImage(n, camera) for n in images], tmp_path / "images", database)
    photos = [len(kinds), len(kinds) + 1]
    pairs = alike_frames(database, range(len(kinds)), photos, count=8)
    assert len(pairs) == 16
    assert all(kinds[frame] == photo - len(kinds) for frame, photo in pairs)
