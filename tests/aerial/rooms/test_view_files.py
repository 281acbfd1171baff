"""Views: sizes and conventions of what DUSt3R trains on, and the round trip through files."""

import os

import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image

from aerial_megadepth.scenes.view_files import (
    RgbdView,
    covering_camera,
    read_view,
    shrink_view,
    write_view,
)
from tests.builders import a_camera, a_photo
from warpset.core.cameras import K_from_integer_centers, integer_center_K, project, unproject
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap


def a_view(size_wh=(64, 48), **camera) -> RgbdView:
    depth = np.linspace(1, 9, size_wh[0] * size_wh[1], dtype=np.float32).reshape(size_wh[::-1])
    depth[0, 0] = 0
    return RgbdView(a_photo(size_wh), depth, a_camera(size_wh, **camera))


def test_a_landscape_of_1600x1067_gives_899x600_with_its_centre_in_the_middle():
    camera = covering_camera(a_camera((1600, 1067), focal=1700))
    assert camera.size_wh == (899, 600)
    K = integer_center_K(camera.K)
    np.testing.assert_allclose(K[:2, 2], [449.0, 299.5], atol=1e-9)
    np.testing.assert_allclose(np.diag(K), [1700 * 600 / 1067, 1700 * 600 / 1067, 1])


@pytest.mark.parametrize(
    ("size_wh", "expected_wh"),
    [
        ((1067, 1600), (600, 899)),
        ((1600, 1200), (800, 600)),
        ((1200, 1600), (600, 800)),
        ((1600, 800), (1200, 600)),
        ((1000, 1000), (800, 800)),
        ((801, 600), (801, 600)),
        ((800, 599), (800, 599)),
        ((640, 480), (640, 480)),
        ((480, 640), (480, 640)),
    ],
)
def test_sizes_cover_800x600_and_are_never_enlarged(size_wh, expected_wh):
    assert covering_camera(a_camera(size_wh)).size_wh == expected_wh


def test_points_land_on_the_same_content_after_shrinking():
    photo = np.zeros((1067, 1600, 3), np.uint8)
    photo[640:660, 1190:1210] = 255
    camera = a_camera((1600, 1067), focal=1500)
    view = shrink_view(photo, DepthMap(np.ones((1067, 1600), np.float32), None, camera), camera)
    x, y = (
        np.average(grid, weights=view.rgb[..., 0]) + 0.5 for grid in np.indices((600, 899))[::-1]
    )
    ray = [(1200 - 800) / 1500, (650 - 533.5) / 1500, 1.0]
    uv, _ = project(view.camera, np.array(ray))
    np.testing.assert_allclose([x, y], uv, atol=0.02)


def test_depth_is_the_nearest_sample_and_never_a_mean():
    depth = np.where(np.indices((1067, 1600)).sum(axis=0) % 2, np.float32(2), np.float32(8))
    camera = a_camera((1600, 1067))
    view = shrink_view(np.zeros((1067, 1600, 3), np.uint8), DepthMap(depth, None, camera), camera)
    assert set(np.unique(view.depth)) == {2.0, 8.0}


def test_a_small_photo_stays_byte_for_byte():
    view = a_view()
    same = shrink_view(view.rgb, DepthMap(view.depth, None, view.camera), view.camera)
    np.testing.assert_array_equal(same.rgb, view.rgb)
    np.testing.assert_array_equal(same.depth, view.depth)


def test_a_view_comes_back(tmp_path):
    written = a_view(turned=(0.1, -0.2, 0.3), at=(1, 2, 3))
    write_view(tmp_path, "a.jpg", written)
    read = read_view(tmp_path, "a.jpg")
    np.testing.assert_array_equal(read.depth, written.depth)
    np.testing.assert_allclose(read.camera.K, written.camera.K)
    np.testing.assert_allclose(
        read.camera.cam_from_world, written.camera.cam_from_world, atol=1e-12
    )
    assert np.abs(read.rgb.astype(int) - written.rgb).mean() < 4


def test_files_are_as_dust3r_reads_them(tmp_path):
    view = a_view((64, 48), focal=70.0, at=(1, 2, 3))
    write_view(tmp_path, "a.jpg", view)
    with np.load(tmp_path / "a.jpg.npz") as arrays:
        np.testing.assert_allclose(arrays["intrinsics"], [[70, 0, 31.5], [0, 70, 23.5], [0, 0, 1]])
        np.testing.assert_allclose(arrays["cam2world"][:3, 3], [1, 2, 3])
        assert set(arrays) == {"intrinsics", "cam2world"}
    with OpenEXR.File(str(tmp_path / "a.jpg.exr"), separate_channels=True) as exr:
        assert set(exr.channels()) == {"Y"}
        assert exr.channels()["Y"].pixels.dtype == np.float32
    with Image.open(tmp_path / "a.jpg.jpg") as jpeg:
        assert jpeg.size == (64, 48) and jpeg.format == "JPEG"


def test_opencv_reads_the_depth(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENCV_IO_ENABLE_OPENEXR", "1")
    write_view(tmp_path, "a.jpg", a_view())
    assert os.environ["OPENCV_IO_ENABLE_OPENEXR"] == "1"
    depth = cv2.imread(str(tmp_path / "a.jpg.exr"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(depth, a_view().depth)


def test_a_point_of_the_depth_map_projects_onto_its_own_pixel(tmp_path):
    view = a_view(turned=(0.1, 0.2, 0), at=(1, 0, 0))
    write_view(tmp_path, "a", view)
    read = read_view(tmp_path, "a")
    uv, _ = project(read.camera, unproject(read.camera, read.depth)[20:21, 30])
    np.testing.assert_allclose(uv, [[30.5, 20.5]], atol=1e-3)


def test_the_two_conventions_undo_each_other():
    K = a_camera().K
    np.testing.assert_array_equal(K_from_integer_centers(integer_center_K(K)), K)


@pytest.mark.parametrize("missing", ["jpg", "exr", "npz"])
def test_a_missing_part_is_one_line(tmp_path, missing):
    write_view(tmp_path, "a", a_view())
    (tmp_path / f"a.{missing}").unlink()
    with pytest.raises(InputError):
        read_view(tmp_path, "a")


def test_parts_that_do_not_fit_are_one_line(tmp_path):
    write_view(tmp_path, "a", a_view())
    write_view(tmp_path, "b", a_view((32, 24)))
    (tmp_path / "b.exr").replace(tmp_path / "a.exr")
    with pytest.raises(InputError, match="found depth of 32x24"):
        read_view(tmp_path, "a")
    np.savez(tmp_path / "b.npz", intrinsics=np.eye(2), cam2world=np.eye(4))
    (tmp_path / "a.exr").replace(tmp_path / "b.exr")
    with pytest.raises(InputError, match="no finite intrinsics"):
        read_view(tmp_path, "b")


def test_a_camera_that_unpacks_to_far_more_is_refused_before_it_does(tmp_path):
    write_view(tmp_path, "a", a_view())
    np.savez_compressed(tmp_path / "a.npz", intrinsics=np.zeros(2**20), cam2world=np.eye(4))
    with pytest.raises(InputError, match="a.npz: cannot be read as a camera .more than"):
        read_view(tmp_path, "a")


def test_a_pipe_is_no_camera_and_is_not_waited_for(tmp_path):
    write_view(tmp_path, "a", a_view())
    (tmp_path / "a.npz").unlink()
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(InputError, match="a.npz: cannot be read as a camera .*no regular file"):
        read_view(tmp_path, "a")
