"""Errors on purpose: as large as said, the same for the same photo, nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from tests.builders import a_wall
from warpset.building.depth.augmenting import DepthErrors, augmented, with_errors
from warpset.core.geometry import FrameGeometry, PosedPhoto, SceneGeometry

WALL = a_wall(size_wh=(518, 390))


def ratios(key="photo", **errors):
    none = DepthErrors(drift=0, blur_px=0, noise=0)
    return with_errors(WALL, key, replace(none, **errors)).depth / WALL.depth


def test_without_errors_depth_stays():
    np.testing.assert_allclose(ratios(), 1.0, rtol=1e-6)


def test_noise_is_as_large_as_said_and_alike_within_a_grain():
    noise = np.log(ratios(noise=0.004, grain_px=14))
    assert noise.std() == pytest.approx(0.004 * 2 / 3, rel=0.25)  # 2/3: between grains it is a mean
    assert np.abs(np.diff(noise, axis=1)).max() < 0.004


def test_drift_runs_over_the_picture_and_stays_within_what_is_said():
    drift = ratios(drift=0.02)
    assert 1.001 < drift.max() / drift.min() <= np.exp(0.02) + 1e-6
    assert np.abs(np.diff(drift, axis=0)).max() < 1e-4


def test_only_edges_are_blurred_and_unknown_depth_stays_unknown():
    stepped = WALL._replace(depth=WALL.depth.copy())
    stepped.depth[:, 260:] *= 2
    stepped.depth[:50] = 0
    blurred = with_errors(stepped, "photo", DepthErrors(drift=0, blur_px=1.5, noise=0)).depth
    assert not blurred[:50].any()
    np.testing.assert_allclose(blurred[60:, :250], 2.0, rtol=1e-5)
    np.testing.assert_allclose(blurred[60:, 270:], 4.0, rtol=1e-5)
    assert ((blurred[60:, 258:262] > 2.1) & (blurred[60:, 258:262] < 3.9)).all()


def test_errors_hang_on_the_photo_and_on_nothing_else(tmp_path):
    photos = [tmp_path / "a.png", tmp_path / "b.png"]
    frames = tuple(FrameGeometry(PosedPhoto(path, WALL.camera), lambda: WALL) for path in photos)
    scene = SceneGeometry(frames, "recorded", "plane")
    content = {"a.png": "1f", "b.png": "2f", "c.png": "1f"}
    a, b = (f.load_depth().depth for f in augmented(scene, lambda p: content[p.name]).frames)
    assert not np.array_equal(a, b)
    renamed = replace(
        scene, frames=(replace(frames[0], photo=PosedPhoto(tmp_path / "c.png", WALL.camera)),)
    )
    (again,) = augmented(renamed, lambda p: content[p.name]).frames
    assert np.array_equal(again.load_depth().depth, a)
