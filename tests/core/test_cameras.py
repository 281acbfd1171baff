"""Cameras: projection, and every foreign convention there and back."""

import numpy as np
import pytest

from tests.builders import a_camera, a_rotation, opengl_pose
from warpset.core.cameras import (
    cam_from_world_from_colmap,
    cam_from_world_from_opengl,
    opengl_projection_matrix,
    project,
    raster_transform,
    share_of_raster,
    unproject,
)

CAMERA = a_camera((64, 48), focal=50.0, center=(30.2, 25.7), turned=(0.1, -0.3, 0.2), at=(1, 2, 3))


def test_projecting_what_was_unprojected_lands_on_the_pixel_centres():
    depth = np.random.default_rng(0).uniform(1, 9, CAMERA.shape_hw).astype(np.float32)
    uv, z = project(CAMERA, unproject(CAMERA, depth))
    columns, rows = np.meshgrid(np.arange(64) + 0.5, np.arange(48) + 0.5)
    np.testing.assert_allclose(uv, np.stack([columns, rows], axis=-1), atol=1e-3)
    np.testing.assert_allclose(z, depth, rtol=1e-5)


def test_the_point_on_the_optical_axis_lands_on_the_principal_point():
    ahead = CAMERA.world_from_cam @ [0, 0, 5, 1]
    uv, z = project(CAMERA, ahead[:3])
    np.testing.assert_allclose([*uv, z], [30.2, 25.7, 5], atol=1e-9)


def test_a_point_to_the_right_and_below_has_larger_pixel_positions():
    uv, _ = project(a_camera(), np.array([0.1, 0.1, 1.0]))
    assert (uv > [32, 24]).all()


def test_an_opengl_camera_to_world_matrix_comes_back_as_the_same_camera():
    np.testing.assert_allclose(
        cam_from_world_from_opengl(opengl_pose(CAMERA)), CAMERA.cam_from_world, atol=1e-12
    )


def test_reading_an_opencv_pose_as_opengl_gives_another_camera():
    assert not np.allclose(
        cam_from_world_from_opengl(CAMERA.world_from_cam), CAMERA.cam_from_world, atol=0.1
    )


def test_an_opengl_camera_looks_along_its_negative_z():
    camera_at_origin = cam_from_world_from_opengl(np.eye(4))
    assert (camera_at_origin @ [0, 0, -1, 1])[2] == 1


def test_the_share_of_a_raster_that_another_covers_counts_only_what_lies_in_it():
    middle = CAMERA.on_raster((64, 24), np.array([[1.0, 0, 0], [0, 1.0, -12], [0, 0, 1]]))
    wider = CAMERA.on_raster((128, 48), np.array([[1.0, 0, 32], [0, 1.0, 0], [0, 0, 1]]))
    assert share_of_raster(CAMERA, CAMERA.resized((7, 9))) == pytest.approx(1)
    assert share_of_raster(CAMERA, middle) == pytest.approx(0.5)
    assert share_of_raster(CAMERA, wider) == pytest.approx(1)


def test_colmap_quaternions_are_scalar_first():
    half = np.pi / 8
    pose = cam_from_world_from_colmap([np.cos(half), 0, np.sin(half), 0], [1, 2, 3])
    np.testing.assert_allclose(pose[:3, :3], a_rotation(y=np.pi / 4), atol=1e-12)
    np.testing.assert_allclose(pose[:3, 3], [1, 2, 3])


def test_the_opengl_projection_puts_a_pixel_where_the_pinhole_formula_does():
    point = np.array([0.7, -0.4, 5.0])
    uv, _ = project(CAMERA, (CAMERA.world_from_cam @ [*point, 1])[:3])
    clip = opengl_projection_matrix(CAMERA) @ [point[0], -point[1], -point[2], 1]
    ndc = clip[:3] / clip[3]
    np.testing.assert_allclose([(ndc[0] + 1) / 2 * 64, (1 - ndc[1]) / 2 * 48], uv, atol=1e-9)


def test_near_and_far_planes_are_the_ends_of_the_depth_range():
    projection = opengl_projection_matrix(CAMERA, near=0.5, far=20.0)
    for depth, expected in ((0.5, -1.0), (20.0, 1.0)):
        clip = projection @ [0, 0, -depth, 1]
        assert clip[2] / clip[3] == pytest.approx(expected)


def test_resizing_moves_pixels_with_the_raster():
    half = CAMERA.resized((32, 24))
    np.testing.assert_allclose(raster_transform(CAMERA, half) @ [64, 48, 1], [32, 24, 1])
    assert half.fov_y == pytest.approx(CAMERA.fov_y)


def test_the_field_of_view_of_an_off_centre_camera_spans_both_edges():
    camera = a_camera((100, 100), focal=50.0, center=(50, 0))
    assert camera.fov_x == pytest.approx(np.pi / 2)
    assert camera.fov_y == pytest.approx(np.arctan(2))
