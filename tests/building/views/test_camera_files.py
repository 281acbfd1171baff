"""Cameras read from every kind of file that has some, and refused where there are none."""

import json

import numpy as np
import pycolmap
import pytest

from tests.builders import a_camera
from warpset.building.pairs.camera_json import camera_to_json
from warpset.building.views.camera_files import (
    cameras_json,
    keyframes_json,
    read_cameras,
)
from warpset.core.errors import InputError


def same(found, expected):
    np.testing.assert_allclose(found.K, expected.K)
    np.testing.assert_allclose(found.cam_from_world, expected.cam_from_world, atol=1e-12)
    assert found.size_wh == expected.size_wh


def test_our_own_cameras_come_back_as_they_were_written(tmp_path):
    cameras = [a_camera(), a_camera((100, 50), 70.0)]
    (tmp_path / "cameras.json").write_bytes(cameras_json(cameras, {"reference": "1.jpg"}))
    for found, camera in zip(
        read_cameras(tmp_path / "cameras.json", a_camera()).path(99), cameras, strict=True
    ):
        same(found, camera)


def test_keyframes_become_a_path(tmp_path):
    (tmp_path / "k.json").write_bytes(keyframes_json([a_camera(), a_camera((64, 48), 80.0)]))
    assert len(read_cameras(tmp_path / "k.json", a_camera()).path(9)) == 9


def test_records_give_their_targets(tmp_path):
    record = {"cameras": {"target": camera_to_json(a_camera()), "reference": None}}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(record) + "\n")
    same(read_cameras(tmp_path / "pairs.jsonl", a_camera()).cameras[0], a_camera())


def test_transforms_without_intrinsics_take_those_of_the_photo(tmp_path):
    pose = np.diag([1.0, -1.0, -1.0, 1.0]).tolist()
    frames = [{"transform_matrix": pose}, {"transform_matrix": pose, "camera_angle_x": 1.0}]
    (tmp_path / "transforms.json").write_text(json.dumps({"frames": frames}))
    first, second = read_cameras(tmp_path / "transforms.json", a_camera()).cameras
    same(first, a_camera())
    assert second.fov_x == pytest.approx(1.0)


def test_a_colmap_model_gives_its_images_by_name(tmp_path):
    model = pycolmap.Reconstruction()
    camera = pycolmap.Camera(model="PINHOLE", width=64, height=48, params=[60, 61, 32, 24])
    camera.camera_id = 1
    model.add_camera_with_trivial_rig(camera)
    for number, name in enumerate(("b.jpg", "a.jpg"), 1):
        image = pycolmap.Image(name=name, camera_id=1, image_id=number)
        pose = pycolmap.Rigid3d(pycolmap.Rotation3d(), [float(number), 0, 0])
        model.add_image_with_trivial_frame(image, pose)
    model.write(tmp_path)
    a, b = read_cameras(tmp_path, a_camera()).cameras
    assert (a.cam_from_world[0, 3], b.cam_from_world[0, 3]) == (2.0, 1.0)
    assert a.K[1, 1] == 61


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        '{"cameras": []}',
        '{"cameras": [1]}',
        '{"cameras": [{"K": [[1]], "cam_from_world": [[1]], "size_wh": [1, 1]}]}',
        '{"frames": [{"transform_matrix": "a"}]}',
        '{"frames": [3]}',
    ],
)
def test_what_holds_no_cameras_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "some.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_cameras(path, a_camera())
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)
