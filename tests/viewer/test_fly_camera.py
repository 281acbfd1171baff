"""The viewer's camera: looking round, moving, rolling, and where it begins."""

import math

import numpy as np
import pytest

from tests.builders import a_camera
from viewer.fly_camera import FlyCamera, common_up
from warpset.core.cameras import project, rotation_about

SIZE = (64, 48)
UP = np.array([0.0, -1.0, 0.0])


def a_flight(**camera) -> FlyCamera:
    start = a_camera(**camera)
    return FlyCamera(start, common_up([start]))


def pixel_of(fly: FlyCamera, xyz_world) -> np.ndarray:
    return project(fly.camera(SIZE), np.asarray(xyz_world, np.float64))[0]


def test_a_flight_begins_with_the_camera_it_starts_from():
    start = a_camera(turned=(0.3, -0.2, 0.1), at=(1, 2, 3))
    camera = FlyCamera(start, UP).camera(start.size_wh)
    np.testing.assert_allclose(camera.cam_from_world, start.cam_from_world, atol=1e-12)
    np.testing.assert_array_equal(camera.K, start.K)


def test_rotations_agree_with_the_matrix_exponential():
    axis = np.array([1.0, 2.0, -2.0]) / 3
    x, y, z = axis * 0.7
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    series, term = np.eye(3), np.eye(3)
    for order in range(1, 20):
        term = term @ cross / order
        series += term
    np.testing.assert_allclose(rotation_about(axis, 0.7), series, atol=1e-14)


@pytest.mark.parametrize(
    ("right", "down", "moves"),
    [(0.1, 0, (-1, 0)), (-0.1, 0, (1, 0)), (0, 0.1, (0, -1)), (0, -0.1, (0, 1))],
)
def test_looking_one_way_moves_the_scene_the_other_way(right, down, moves):
    fly = a_flight(at=(1, 2, 3))
    moved = pixel_of(fly.look(right, down), [1, 2, 8]) - pixel_of(fly, [1, 2, 8])
    np.testing.assert_array_equal(np.sign(np.round(moved, 6)), moves)


def test_looking_by_a_pixels_angle_moves_the_middle_by_that_pixel():
    moved = pixel_of(a_flight(focal=600.0).look(3 / 600, 0), [0, 0, 5]) - (32, 24)
    np.testing.assert_allclose(moved, (-3, 0), atol=1e-3)


def test_looking_does_not_depend_on_how_a_drag_is_divided():
    fly = a_flight(turned=(0.2, 0.4, 0)).tilt(0.3)
    at_once = fly.look(0.5, -0.25).camera(SIZE)
    for _ in range(100):
        fly = fly.look(0.005, -0.0025)
    np.testing.assert_allclose(fly.camera(SIZE).cam_from_world, at_once.cam_from_world, atol=1e-12)


def test_looking_about_keeps_the_horizon_level():
    fly = FlyCamera(a_camera(turned=(0.5, 0, 0)), UP).look(1.0, 0.3).look(-2.0, 0.4)
    right_world = fly.camera(SIZE).world_from_cam[:3, 0]
    assert abs(right_world @ UP) < 1e-12


@pytest.mark.parametrize("down", [5.0, -5.0])
def test_looking_up_and_down_ends_at_the_zenith(down):
    fly = a_flight().look(0.0, down)
    forward = fly.camera(SIZE).world_from_cam[:3, 2]
    np.testing.assert_allclose(forward @ UP, -np.sign(down), atol=1e-12)


def test_a_drag_follows_the_picture_however_it_is_rolled():
    point = [0, 0, 5]
    for roll in (0.0, math.pi / 2, math.pi, -1.0):
        fly = a_flight().tilt(roll)
        moved = pixel_of(fly.look(0.05, 0), point) - pixel_of(fly, point)
        np.testing.assert_allclose(moved / np.linalg.norm(moved), (-1, 0), atol=1e-3)


def test_rolling_clockwise_turns_the_picture_the_other_way():
    before, after = (
        pixel_of(fly, [1, 0, 5]) - (32, 24) for fly in (a_flight(), a_flight().tilt(0.2))
    )
    assert before[1] == pytest.approx(0) and after[1] < -1


def test_moving_goes_along_the_cameras_own_axes():
    start = a_camera(turned=(0.3, -0.9, 0.2), at=(1, 2, 3))
    camera = FlyCamera(start, UP).move(0.5, -0.25, 2.0).camera(SIZE)
    way = start.cam_from_world[:3, :3] @ (camera.center_world - start.center_world)
    np.testing.assert_allclose(way, (0.5, -0.25, 2.0), atol=1e-12)


def test_rising_goes_up_wherever_the_camera_looks():
    fly = a_flight().look(0.4, 1.0).tilt(1.0).rise(2.0)
    np.testing.assert_allclose(fly.camera(SIZE).center_world, 2 * UP, atol=1e-12)


def test_another_window_shows_the_same_view_cut_to_its_shape():
    fly = a_flight().look(0.2, 0.1)
    camera, wide = fly.camera((64, 48)), fly.camera((128, 48))
    np.testing.assert_array_equal(wide.cam_from_world, camera.cam_from_world)
    assert wide.size_wh == (128, 48)
    assert wide.K[0, 0] == pytest.approx(2 * camera.K[0, 0])
    np.testing.assert_allclose(wide.K[:2, 2], (64, 24))


def test_up_is_what_the_cameras_have_in_common():
    cameras = [a_camera(turned=(0.4, 0, 0)), a_camera(turned=(-0.4, 0, 0))]
    np.testing.assert_allclose(common_up(cameras), UP, atol=1e-12)


def test_cameras_that_contradict_each_other_have_the_first_ones_up():
    cameras = [a_camera(), a_camera(turned=(0, 0, math.pi))]
    np.testing.assert_allclose(common_up(cameras), UP, atol=1e-12)
