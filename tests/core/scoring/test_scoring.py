"""Scores: known answers, and what they ignore."""

import cv2
import numpy as np
import pytest

from tests.builders import a_camera, a_photo
from warpset.core.cameras import project
from warpset.core.scoring.likeness import PERFECT_PSNR_DB, psnr, ssim
from warpset.core.scoring.means import box_mean
from warpset.core.scoring.motion import moved_pixels
from warpset.core.scoring.shares import largest_share, share_in_view

EVERYWHERE = np.ones((48, 64), bool)


def test_equal_pictures_score_perfectly():
    photo = a_photo()
    assert psnr(photo, photo, EVERYWHERE) == PERFECT_PSNR_DB
    assert ssim(photo, photo, EVERYWHERE) == pytest.approx(1)


def test_psnr_of_a_constant_error_is_known():
    one = np.full((48, 64, 3), 100, np.uint8)
    assert psnr(one, one + 10, EVERYWHERE) == pytest.approx(20 * np.log10(255 / 10))


def test_ssim_falls_with_noise_and_hardly_with_brightness():
    photo = a_photo().clip(0, 240)
    noisy = (photo + np.random.default_rng(0).integers(-40, 40, photo.shape)).clip(0, 255)
    brighter = ssim(photo, photo + 10, EVERYWHERE)
    assert ssim(photo, noisy.astype(np.uint8), EVERYWHERE) < 0.8 < brighter


def test_ssim_is_that_of_the_paper_on_pictures_of_any_height():
    rng = np.random.default_rng(2)
    for height in (7, 64, 65, 150):
        one, other = rng.integers(0, 256, (2, height, 40, 3)).astype(np.uint8)
        where = rng.random((height, 40)) < 0.7
        assert ssim(one, other, where) == pytest.approx(_plain_ssim(one, other, where), abs=1e-5)


def _plain_ssim(one, other, where) -> float:
    """Wang et al. 2004, equation 13, in double precision over the whole picture."""
    x, y = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(float) for each in (one, other))

    def mean(plane):
        return cv2.GaussianBlur(plane, (11, 11), 1.5)

    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = 2.55**2, 7.65**2
    top, bottom = (2 * mx * my + c1) * (2 * cov + c2), (mx**2 + my**2 + c1) * (vx + vy + c2)
    return float((top / bottom)[where].mean())


def test_points_count_as_in_view_before_the_camera_and_inside_its_raster():
    camera = a_camera((64, 64), focal=32.0)
    points = np.array([[0, 0, 1], [0, 0, -1], [0.99, 0, 1], [1.01, 0, 1], [0, 0, 0]], np.float32)
    assert share_in_view(points, camera) == pytest.approx(2 / 5)
    assert share_in_view(points[:0], camera) == 0


def test_points_in_view_are_those_that_project_into_it_wherever_the_world_has_its_origin():
    rng = np.random.default_rng(4)
    for at in ((0, 0, 0), (900, -400, 50)):
        camera = a_camera((64, 48), focal=40.0, at=at, turned=(0.3, -0.2, 0.1))
        points = (np.array(at) + rng.normal(size=(50_000, 3))).astype(np.float32)
        (x, y), z = project(camera, points)[0].T, project(camera, points)[1]
        inside = (z > 0) & (x > 0) & (x < 64) & (y > 0) & (y < 48)
        assert 0.05 < inside.mean() < 0.5
        assert share_in_view(points, camera) == pytest.approx(inside.mean(), abs=1e-4)


def test_means_of_levels_are_exact():
    levels = np.random.default_rng(5).integers(0, 256, (40, 50)).astype(np.uint8)
    window = levels[3:28, 10:35].astype(int)
    found = box_mean(levels, 25)
    assert found[15, 22] == np.float32(window.sum() / 625)
    np.testing.assert_array_equal(found, box_mean(levels.astype(np.float32), 25))


def test_the_largest_hole_is_the_largest_connected_one():
    mask = np.zeros((10, 20), bool)
    mask[:4, :5] = mask[6:, 10:] = True  # 20 and 40 pixels
    counted = np.ones_like(mask)
    assert largest_share(mask, counted) == 0.2
    counted[:, 10:] = False
    assert largest_share(mask, counted) == 0.2, "20 of the 100 that count"
    assert largest_share(~counted, counted) == largest_share(mask, np.zeros_like(mask)) == 0.0


def a_busy_photo() -> np.ndarray:
    rng = np.random.default_rng(1)
    fine = rng.integers(-10, 10, (240, 320, 3))
    return (a_photo((320, 240)).astype(int) + fine).clip(0, 255).astype(np.uint8)


def a_visitor(photo: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The photo with somebody in it, and where."""
    where = np.zeros(photo.shape[:2], bool)
    where[80:160, 100:160] = True
    return np.where(where[..., None], 255 - photo, photo), where


def test_what_moved_is_found_and_little_else():
    photo, seen = a_busy_photo(), np.ones((240, 320), bool)
    target, where = a_visitor(photo)
    moved = moved_pixels(photo, target, seen)
    assert moved[where].mean() > 0.85
    near = np.zeros_like(where)
    near[70:170, 90:170] = True
    assert not moved[~near].any()


def test_a_warp_that_is_slightly_off_and_noisy_has_not_moved():
    photo, seen = a_busy_photo(), np.ones((240, 320), bool)
    noise = np.random.default_rng(2).integers(-8, 8, photo.shape)
    target = (np.roll(photo, (1, 2), (0, 1)) + noise).clip(0, 255).astype(np.uint8)
    assert not moved_pixels(photo, target, seen).any()


def test_a_pair_that_differs_all_over_has_not_moved():
    photo, seen = a_busy_photo(), np.ones((240, 320), bool)
    worse = np.random.default_rng(3).integers(-90, 90, photo.shape)
    assert moved_pixels(photo, (photo + worse).clip(0, 255).astype(np.uint8), seen).mean() < 0.01


def test_holes_never_move():
    photo = a_busy_photo()
    target, where = a_visitor(photo)
    assert not moved_pixels(photo, target, ~where).any()
    assert not moved_pixels(photo, target, np.zeros_like(where)).any()
