"""Depth aligned to points: scale, shift and gross errors come back; few points change nothing."""

import numpy as np
import pytest

from tests.builders import a_camera
from tests.stereo.stereo_builders import a_box_before_a_wall, cameras_in_a_row, photograph
from warpset.core.cameras import unproject
from warpset.core.geometry import DepthMap
from warpset.stereo.depth_alignment import FEWEST_POINTS, Alignment, align_depth, find_alignment


def some_depths(count=400) -> np.ndarray:
    return np.random.default_rng(0).uniform(1.0, 6.0, count)


def with_gross_errors(depth: np.ndarray, share=0.05) -> np.ndarray:
    rng = np.random.default_rng(1)
    wrong = rng.uniform(size=len(depth)) < share
    return np.where(wrong, depth * rng.uniform(2, 10, len(depth)), depth)


@pytest.mark.parametrize("scale", [0.3, 0.9, 1.1, 7.0])
@pytest.mark.parametrize("shift", [0.0, 0.4, -0.2])
def test_scale_shift_and_gross_errors_of_noisy_points_come_back(scale, shift):
    depth = some_depths()
    true = scale * (depth + shift)
    noisy = depth * np.random.default_rng(2).normal(1, 0.005, len(depth))
    found = find_alignment(with_gross_errors(noisy), true)
    aligned = found.scale * depth + found.shift
    assert np.median(np.abs(aligned / true - 1)) < 0.002


def test_exact_depth_with_gross_errors_comes_back_everywhere_within_a_five_hundredth():
    depth = some_depths()
    found = find_alignment(with_gross_errors(depth), 1.07 * depth + 0.15)
    np.testing.assert_allclose(found.scale * depth + found.shift, 1.07 * depth + 0.15, rtol=0.002)


def test_a_shift_is_not_taken_where_none_is_needed():
    depth = some_depths()
    assert find_alignment(depth, 2 * depth) == pytest.approx(Alignment(2.0, 0.0))


def test_of_too_few_points_nothing_is_taken():
    depth = some_depths(FEWEST_POINTS - 1)
    assert find_alignment(depth, depth) is None


def test_a_depth_map_gets_the_scale_of_the_points_that_its_frame_sees():
    camera = a_camera((64, 48), 60.0, turned=(0.1, 0.2, 0), at=(1, 2, 3))
    rows, columns = np.indices((48, 64))
    depth = (2 + 0.02 * columns + 0.01 * rows).astype(np.float32)
    depth[:5] = 0
    confidence = np.full(depth.shape, 3, np.float32)
    chosen = np.s_[6::7, 3::7]
    xyz_world = unproject(camera, 1.3 * depth)[chosen].reshape(-1, 3).astype(np.float64)
    aligned, found = align_depth(DepthMap(depth, confidence, camera), xyz_world)
    assert found == pytest.approx(Alignment(1.3, 0.0), abs=1e-4)
    np.testing.assert_allclose(aligned.depth, 1.3 * depth, rtol=1e-4)
    assert aligned.confidence is confidence and (aligned.depth[:5] == 0).all()


def test_true_depth_of_another_scale_and_shift_in_each_frame_comes_back_despite_gross_errors():
    cameras = cameras_in_a_row(3, 0.3, (120, 90))
    rng = np.random.default_rng(5)
    for camera in cameras:
        _, true = photograph(camera, a_box_before_a_wall())
        true = np.where(np.isfinite(true), true, np.float32(0))
        known = true > 0
        xyz_world = unproject(camera, true)[known].astype(np.float64)
        scale, shift = rng.uniform(0.9, 1.1), rng.uniform(-0.3, 0.3)
        depth = np.where(known, (true - shift) / scale, 0)
        wrong = rng.uniform(size=depth.shape) < 0.05
        depth = np.where(wrong, depth * rng.uniform(0.1, 5, depth.shape), depth)
        depth_map = DepthMap(depth.astype(np.float32), None, camera)
        aligned, _ = align_depth(depth_map, xyz_world[rng.integers(0, len(xyz_world), 300)])
        right = known & ~wrong
        np.testing.assert_allclose(aligned.depth[right], true[right], rtol=0.002)
