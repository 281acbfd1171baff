"""How the camera moves: what is measured, about which point, and the words for it."""

import numpy as np
import pytest

from tests import pair_builders
from tests.builders import a_camera
from warpset.building.camera_motion import camera_motion, step_length, turn_deg
from warpset.building.pairs.camera_json import camera_from_json
from warpset.core.cameras import Camera

STANDING = a_camera()
RIGHT_ANGLE = np.pi / 2


def on_a_circle(azimuth_deg: float) -> Camera:
    """A camera that looks at the origin from four units away."""
    return camera_from_json(pair_builders.a_camera(azimuth_deg))


def panned(degrees: float) -> Camera:
    return a_camera(turned=(0, -np.radians(degrees), 0))


@pytest.mark.parametrize("degrees", [-90, -12, 12, 45])
def test_circling_around_a_thing_is_measured_as_the_angle_of_the_circle(degrees):
    motion = camera_motion(on_a_circle(0), on_a_circle(degrees))
    assert motion.azimuth_deg == pytest.approx(degrees)
    assert motion.elevation_deg == pytest.approx(0)
    assert motion.closer == pytest.approx(0)


def test_there_and_back_are_opposite_angles():
    there = camera_motion(on_a_circle(10), on_a_circle(33))
    back = camera_motion(on_a_circle(33), on_a_circle(10))
    assert there.azimuth_deg == pytest.approx(-back.azimuth_deg)


def test_axes_that_pass_each_other_are_circled_in_the_middle_between_them():
    target = a_camera(at=(6, 1, 8), turned=(0, RIGHT_ANGLE, 0))  # looks left, one unit below
    motion = camera_motion(STANDING, target)
    assert motion.azimuth_deg == pytest.approx(90)
    assert motion.elevation_deg == pytest.approx(-np.degrees(np.arctan2(0.5, 6)))
    assert motion.closer == pytest.approx(1 - np.hypot(6, 0.5) / np.hypot(8, 0.5))


def test_measures_do_not_depend_on_where_the_world_is():
    shift = np.eye(4)
    shift[:3, :3] = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]
    shift[:3, 3] = 5, 6, 7
    here = [on_a_circle(0), on_a_circle(20)]
    there = [Camera(one.K, one.cam_from_world @ shift, one.size_wh) for one in here]
    assert camera_motion(*there) == pytest.approx(camera_motion(*here))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (STANDING, ("straight", "level", "at the same distance")),
        (a_camera(at=(0, 0, 1)), ("straight", "level", "closer")),
        (a_camera(at=(0, 0, -1)), ("straight", "level", "farther")),
        (a_camera(at=(-1, 0, 0)), ("left", "level", "at the same distance")),
        (a_camera(at=(0, -1, 0)), ("straight", "up", "at the same distance")),
        (panned(15), ("15 degrees right", "level", "at the same distance")),
        (panned(-1), ("1 degree left", "level", "at the same distance")),
    ],
)
def test_walks_and_pans_get_words_of_their_own(target, words):
    fields = camera_motion(STANDING, target).fields()
    assert (fields["azimuth"], fields["elevation"], fields["distance"]) == words


def test_turn_and_step_are_those_between_the_two_cameras():
    target = a_camera(at=(3, 0, 4), turned=(0, 0.2, 0))
    assert turn_deg(STANDING, target) == pytest.approx(np.degrees(0.2))
    assert step_length(STANDING, target) == pytest.approx(5)
