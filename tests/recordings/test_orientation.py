"""Recorded cameras and depth of photos that EXIF turns."""

import numpy as np
import pytest
from PIL import Image

from tests.builders import a_photo, a_scene, read_transforms_file, write_transforms
from warpset.core.cameras import project, turned_raster, unproject
from warpset.core.lens import undistort_photo
from warpset.files.photos import read_photo
from warpset.recordings.registry import read_recording, recorded_geometry

TURNS = {1: 0, 3: 2, 6: 3, 8: 1}
DISTORTION = {"k1": -0.12, "k2": 0.03, "p1": 0.004, "p2": -0.006, "k3": 0.01}


def a_turned_scene(folder, orientation, size_wh=(64, 48), fields=None):
    """A scene whose stored pixels are those of `a_scene`, with an EXIF orientation."""
    scene = a_scene(folder, size_wh=size_wh, fields=fields)
    exif = Image.Exif()
    exif[274] = orientation
    for path in (scene / "images").iterdir():
        Image.open(path).copy().save(path, exif=exif)
    return scene


def frames_of(scene):
    recording = read_recording(scene)
    assert recording is not None
    return recording, recorded_geometry(recording, recording.frames).frames


@pytest.mark.parametrize("size_wh", [(64, 48), (48, 48)])
@pytest.mark.parametrize("orientation", TURNS)
def test_camera_and_depth_of_the_stored_pixels_turn_with_the_photo(tmp_path, orientation, size_wh):
    ramp = np.linspace(1000, 3000, size_wh[0] * size_wh[1]).reshape(size_wh[::-1])
    scene = a_turned_scene(tmp_path / "s", orientation, size_wh)
    Image.fromarray(ramp.astype(np.uint16)).save(scene / "depths/1.png")
    plain = a_scene(tmp_path / "plain", size_wh=size_wh)
    Image.fromarray(ramp.astype(np.uint16)).save(plain / "depths/1.png")
    turned, stored = frames_of(scene)[1][0], frames_of(plain)[1][0]
    assert read_photo(turned.photo.path).shape[1::-1] == turned.photo.camera.size_wh
    depth, stored_depth = turned.load_depth(), stored.load_depth()
    np.testing.assert_array_equal(depth.depth, np.rot90(stored_depth.depth, TURNS[orientation]))
    xyz = unproject(depth.camera, depth.depth)
    stored_xyz = unproject(stored_depth.camera, stored_depth.depth)
    np.testing.assert_allclose(xyz, np.rot90(stored_xyz, TURNS[orientation]), atol=1e-5)


def test_a_camera_that_fits_the_upright_size_only_belongs_to_the_upright_photo(tmp_path):
    upright = {"w": 48, "h": 64, "cx": 24.0, "cy": 32.0}
    recording, frames = frames_of(a_turned_scene(tmp_path / "s", 6, fields=upright))
    assert [frame.quarter_turns for frame in recording.frames] == [0, 0, 0]
    np.testing.assert_allclose(frames[0].photo.camera.cam_from_world, np.eye(4), atol=1e-9)


def test_a_camera_without_a_size_belongs_to_the_stored_pixels(tmp_path):
    scene = a_turned_scene(tmp_path / "s", 6)
    write_transforms(scene, read_transforms_file(scene) | {"w": None, "h": None})
    assert frames_of(scene)[0].frames[0].quarter_turns == 3


@pytest.mark.parametrize("orientation", [2, 4, 5, 7])
def test_a_mirrored_photo_is_left_out_by_name(tmp_path, orientation):
    recording, _ = frames_of(a_turned_scene(tmp_path / "s", orientation))
    assert not recording.frames and len(recording.problems) == 3
    assert f"EXIF orientation {orientation} mirrors" in next(iter(recording.problems.values()))


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_lens_is_removed_from_a_turned_photo_as_from_the_stored_one(tmp_path, orientation):
    fields = {"fl_x": 300.0, "fl_y": 290.0, "cx": 150.0, **DISTORTION}
    size_wh, turns = (320, 240), TURNS[orientation]
    plain = frames_of(a_scene(tmp_path / "plain", size_wh=size_wh, fields=fields))[1][0].photo
    turned = frames_of(a_turned_scene(tmp_path / "s", orientation, size_wh, fields))[1][0].photo
    assert plain.lens is not None and turned.lens is not None
    rgb = a_photo(size_wh)
    stored = undistort_photo(rgb, plain.lens, plain.camera)
    upright = undistort_photo(np.rot90(rgb, turns).copy(), turned.lens, turned.camera)
    difference = np.abs(upright.astype(int) - np.rot90(stored, turns).astype(int))
    assert difference.max() <= 2  # the sampling grid turns, and rounds the other way


def test_turning_a_camera_moves_its_pixels_as_turning_its_picture_does(tmp_path):
    camera = frames_of(a_scene(tmp_path / "s"))[1][1].photo.camera
    xyz = np.array([[0.3, -0.2, 2.0], [-0.1, 0.4, 3.0]])
    uv, _ = project(camera, xyz)
    for turns in range(4):
        to_turned, size_wh = turned_raster(camera.size_wh, turns)
        turned = camera.turned(turns)
        assert turned.size_wh == size_wh
        expected = uv @ to_turned[:2, :2].T + to_turned[:2, 2]
        np.testing.assert_allclose(project(turned, xyz)[0], expected, atol=1e-9)
        assert np.linalg.det(turned.cam_from_world[:3, :3]) == pytest.approx(1)
