"""Point clouds and their PLY files."""

import numpy as np
import pytest
from plyfile import PlyData

from tests.builders import a_camera, a_photo
from warpset.core import points
from warpset.core.cameras import project, unproject
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap
from warpset.core.points import PointCloud, joined, lift, splat_size, thinned
from warpset.files.ply import ply_bytes, read_ply


def a_cloud(count=1000, confident=True):
    rng = np.random.default_rng(0)
    return PointCloud(
        rng.normal(size=(count, 3)).astype(np.float32),
        rng.integers(0, 256, (count, 3), np.uint8),
        rng.uniform(1, 9, count).astype(np.float32) if confident else None,
    )


def test_every_kept_pixel_becomes_a_point_of_its_colour():
    camera, rgb = a_camera(turned=(0.1, 0.2, 0)), a_photo()
    depth = np.full(camera.shape_hw, 2, np.float32)
    keep = np.zeros(camera.shape_hw, bool)
    keep[7, 11] = keep[30, 5] = True
    cloud = lift(DepthMap(depth, depth + 1, camera), rgb, keep)
    uv, z = project(camera, cloud.xyz_world)
    np.testing.assert_allclose(uv, [[11.5, 7.5], [5.5, 30.5]], atol=1e-4)
    np.testing.assert_allclose(z, 2, rtol=1e-6)
    np.testing.assert_array_equal(cloud.rgb, rgb[[7, 30], [11, 5]])
    np.testing.assert_array_equal(cloud.confidence, [3, 3])


def test_the_cells_of_a_slanted_plane_meet_on_it():
    camera = a_camera(focal=60.0, turned=(0.1, 0.2, 0))
    x, y = np.meshgrid(np.arange(camera.size_wh[0]) + 0.5, np.arange(camera.size_wh[1]) + 0.5)
    depth = (1 / (0.4 + 0.003 * x - 0.002 * y)).astype(np.float32)
    cloud = lift(DepthMap(depth, None, camera), a_photo(), depth > 0)
    assert cloud.cell is not None
    corners = cloud.xyz_world[:, None] + cloud.cell / 2
    uv, z = project(camera, corners.reshape(-1, 3))
    uv, z = uv.reshape(-1, 2, 2), z.reshape(-1, 2)
    middle = np.stack([x.ravel(), y.ravel()], axis=-1)
    np.testing.assert_allclose(uv[:, 0] - middle, np.full_like(middle, (0.5, 0)), atol=0.005)
    np.testing.assert_allclose(uv[:, 1] - middle, np.full_like(middle, (0, 0.5)), atol=0.005)
    np.testing.assert_allclose(1 / z, 0.4 + uv @ (0.003, -0.002), rtol=1e-4)


def test_a_cell_goes_on_over_no_depth_edge_and_over_nothing_unknown():
    camera = a_camera()
    depth = np.full(camera.shape_hw, 2, np.float32)
    depth[:, 10:20], depth[:, 30] = 3, 0
    keep = depth > 0
    keep[:, 40], depth[:, 40] = False, 2.05
    cloud = lift(DepthMap(depth, None, camera), a_photo(), keep)
    flat = depth[keep][:, None, None] / camera.K[0, 0] * np.eye(3)[:2]
    assert cloud.cell is not None
    np.testing.assert_allclose(cloud.cell, flat, atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.8, 1.0])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_the_bands_that_points_are_lifted_in_leave_no_trace(rows, share, monkeypatch):
    camera, rng = a_camera(turned=(0.1, 0.2, 0)), np.random.default_rng(3)
    depth = (2 + 0.05 * rng.random(camera.shape_hw)).astype(np.float32)
    keep, rgb = rng.random(camera.shape_hw) < share, a_photo()
    keep[:14] &= share == 1  # bands without any
    expected = lift(DepthMap(depth, depth + 1, camera), rgb, keep)
    np.testing.assert_array_equal(expected.xyz_world, unproject(camera, depth)[keep])
    np.testing.assert_array_equal(expected.rgb, rgb[keep])
    np.testing.assert_array_equal(expected.confidence, depth[keep] + 1)
    np.testing.assert_array_equal(expected.footprint, (depth[keep] / camera.K[0, 0]).astype("f4"))
    monkeypatch.setattr(points, "BAND_ROWS", rows)
    found = lift(DepthMap(depth, depth + 1, camera), rgb, keep)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_splat_size_is_the_median_footprint_of_a_pixel():
    camera = a_camera(focal=60.0)
    depth = np.array([0, 1, 3, 5], np.float32)
    assert splat_size(depth, camera) == pytest.approx(np.hypot(3 / 60, 3 / 60))
    assert splat_size(np.zeros(4, np.float32), camera) == 0
    for count in (1, 2, 1000, 1001):  # two in the middle, and one
        depth = np.random.default_rng(count).uniform(1, 9, count).astype(np.float32)
        given = depth.copy()
        expected = float(np.median(depth)) * np.hypot(1 / 60, 1 / 60)
        assert splat_size(depth, camera) == expected and np.array_equal(depth, given)


@pytest.mark.parametrize("confident", [True, False])
@pytest.mark.parametrize("count", [0, 1, 1000])
def test_a_ply_file_gives_the_cloud_back_to_the_bit(tmp_path, count, confident):
    cloud = a_cloud(count, confident)
    (tmp_path / "a.ply").write_bytes(ply_bytes(cloud))
    for before, after in zip(cloud, read_ply(tmp_path / "a.ply"), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_ply_file_is_binary_and_names_its_fields_as_viewers_expect(tmp_path):
    (tmp_path / "a.ply").write_bytes(ply_bytes(a_cloud()))
    ply = PlyData.read(tmp_path / "a.ply")
    assert not ply.text and ply.byte_order == "<"
    names = [field.name for field in ply["vertex"].properties]
    assert names == ["x", "y", "z", "red", "green", "blue", "confidence"]


def test_files_that_are_no_coloured_cloud_are_named(tmp_path):
    path = tmp_path / "a.ply"
    for content in (b"", b"garbage", ply_bytes(a_cloud()).replace(b"red", b"rad")):
        path.write_bytes(content)
        with pytest.raises(InputError, match="a.ply: no PLY with x y z red green blue"):
            read_ply(path)


def test_points_that_are_left_stand_for_those_that_are_not():
    cloud = PointCloud(
        np.random.default_rng(0).random((1000, 3), np.float32),
        np.zeros((1000, 3), np.uint8),
        None,
        np.full(1000, 0.01, np.float32),
        np.full((1000, 2, 3), 0.03, np.float32),
    )
    fewer = thinned(cloud, 250)
    assert len(fewer.xyz_world) == len(fewer.rgb) == 250
    assert fewer.footprint is not None and np.allclose(fewer.footprint, 0.02)
    assert fewer.cell is not None and np.allclose(fewer.cell, 0.06)
    assert thinned(cloud, None) is thinned(cloud, 1000) is cloud


def test_what_one_of_the_joined_clouds_does_not_know_none_does():
    known = PointCloud(
        np.ones((2, 3), np.float32), np.ones((2, 3), np.uint8), *np.ones((2, 2), np.float32)
    )
    both = joined([known, known._replace(confidence=None)])
    assert len(both.xyz_world) == 4 and both.confidence is None
    assert both.footprint is not None and len(both.footprint) == 4


@pytest.mark.parametrize("count", ["9223372036854775808", "-1", "3.5"])
def test_a_count_that_nothing_can_hold_is_one_line(tmp_path, count):
    content = ply_bytes(a_cloud(3)).replace(b"vertex 3", f"vertex {count}".encode())
    (tmp_path / "a.ply").write_bytes(content)
    with pytest.raises(InputError, match="a.ply: no PLY with x y z"):
        read_ply(tmp_path / "a.ply")
