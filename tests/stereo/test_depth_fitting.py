"""Cameras and depth fitted to matches: slopes are right, planted errors and wrong matches go."""

from dataclasses import replace

import numpy as np
import pytest

from tests.builders import a_camera, a_rotation
from warpset.core.cameras import project
from warpset.stereo.depth_fitting import PHOTO_SIZE, Sight, _Fit, fit_to_depth

SIZE_WH = (400, 300)


def cameras_about(count):
    """Cameras in a row, each turned a little."""
    rng = np.random.default_rng(3)
    cameras = []
    for index in range(count):
        pose = np.eye(4)
        pose[:3, :3] = a_rotation(*rng.normal(scale=0.1, size=3))
        pose[:3, 3] = -pose[:3, :3] @ [0.2 * index, 0.01 * index, 0.0]
        cameras.append(replace(a_camera(SIZE_WH, focal=350), cam_from_world=pose))
    return cameras


def sights_of(cameras, scales, shifts, wrong=0.0):
    """What each camera sees of random points in each other, its depth scaled and shifted."""
    rng = np.random.default_rng(4)
    points = rng.uniform((-1.5, -1, 3), (1.5, 1, 6), (400, 3))
    sights = []
    for source, target in np.argwhere(~np.eye(len(cameras), dtype=bool)).tolist():
        (uv, z), (there, _) = project(cameras[source], points), project(cameras[target], points)
        lost = rng.random(len(points)) < wrong
        there = there + lost[:, None] * rng.uniform(-90, 90, there.shape)
        sights.append(Sight(source, target, uv, (z - shifts[source]) / scales[source], there))
    return sights


def test_the_slopes_are_those_of_small_differences():
    cameras = cameras_about(2)
    sights = sights_of(cameras, (1.05, 0.97), (0.02, 0.0))
    for lens_of in ([0, 0], [0, 1], [None, 0]):
        fit = _Fit(cameras, sights[:1], lens_of)
        seen, before = fit.landed(sights[0])
        columns, slopes = fit._columns(sights[0]), fit._slopes(sights[0], seen)
        for column in np.unique(columns):
            step = np.zeros(2 * PHOTO_SIZE + fit.lens_count)
            step[column] = 1e-6
            moved = _Fit(cameras, sights[:1], lens_of)
            moved._move(step)
            expected = (moved.landed(sights[0])[1] - before) / 1e-6
            found = slopes[:, :, columns == column].sum(axis=2)
            np.testing.assert_allclose(found, expected, atol=2e-2, rtol=1e-4)


@pytest.mark.parametrize("wrong", [0.0, 0.2])
def test_planted_errors_of_cameras_and_depth_go(wrong):
    true = cameras_about(4)
    scales, shifts = (0.95, 1.05, 1.02, 0.98), (0.05, 0.0, -0.03, 0.0)
    sights = sights_of(true, scales, shifts, wrong)
    off = [
        replace(camera, cam_from_world=turned_by_a_degree(index) @ camera.cam_from_world)
        for index, camera in enumerate(true)
    ]
    fit = fit_to_depth(off, sights, [0] * 4)
    distances = np.concatenate(fit.distances_px)
    assert np.percentile(distances, 70) < 0.05
    ratios = np.array([found.scale for found in fit.alignments]) / scales
    np.testing.assert_allclose(ratios / ratios[0], 1.0, atol=5e-3)


def turned_by_a_degree(seed):
    axis = np.random.default_rng(seed).normal(size=3)
    turn = np.eye(4)
    turn[:3, :3] = a_rotation(*(np.radians(1.0) * axis / np.linalg.norm(axis)))
    return turn


def test_a_lens_that_is_known_stays():
    true = cameras_about(3)
    sights = sights_of(true, (1.0,) * 3, (0.0,) * 3)
    longer = [replace(c, K=c.K * [[1.02, 1, 1], [1, 1.02, 1], [1, 1, 1]]) for c in true]
    kept = fit_to_depth(longer, sights, [None] * 3)
    assert all((a.K == b.K).all() for a, b in zip(kept.cameras, longer, strict=True))
    free = fit_to_depth(longer, sights, [0] * 3)
    assert free.cameras[0].K[0, 0] == pytest.approx(true[0].K[0, 0], rel=3e-3)
