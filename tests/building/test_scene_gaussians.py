"""All frames' points of a scene as one cloud, and its file."""

import numpy as np
import pytest
from PIL import Image
from plyfile import PlyData

from build_warp_dataset import main
from splats import read_splats
from tests.builders import PLANE_DEPTH_M, a_photo, a_scene, tree
from warpset.building.scene_files.gaussians import (
    SCENE_GAUSSIANS_NAME,
    SCENE_GAUSSIANS_RECORD,
    SceneCloud,
)
from warpset.core.points import PointCloud


def a_cloud(xyz, footprint=0.1, confidence=None) -> PointCloud:
    xyz = np.asarray(xyz, np.float32)
    footprints = np.full(len(xyz), footprint, np.float32)
    return PointCloud(xyz, np.zeros((len(xyz), 3), np.uint8), confidence, footprints)


def random_points(count, seed=0, extent=10.0):
    return np.random.default_rng(seed).uniform(-extent, extent, (count, 3))


def build(tmp_path, *flags) -> int:
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    return main([*paths, "--save-scene-splats", *flags])


@pytest.fixture
def room(tmp_path):
    return a_scene(tmp_path / "in" / "room")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out" / "room"


def test_a_surface_seen_twice_is_kept_once():
    scene = SceneCloud()
    scene.add(a_cloud(random_points(500)))
    scene.add(a_cloud(random_points(500)))
    scene.add(a_cloud(random_points(500, seed=1)))
    assert 990 < len(scene) <= 1000
    assert len(scene.merged().xyz_world) == len(scene)


def test_points_of_one_cell_are_one_and_those_of_neighbours_two():
    scene = SceneCloud()
    scene.add(a_cloud([[0.01, 0.01, 0.01], [0.02, 0.01, 0.01], [-0.01, 0.01, 0.01]]))
    np.testing.assert_allclose(scene.merged().xyz_world[:, 0], [0.01, -0.01])


def test_a_closer_look_is_kept_beside_a_distant_one():
    scene = SceneCloud()
    scene.add(a_cloud([[0.0, 0.0, 5.0]], footprint=0.1))
    scene.add(a_cloud([[0.0, 0.0, 5.0]], footprint=0.01))
    assert len(scene) == 2


def test_too_many_points_are_thinned_and_their_footprints_grow():
    scene = SceneCloud(max_points=400)
    for seed in range(5):
        scene.add(a_cloud(random_points(300, seed, extent=1.0)))
    cloud = scene.merged()
    assert 50 < len(cloud.xyz_world) <= 400
    assert cloud.footprint is not None and cloud.footprint.min() >= 0.2
    assert np.ptp(cloud.xyz_world, axis=0).min() > 1.5


def test_trust_of_frames_with_and_without_confidence_is_kept():
    scene = SceneCloud()
    scene.add(a_cloud([[0, 0, 1]], confidence=np.array([3], np.float32)))
    scene.add(a_cloud([[5, 0, 1]]))
    np.testing.assert_array_equal(scene.merged().confidence, [3, np.inf])


def test_a_scene_becomes_one_file_of_splats(tmp_path, room, folder):
    assert build(tmp_path) == 0
    gaussians = read_splats(folder / SCENE_GAUSSIANS_NAME)
    np.testing.assert_allclose(gaussians.means[:, 2], PLANE_DEPTH_M, rtol=1e-6)
    assert 64 * 48 <= len(gaussians.means) < 3 * 64 * 48
    assert gaussians.opacities.min() > 0.99


def test_splats_that_are_there_are_not_made_again(tmp_path, room, folder, monkeypatch):
    build(tmp_path)
    before = tree(folder)
    monkeypatch.setattr("build_warp_dataset.gaussian_ply", None)
    assert build(tmp_path) == 0 and tree(folder) == before


def test_splats_asked_for_later_change_no_pair(tmp_path, room, folder):
    main(["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")])
    before = tree(folder)
    assert build(tmp_path) == 0
    assert set(tree(folder)) - set(before) == {SCENE_GAUSSIANS_NAME, SCENE_GAUSSIANS_RECORD}
    assert before.items() <= tree(folder).items()


def test_a_new_photo_makes_the_splats_again(tmp_path, room, folder):
    build(tmp_path, "--limit", "2")
    before = (folder / SCENE_GAUSSIANS_RECORD).read_bytes()
    assert build(tmp_path) == 0
    assert (folder / SCENE_GAUSSIANS_RECORD).read_bytes() != before


def test_a_frame_that_cannot_be_read_is_named_and_tried_again(tmp_path, room, folder, capsys):
    (room / "depths" / "2.png").write_bytes(b"garbage")
    assert build(tmp_path) == 1
    assert "left out of the scene's splats" in capsys.readouterr().err
    assert (folder / SCENE_GAUSSIANS_NAME).is_file() and not (
        folder / SCENE_GAUSSIANS_RECORD
    ).exists()


def test_no_points_at_all_are_one_line(tmp_path, room, folder, capsys):
    for index, path in enumerate(sorted((room / "images").iterdir())):
        Image.fromarray(np.roll(a_photo(), 16 * index, 1) // 52).save(path)
    assert build(tmp_path, "--filter-black-bg") == 1
    assert "no point passed the filters; no scene splats" in capsys.readouterr().err


def test_a_reference_without_points_has_splats_without_vertices(tmp_path, room, folder):
    Image.new("RGB", (64, 48)).save(room / "images" / "1.png")
    flags = ("--filter-black-bg", "--min-coverage", "0", "--save-splats", "--save-ply")
    assert build(tmp_path, *flags) == 1  # a pair that shows nothing is of no use
    for name in ("reference.ply", "reference_gaussians.ply"):
        counts = [len(PlyData.read(folder / f"{target}_{name}")["vertex"].data) for target in "23"]
        assert counts[0] == 0 < counts[1]


def test_a_dry_run_tells_of_the_splats(tmp_path, room, folder, capsys):
    assert build(tmp_path, "--dry-run") == 0
    assert "2 pairs and the scene's splats to make" in capsys.readouterr().err
    assert not folder.exists()
