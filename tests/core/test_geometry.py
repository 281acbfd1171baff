"""Resampled depth: exact on planes, never between two surfaces."""

import numpy as np
import pytest

from tests.builders import a_camera
from warpset.core.cameras import unproject
from warpset.core.geometry import DepthMap, fill_unknown, resample_depth
from warpset.core.sizes import fit_camera


def a_plane(camera, normal=(0.2, -0.1, 1.0), offset=3.0):
    """z-depth (h, w) of the plane normal . x = offset in camera axes."""
    rays = unproject(a_camera(camera.size_wh, camera.K[0, 0]), np.ones(camera.shape_hw, np.float32))
    return (offset / (rays @ normal)).astype(np.float32)


def test_the_same_raster_gives_the_same_depth():
    camera = a_camera()
    depth = np.random.default_rng(0).uniform(0, 5, camera.shape_hw).astype(np.float32)
    confidence = depth + 1
    same = resample_depth(DepthMap(depth, confidence, camera), camera)
    np.testing.assert_array_equal(same.depth, depth)
    np.testing.assert_array_equal(same.confidence, confidence)


def test_an_enlarged_plane_is_the_plane_seen_at_the_larger_size():
    camera = a_camera()
    large = fit_camera(camera, (256, 192))
    enlarged = resample_depth(DepthMap(a_plane(camera), None, camera), large)
    inner = np.s_[2:-2, 2:-2]
    np.testing.assert_allclose(enlarged.depth[inner], a_plane(large)[inner], rtol=1e-5)


@pytest.mark.parametrize("far", [4.0, 1.1])
@pytest.mark.parametrize("size_wh", [(256, 192), (100, 75), (33, 25)])
def test_no_depth_lies_between_two_surfaces(size_wh, far):
    camera = a_camera()
    depth = np.where(np.arange(64) < 30, np.float32(1), np.float32(far))
    depth = np.broadcast_to(depth, (48, 64)).copy()
    depth[10:20, 10:20] = 0
    resampled = resample_depth(DepthMap(depth, None, camera), fit_camera(camera, size_wh))
    assert set(np.unique(resampled.depth)) == {0.0, 1.0, np.float32(far)}


def test_bands_of_rows_are_passed_on_and_make_the_same_depth(monkeypatch):
    camera, seen = a_camera(), []
    depth = np.random.default_rng(0).uniform(1, 1.1, camera.shape_hw).astype(np.float32)
    depth_map, large = DepthMap(depth, depth + 1, camera), fit_camera(camera, (100, 75))
    at_once = resample_depth(depth_map, large)
    monkeypatch.setattr("warpset.core.geometry.ROWS_AT_ONCE", 30)
    banded = resample_depth(depth_map, large, lambda tops: map(tee(seen), tops))
    assert seen == [0, 30, 60]
    np.testing.assert_array_equal(banded.depth, at_once.depth)
    np.testing.assert_array_equal(banded.confidence, at_once.confidence)


def tee(seen: list[int]):
    def noted(top: int) -> int:
        seen.append(top)
        return top

    return noted


def test_outside_the_map_depth_is_unknown():
    photo = a_camera((64, 96))
    middle = photo.on_raster((64, 64), np.array([[1, 0, 0], [0, 1, -16.0], [0, 0, 1]]))
    known = resample_depth(DepthMap(np.ones((64, 64), np.float32), None, middle), photo)
    np.testing.assert_array_equal((known.depth > 0).all(axis=1), np.arange(96) // 16 % 5 > 0)


def test_unknown_depth_is_filled_from_around_it_and_known_depth_stays():
    depth = a_plane(a_camera())
    holed = depth.copy()
    holed[10:20, 20:30] = 0
    filled = fill_unknown(holed)
    assert np.array_equal(filled[holed > 0], depth[holed > 0])
    np.testing.assert_allclose(filled, depth, rtol=0.05)


def test_a_single_known_pixel_fills_all_and_none_leaves_all_unknown():
    depth = np.zeros((7, 5), np.float32)
    assert not fill_unknown(depth).any()
    depth[6, 4] = 3.0
    np.testing.assert_allclose(fill_unknown(depth), 3.0, rtol=1e-6)
