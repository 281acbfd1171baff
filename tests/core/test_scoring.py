"""Scores: known answers, and what they ignore."""

import numpy as np
import pytest

from tests.builders import a_camera, a_photo
from warpset.core.scoring import PERFECT_PSNR_DB, psnr, share_in_view, ssim

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


def test_points_count_as_in_view_before_the_camera_and_inside_its_raster():
    camera = a_camera((64, 64), focal=32.0)
    points = np.array([[0, 0, 1], [0, 0, -1], [0.99, 0, 1], [1.01, 0, 1], [0, 0, 0]], np.float32)
    assert share_in_view(points, camera) == pytest.approx(2 / 5)
    assert share_in_view(points[:0], camera) == 0
