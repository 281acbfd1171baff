"""A record's cameras: there and back, and what is no camera."""

import json

import numpy as np
import pytest

from tests.builders import a_camera
from warpset.building.pairs.camera_json import camera_from_json, camera_to_json, recorded_camera


def test_a_camera_comes_back_as_it_was():
    camera = a_camera(at=(1, 2, 3), turned=(0.1, 0.2, 0.3), center=(30.25, 20.5))
    back = camera_from_json(json.loads(json.dumps(camera_to_json(camera))))
    np.testing.assert_array_equal(back.K, camera.K)
    np.testing.assert_array_equal(back.cam_from_world, camera.cam_from_world)
    assert back.size_wh == camera.size_wh


@pytest.mark.parametrize(
    "change",
    [
        {"K": None},
        {"K": [[1, 2], [3, 4]]},
        {"K": np.diag([0.0, 1.0, 1.0]).tolist()},
        {"cam_from_world": np.full((4, 4), np.nan).tolist()},
        {"cam_from_world": np.zeros((4, 4)).tolist()},
        {"cam_from_world": "pose"},
        {"size_wh": [0, 48]},
        {"size_wh": [float("inf"), 48]},
        {"size_wh": 7},
    ],
)
def test_numbers_that_make_no_camera_are_refused(change):
    with pytest.raises(ValueError, match="no camera"):
        camera_from_json(camera_to_json(a_camera()) | change)


def test_a_record_without_a_camera_says_whose_is_missing():
    with pytest.raises(ValueError, match="no camera of the target"):
        recorded_camera({"reference": camera_to_json(a_camera())}, "target")
    with pytest.raises(ValueError, match="camera of the target: no camera"):
        recorded_camera({"target": []}, "target")
