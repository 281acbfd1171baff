"""A scene saved as a COLMAP model: what pycolmap and our own reader find in it, and resuming."""

import json

import numpy as np
import pycolmap
import pytest
from PIL import Image

import build_warp_dataset
from tests.builders import a_scene, read_transforms_file, tree, write_transforms
from warpset.recordings.registry import read_recording


def build(tmp_path, *flags) -> int:
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    flags = ("--save-colmap", *flags)
    return build_warp_dataset.main([*paths, "--device", "cpu", "--quiet", *flags])


@pytest.fixture
def room(tmp_path):
    return a_scene(tmp_path / "in" / "room")


@pytest.fixture
def saved(tmp_path):
    return tmp_path / "out" / "room" / "colmap"


def test_pycolmap_finds_the_cameras_photos_and_points(tmp_path, room, saved):
    assert build(tmp_path) == 0
    recorded = read_recording(room)
    model = pycolmap.Reconstruction(saved / "sparse" / "0")
    assert (model.num_cameras(), model.num_images()) == (1, 3)
    for number, frame in enumerate(recorded.frames, start=1):
        image, camera = model.images[number], frame.photo.camera
        pose = image.cam_from_world().matrix()
        np.testing.assert_allclose(pose, camera.cam_from_world[:3], atol=1e-12)
        np.testing.assert_allclose(image.camera.calibration_matrix(), camera.K)
        assert Image.open(saved / "images" / image.name).size == camera.size_wh
    xyz = np.array([point.xyz for point in model.points3D.values()])
    assert len(xyz) == 3 * 64 * 48
    np.testing.assert_allclose(xyz[:, 2], 2.0, atol=1e-5)
    point = model.points3D[1]
    photo = np.asarray(Image.open(room / "images" / "1.png"))
    np.testing.assert_array_equal(point.color, photo[0, 0])


def test_it_is_a_scene_to_our_own_reader(tmp_path, room, saved):
    build(tmp_path, "--output-format", "png")
    again, before = read_recording(saved), read_recording(room)
    assert again.format == "COLMAP model" and not again.problems
    for one, other in zip(again.frames, before.frames, strict=True):
        np.testing.assert_allclose(
            one.photo.camera.cam_from_world, other.photo.camera.cam_from_world, atol=1e-12
        )
        np.testing.assert_allclose(one.photo.camera.K, other.photo.camera.K)
        pixels = [np.asarray(Image.open(frame.photo.path)) for frame in (one, other)]
        np.testing.assert_array_equal(*pixels)


def test_a_lens_is_taken_out_of_the_photos(tmp_path, room, saved):
    write_transforms(room, read_transforms_file(room) | {"k1": 0.1})
    build(tmp_path, "--output-format", "png")
    model = pycolmap.Reconstruction(saved / "sparse" / "0")
    assert model.images[1].camera.model_name == "PINHOLE"
    bent = np.asarray(Image.open(room / "images" / "1.png"))
    written = Image.open(saved / "images" / model.images[1].name)
    assert written.size == (model.images[1].camera.width, model.images[1].camera.height)
    assert written.size != (64, 48) or (np.asarray(written) != bent).any()


def test_each_intrinsics_is_a_camera(tmp_path, room, saved):
    content = read_transforms_file(room)
    content["frames"][2] |= {"fl_x": 61.0, "fl_y": 61.0}
    write_transforms(room, content)
    build(tmp_path)
    model = pycolmap.Reconstruction(saved / "sparse" / "0")
    assert [model.images[n].camera.params[0] for n in (1, 2, 3)] == [60.0, 60.0, 61.0]
    assert model.num_cameras() == 2


def test_it_is_made_once_and_again_where_something_is_missing(tmp_path, room, saved):
    build(tmp_path)
    before = tree(saved)
    times = {path: path.stat().st_mtime_ns for path in saved.rglob("*") if path.is_file()}
    assert build(tmp_path) == 0
    assert times == {path: path.stat().st_mtime_ns for path in times}
    (saved / "sparse" / "0" / "images.bin").unlink()
    assert build(tmp_path) == 0
    assert tree(saved) == before
    said = json.loads((saved / "made_from.json").read_text())
    assert said["geometry"]["source"] == "recorded" and "sparse/0/cameras.bin" in said["files"]


def test_a_frame_without_depth_is_told_of_and_has_no_points(tmp_path, room, saved, capsys):
    (room / "depths" / "2.png").write_bytes(b"no picture")
    assert build(tmp_path) == 1
    assert "has no points in the COLMAP model" in capsys.readouterr().err
    model = pycolmap.Reconstruction(saved / "sparse" / "0")
    assert (model.num_images(), model.num_points3D()) == (3, 2 * 64 * 48)
    assert not (saved / "made_from.json").exists()


def test_a_dry_run_counts_it_and_writes_nothing(tmp_path, room, saved, capsys):
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    assert build_warp_dataset.main([*paths, "--save-colmap", "--dry-run"]) == 0
    assert "2 pairs and its COLMAP model to make" in capsys.readouterr().err
    assert not saved.exists()
