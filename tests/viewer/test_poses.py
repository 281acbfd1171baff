"""Cameras to the browser and back."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("viser")

from tests.builders import a_camera
from tests.viewer.viewer_builders import PLAIN_DEPTH, a_subject
from viewer.browser.poses import DEPTH_UNITS, Pose, Stage, Whereabouts
from viewer.fly_camera import FlyCamera, common_up

SIZE_WH = (90, 50)


@pytest.fixture
def stage():
    return Stage.of(a_subject())


def test_the_scene_is_a_few_units_deep(stage):
    assert stage.scale == pytest.approx(DEPTH_UNITS / PLAIN_DEPTH)
    np.testing.assert_allclose(stage.pivot(stage.cameras[0]), [0, DEPTH_UNITS, 0], atol=1e-9)


@pytest.mark.parametrize("up", [(0, -1, 0), (0, 0, 1), (0, 0, -1), (0.6, 0, 0.8)])
def test_up_in_the_world_is_z_in_the_browser(stage, up):
    stage = replace(stage, up_world=np.array(up, float))
    above = stage.points(np.float64([[1, 2, 3], np.add((1, 2, 3), up)]))
    np.testing.assert_allclose(above[1] - above[0], [0, 0, stage.scale], atol=1e-9)
    own = FlyCamera(stage.cameras[1], stage.up_world).look(0.3, -0.2).camera(SIZE_WH)
    found = stage.camera(stage.pose(own), 1, SIZE_WH)
    np.testing.assert_allclose(found.cam_from_world, own.cam_from_world, atol=1e-12)


def test_a_photos_own_pose_is_what_a_window_starts_with_to_the_last_bit(stage):
    own = stage.cameras[1]
    pose = stage.pose(own)
    rounded = Pose(np.float32(pose.wxyz), np.float32(pose.position) + 1e-6)
    camera = stage.camera(rounded, 1, SIZE_WH)
    window = FlyCamera(own, common_up(stage.cameras)).camera(SIZE_WH)
    assert np.array_equal(camera.cam_from_world, window.cam_from_world)
    assert np.array_equal(camera.K, window.K) and camera.size_wh == SIZE_WH


def test_anywhere_else_the_pose_is_the_browsers_and_the_lens_the_photos(stage):
    fly = FlyCamera(stage.cameras[0], stage.up_world).look(0.3, -0.2).move(0.5, 0.1, 0.7)
    wanted = fly.camera(SIZE_WH)
    camera = stage.camera(stage.pose(wanted), 0, SIZE_WH)
    np.testing.assert_allclose(camera.cam_from_world, wanted.cam_from_world, atol=1e-12)
    np.testing.assert_array_equal(camera.K, wanted.K)


def test_a_keyframe_has_the_photos_raster_whatever_shape_the_page_has(stage):
    own = stage.cameras[1]
    assert stage.keyframe(stage.pose(own), 1) is own
    wanted = FlyCamera(own, stage.up_world).look(0.1, 0.0).camera(own.size_wh)
    keyframe = stage.keyframe(stage.pose(wanted), 1)
    np.testing.assert_allclose(keyframe.cam_from_world, wanted.cam_from_world, atol=1e-12)
    assert keyframe.size_wh == own.size_wh and keyframe.K is own.K


@pytest.mark.parametrize("right", [0.002, -0.002])
def test_a_turn_by_a_fraction_of_a_pixel_is_another_camera(stage, right):
    start = FlyCamera(stage.cameras[0], stage.up_world)
    turned = stage.pose(start.look(right, 0.0).camera(SIZE_WH))
    assert not turned.is_near(stage.pose(stage.cameras[0]))


def test_both_quaternions_of_a_rotation_are_one_pose(stage):
    pose = stage.pose(a_camera(at=(1, 2, 3)))
    assert pose.is_near(pose._replace(wxyz=-pose.wxyz))


def test_two_subjects_of_other_scale_look_alike():
    subject = a_subject()
    larger = replace(
        subject,
        cloud=subject.cloud._replace(xyz_world=1000 * subject.cloud.xyz_world),
        standpoints=tuple(
            one._replace(camera=a_camera(at=1000 * one.camera.center_world))
            for one in subject.standpoints
        ),
    )
    small, large = Stage.of(subject), Stage.of(larger)
    assert small.pose(small.cameras[2]).is_near(large.pose(large.cameras[2]))


def test_a_report_that_a_placement_has_overtaken_is_not_believed():
    first, second, third = (Pose(np.eye(4)[0], np.full(3, float(at))) for at in range(3))
    where = Whereabouts(first)
    where.place(second)
    where.place(third)
    where.report(first)
    where.report(second)
    assert where.pose is third
    where.report(Pose(third.wxyz, third.position + 0.5))
    where.report(first)
    assert where.pose is first


def test_a_browser_placed_where_it_was_before_is_believed_there():
    first, second = (Pose(np.eye(4)[0], np.full(3, float(at))) for at in range(2))
    where = Whereabouts(first)
    where.place(second)
    where.place(first)
    where.report(second)
    assert where.pose is first
    where.report(first)
    where.report(second)
    assert where.pose is second
