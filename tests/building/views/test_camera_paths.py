"""Moves and paths away from a photo's camera: where they lead, and how far."""

import numpy as np
import pytest

from tests.builders import a_camera
from warpset.building.views.camera_paths import (
    PATHS,
    CameraPath,
    Move,
    Scene,
    between,
    clear_share,
    moved,
    path_cameras,
)
from warpset.core.cameras import project

SCENE = Scene(a_camera(), depth=4.0, up_world=(0.0, -1.0, 0.0))


def a_path(kind, frames=9):
    return path_cameras(SCENE, CameraPath(kind, PATHS[kind].size, frames))


@pytest.mark.parametrize("kind", PATHS)
def test_a_path_starts_at_the_photos_own_camera(kind):
    assert a_path(kind)[0] is SCENE.start
    assert len(a_path(kind, 1)) == 1


@pytest.mark.parametrize("kind", ["orbit", "crane", "spiral", "turntable", "dolly"])
def test_what_is_looked_at_stays_in_the_middle(kind):
    middle, _ = project(SCENE.start, SCENE.pivot)
    for camera in a_path(kind):
        uv, depth = project(camera, SCENE.pivot)
        np.testing.assert_allclose(uv, middle, atol=1e-9)
        assert depth > 0


@pytest.mark.parametrize("kind", [name for name, kind in PATHS.items() if kind.is_loop])
def test_a_loop_closes_with_a_step_like_the_others(kind):
    centers = np.array([camera.center_world for camera in a_path(kind, 12)])
    steps = np.linalg.norm(np.diff(np.vstack([centers, centers[:1]]), axis=0), axis=1)
    assert steps[-1] == pytest.approx(steps[0])


def test_an_orbit_keeps_its_distance_and_height():
    for camera in a_path("orbit"):
        assert np.linalg.norm(camera.center_world - SCENE.pivot) == pytest.approx(4.0)
        assert camera.center_world[1] == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("move", "seen_at"),
    [
        (Move(yaw_deg=90), (1.0, 0.0, 0.0)),
        (Move(pitch_deg=90), (0.0, -1.0, 0.0)),
        (Move(right=1), (4.0, 0.0, 1.0)),
        (Move(up=1), (0.0, -4.0, 1.0)),
        (Move(forward=1), (0.0, 0.0, 5.0)),
    ],
)
def test_a_move_goes_along_the_cameras_axes_by_shares_of_depth(move, seen_at):
    uv, depth = project(moved(SCENE, move), np.array(seen_at))
    np.testing.assert_allclose(uv, (32, 24), atol=1e-9)
    assert depth == pytest.approx(1.0)


def test_a_clockwise_roll_takes_what_is_above_to_the_left():
    uv, _ = project(moved(SCENE, Move(roll_deg=90)), np.array((0.0, -1.0, 4.0)))
    assert uv[0] < 32 and uv[1] == pytest.approx(24)


def a_wall(depth):
    x, y = np.meshgrid(np.linspace(-3, 3, 60), np.linspace(-3, 3, 60))
    return np.stack([x, y, np.full_like(x, depth)], -1).reshape(-1, 3)


def test_a_path_is_shortened_before_a_wall_and_not_in_the_open():
    path = CameraPath("dolly", 1.0)
    assert clear_share(SCENE, path, a_wall(40.0)) == 1.0
    assert clear_share(SCENE, path, a_wall(4.0)) == pytest.approx(0.7)
    assert clear_share(SCENE, CameraPath("pan", 90.0), a_wall(0.5)) == 1.0


def test_a_wall_between_two_frames_is_not_jumped_over():
    assert clear_share(SCENE, CameraPath("dolly", 1.0, frames=2), a_wall(2.0)) < 0.5


def test_between_keyframes_cameras_move_straight_and_turn_evenly():
    keyframes = [SCENE.start, moved(SCENE, Move(yaw_deg=60, right=1))]
    middle = between(keyframes, 3)[1]
    np.testing.assert_allclose(middle.center_world, (2.0, 0.0, 0.0), atol=1e-12)
    forward = middle.world_from_cam[:3, 2]
    np.testing.assert_allclose(forward, (0.5, 0.0, np.sqrt(0.75)), atol=1e-12)
    assert len(between(keyframes, 7)) == 7 and len(between(keyframes[:1], 7)) == 1
