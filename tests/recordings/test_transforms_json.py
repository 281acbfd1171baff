"""What `transforms.json` may say of lenses, sizes and paths, and what is refused by name."""

import cv2
import numpy as np
import pytest

from tests.builders import (
    PLANE_DEPTH_M,
    a_scene,
    read_transforms_file,
)
from tests.recordings import format_builders as formats
from tests.recordings.format_builders import recording_of
from warpset.core.cameras import intrinsics
from warpset.core.errors import InputError
from warpset.core.lens import four_term_lens
from warpset.recordings.recorded_depth import load_depth
from warpset.recordings.recording import with_depth_scale


@pytest.mark.parametrize(
    "model",
    ["ORTHOPHOTO", "FISHEYE624", "OMNIDIRECTIONALSTEREO_L", "fisheye", 7],
)
def test_a_camera_model_that_is_not_known_is_refused_by_name(tmp_path, model):
    recording = recording_of(a_scene(tmp_path / "s"), camera_model=model)
    assert not recording.frames and len(recording.problems) == 3
    assert f"camera_model is {model!r}, need one of OPENCV" in next(
        iter(recording.problems.values())
    )


def test_the_perspective_k4_is_a_fourth_radial_term(tmp_path):
    K = intrinsics(300.0, 290.0, 150.0, 125.0)
    k1, k2, k3, k4 = -0.2, 0.06, -0.01, 0.004
    p1, p2 = 0.003, -0.002
    scene = a_scene(tmp_path / "s", size_wh=(320, 240))
    fields = {"fl_x": 300.0, "fl_y": 290.0, "cx": 150.0, "cy": 125.0, "w": 320, "h": 240}
    terms = {"k1": k1, "k2": k2, "k3": k3, "k4": k4, "p1": p1, "p2": p2}
    photo = recording_of(scene, **fields, **terms, camera_model="OPENCV").frames[0].photo
    assert photo.lens is not None
    positions = photo.lens.photo_positions(photo.camera)
    for column, row in ((0, 0), (100, 40), (photo.camera.size_wh[0] - 1, 100)):
        x = (column + 0.5 - photo.camera.K[0, 2]) / photo.camera.K[0, 0]
        y = (row + 0.5 - photo.camera.K[1, 2]) / photo.camera.K[1, 1]
        r2 = x * x + y * y
        factor = 1 + r2 * (k1 + r2 * (k2 + r2 * (k3 + r2 * k4)))
        u = x * factor + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        v = y * factor + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
        expected = (K[0, 0] * u + K[0, 2], K[1, 1] * v + K[1, 2])
        np.testing.assert_allclose(positions[row, column], expected, atol=0.06)


def test_k5_and_k6_make_k4_opencvs_denominator(tmp_path):
    fields = {"fl_x": 300.0, "fl_y": 300.0, "k1": 0.1, "k4": 0.05, "k5": 0.01}
    recording = recording_of(a_scene(tmp_path / "s", size_wh=(320, 240)), **fields)
    lens = recording.frames[0].photo.lens
    assert lens is not None and lens.params[4:] == (0.1, 0, 0, 0, 0, 0.05, 0.01, 0)


def test_distortion_that_folds_the_photo_is_refused():
    K = intrinsics(100.0, 100.0, 160.0, 120.0)
    with pytest.raises(InputError, match="folds the photo"):
        four_term_lens(K, (-0.5, 0.0, 0.0, 0.01), (0.0, 0.0), (320, 240))


def test_a_negative_fl_y_and_numbers_as_text_are_taken(tmp_path):
    recording = recording_of(a_scene(tmp_path / "s"), fl_x="60.0", fl_y=-60.0)
    np.testing.assert_allclose(np.diag(recording.frames[0].photo.camera.K), [60, 60, 1])


def test_of_an_absolute_path_written_elsewhere_the_end_that_exists_is_taken(tmp_path):
    scene = a_scene(tmp_path / "s")
    frames = read_transforms_file(scene)["frames"]
    frames[0]["file_path"] = "/home/me/captures/s/images/1.png"
    frames[1]["file_path"] = "D:\\captures\\s\\images\\2.png"
    assert len(recording_of(scene, frames=frames).frames) == 3


def test_an_absolute_path_to_photos_that_are_there_shrunk_takes_those(tmp_path):
    scene = a_scene(tmp_path / "s")
    (scene / "images").rename(scene / "images_8")
    content = read_transforms_file(scene)
    for frame in content["frames"]:
        frame["file_path"] = f"/elsewhere/dl3dv/{frame['file_path']}"
    assert len(recording_of(scene, **content).frames) == 3


@pytest.mark.parametrize(
    ("listed", "on_disk"),
    [("1.jpg", "1.JPG"), ("Photo 1.png", "photo 1.png"), ("\u00e9.png", "e\u0301.png")],
)
def test_names_that_differ_in_case_or_unicode_form_mean_the_same_file(tmp_path, listed, on_disk):
    scene = a_scene(tmp_path / "s")
    (scene / "images/1.png").rename(scene / "images" / on_disk)
    content = read_transforms_file(scene)
    content["frames"][0]["file_path"] = f"images/{listed}"
    recording = recording_of(scene, **content)
    assert on_disk in {frame.photo.path.name for frame in recording.frames}


def test_of_two_names_that_differ_in_case_alone_none_is_guessed(tmp_path):
    scene = a_scene(tmp_path / "s")
    for name in ("A.png", "a.PNG"):
        formats.put_photo(scene / "images" / name, 1)
    content = read_transforms_file(scene)
    content["frames"][0]["file_path"] = "images/a.png"
    assert len(recording_of(scene, **content).missing) == 1


def test_depth_that_is_listed_and_absent_is_told_from_depth_that_is_not_listed(tmp_path):
    scene = a_scene(tmp_path / "s")
    for path in (scene / "depths").iterdir():
        path.unlink()
    recording = recording_of(scene)
    assert not recording.has_depth and len(recording.absent_depth) == 3
    with pytest.raises(InputError, match="1.png: depth file is missing"):
        load_depth(recording.frames[0])


def test_depth_within_a_hundredth_of_the_photos_aspect_is_the_same_view(tmp_path):
    scene = a_scene(tmp_path / "s", size_wh=(1296, 968))
    formats.put_depth(scene / "depths/1.png", size_wh=(640, 480))
    depth_map = load_depth(recording_of(scene).frames[0])
    np.testing.assert_allclose(depth_map.camera.K[1, 2], 240)
    formats.put_depth(scene / "depths/1.png", size_wh=(640, 470))
    with pytest.raises(InputError, match="found 640x470, need the aspect"):
        load_depth(recording_of(scene).frames[0])


def test_a_depth_scale_says_how_many_units_make_one_of_the_scene(tmp_path):
    scene = a_scene(tmp_path / "s")
    (frame, *_) = with_depth_scale(recording_of(scene).frames, 5000)
    np.testing.assert_allclose(load_depth(frame).depth, PLANE_DEPTH_M * 1000 / 5000, rtol=1e-6)


def test_eight_bit_depth_is_a_preview(tmp_path):
    scene = a_scene(tmp_path / "s")
    cv2.imwrite(str(scene / "depths/1.png"), np.full((48, 64), 200, np.uint8))
    with pytest.raises(InputError, match="1.png: depth cannot be read .8 bits, a preview"):
        load_depth(recording_of(scene).frames[0])
