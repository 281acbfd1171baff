"""Photos against their own model: true ones agree, a false one is found, too few say nothing."""

from dataclasses import replace

import numpy as np
import pytest

from aerial_megadepth.localization.pose_check import MAX_OFF_DEG, MAX_OFF_SHARE, check_poses
from tests.aerial.chain_builders import camera_on_arc, model_from_world
from warpset.core.cameras import rotation_about

DISTANCE_M = 12.0


def photos(count=8):
    angles = np.linspace(-40, 40, count)
    return [
        camera_on_arc(angle, 12.0 + n % 3, 4.0, (64, 48), 45.0) for n, angle in enumerate(angles)
    ]


def moved(camera, by_m, turned_deg=0.0):
    pose = camera.cam_from_world.copy()
    turn = rotation_about(np.array([0.0, 1.0, 0.0]), np.radians(turned_deg))
    pose[:3] = turn @ pose[:3]
    pose[:3, 3] += [by_m, 0.0, 0.0]
    return replace(camera, cam_from_world=pose)


def check(registered, true):
    model = [model_from_world(camera) for camera in true]
    return check_poses(registered, model, [DISTANCE_M] * len(true))


def test_photos_where_they_belong_are_not_off_at_all():
    checks = check(photos(), photos())
    assert checks is not None
    assert max(check.off_m for check in checks) < 1e-9
    assert max(check.off_deg for check in checks) < 1e-4


@pytest.mark.parametrize(("by_m", "turned_deg"), [(7.6, 0.0), (0.0, 40.0), (-3.0, 15.0)])
def test_a_false_pose_is_the_only_one_that_disagrees(by_m, turned_deg):
    true, registered = photos(), photos()
    registered[3] = moved(registered[3], by_m, turned_deg)
    checks = check(registered, true)
    assert checks is not None
    assert [n for n, found in enumerate(checks) if not found.agrees] == [3]
    off = np.linalg.norm(registered[3].center_world - true[3].center_world)
    assert checks[3].off_m == pytest.approx(off, rel=1e-6)
    assert checks[3].off_deg == pytest.approx(abs(turned_deg), abs=1e-4)


def test_nearly_half_of_the_poses_may_be_false_and_the_true_ones_are_still_told_apart():
    registered = photos()
    false = {1: 5.0, 4: -6.0, 6: 9.0}
    for n, by_m in false.items():
        registered[n] = moved(registered[n], by_m, 3 * by_m)
    checks = check(registered, photos())
    assert checks is not None
    assert {n for n, found in enumerate(checks) if not found.agrees} == set(false)


def test_small_errors_of_registration_are_no_fault():
    rng = np.random.default_rng(0)
    registered = [moved(camera, rng.normal(0, 0.02), rng.normal(0, 0.3)) for camera in photos()]
    checks = check(registered, photos())
    assert checks is not None and all(found.agrees for found in checks)
    assert 0.001 < max(found.off_m for found in checks) < MAX_OFF_SHARE * DISTANCE_M
    assert max(found.off_deg for found in checks) < MAX_OFF_DEG / 5


def test_photos_that_stand_close_together_do_not_agree_on_one_spot():
    """A similarity of scale 0 would put all of them within a tenth of the distance."""
    true = photos(4)
    near = [replace(camera, cam_from_world=camera.cam_from_world.copy()) for camera in true]
    for n, camera in enumerate(near):
        camera.cam_from_world[:] = true[0].cam_from_world
        camera.cam_from_world[0, 3] += 0.3 * n
    registered = list(near)
    registered[2] = moved(near[2], 2.0)
    checks = check(registered, near)
    assert checks is not None
    assert [n for n, found in enumerate(checks) if not found.agrees] == [2]
    assert checks[2].off_m == pytest.approx(2.0, rel=1e-6)


def test_too_few_photos_or_none_that_agree_say_nothing():
    assert check(photos(2), photos(2)) is None
    assert check_poses([], [], []) is None
    registered = [moved(camera, 4.0 * n, 25.0 * n) for n, camera in enumerate(photos(4))]
    assert check(registered, photos(4)) is None
