"""Frames: which ones, and how large."""

import numpy as np
import pytest

from tests.builders import a_camera
from warpset.building.frames import FrameSelection, scene_size, select_frames, view_overlap
from warpset.core.cameras import project, unproject
from warpset.core.sizes import SizeRule, fit_camera, photo_box


def test_every_photo_is_a_frame_unless_asked_otherwise():
    assert select_frames(5, FrameSelection()) == [0, 1, 2, 3, 4]


def test_skip_every_takes_every_nth_and_limit_the_first_of_these():
    assert select_frames(10, FrameSelection(skip_every=3)) == [0, 3, 6, 9]
    assert select_frames(10, FrameSelection(skip_every=3, limit=2)) == [0, 3]


def test_a_target_overlap_skips_to_the_last_photo_that_still_overlaps():
    def overlap(one, other):
        return 1 - abs(one - other) / 10

    chosen = select_frames(12, FrameSelection(target_overlap=0.7), overlap)
    assert chosen == [0, 3, 6, 9, 11]


def test_a_gap_wider_than_the_target_overlap_is_stepped_over():
    places = [0, 1, 20, 21, 22]

    def overlap(one, other):
        return max(0, 1 - abs(places[one] - places[other]) / 10)

    assert select_frames(5, FrameSelection(target_overlap=0.75), overlap) == [0, 1, 2, 4]


def test_views_overlap_wholly_with_themselves_and_not_when_turned_by_their_field_of_view():
    camera = a_camera()
    assert view_overlap(camera, camera, 1.0) == pytest.approx(1)
    assert view_overlap(camera, a_camera(turned=(0, camera.fov_x, 0)), 1.0) == pytest.approx(0)
    assert view_overlap(camera, a_camera(turned=(0, camera.fov_x / 2, 0)), 1) == pytest.approx(0.5)


def test_views_overlap_less_the_farther_apart_they_stand():
    cameras = [a_camera(at=(x, 0, 0)) for x in (0, 1, 4)]
    extent = scene_size(cameras)
    assert extent == pytest.approx(4)
    assert view_overlap(cameras[0], cameras[1], extent) == pytest.approx(0.75)
    assert view_overlap(cameras[0], cameras[2], extent) == pytest.approx(0)


@pytest.mark.parametrize(
    ("photo", "rule", "expected"),
    [
        ((640, 480), SizeRule(), (640, 480)),
        ((4000, 3000), SizeRule(), (1155, 866)),
        ((4000, 3000), SizeRule(None), (4000, 3000)),
        ((640, 480), SizeRule(1.0, (320, 200)), (320, 200)),
        ((640, 480), SizeRule(2.0, (2000, 1500)), (1633, 1225)),
        ((1, 4000), SizeRule(0.001), (1, 2000)),
    ],
)
def test_sizes_follow_the_rule(photo, rule, expected):
    assert rule.size_of(photo) == expected


def test_mixed_photos_share_their_least_width_and_height():
    assert SizeRule().common_size([(640, 480), (480, 640), (2000, 1500)]) == (480, 480)


def test_fitting_covers_the_raster_without_stretching():
    camera = a_camera((100, 60), focal=80.0)
    fitted = fit_camera(camera, (50, 50))
    assert fitted.K[0, 0] == fitted.K[1, 1] == pytest.approx(80 * 50 / 60)
    left, top, right, bottom = photo_box(camera, fitted)
    assert (left, top, right, bottom) == pytest.approx((20, 0, 80, 60))


def test_a_point_keeps_its_place_in_the_picture_when_the_camera_is_fitted():
    camera = a_camera((100, 60), focal=80.0, center=(47, 33))
    fitted = fit_camera(camera, (71, 31))
    left, top, right, bottom = photo_box(camera, fitted)
    xyz = unproject(camera, np.full(camera.shape_hw, 3, np.float32))
    before, after = project(camera, xyz)[0], project(fitted, xyz)[0]
    np.testing.assert_allclose(
        (before[..., 0] - left) / (right - left) * 71, after[..., 0], atol=1e-4
    )
    np.testing.assert_allclose(
        (before[..., 1] - top) / (bottom - top) * 31, after[..., 1], atol=1e-4
    )
