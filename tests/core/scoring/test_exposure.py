"""Exposure steps are found where there are some, and nowhere else."""

import numpy as np
import pytest

from tests.builders import a_photo
from warpset.core.scoring.exposure import (
    BRIGHTEST,
    DARKEST,
    LINEAR,
    Gain,
    apply_gain,
    exposure_gain,
)

EVERYWHERE = np.ones((480, 640), bool)
PHOTO = a_photo((640, 480))


def noisy(picture, levels=4.0):
    noise = np.random.default_rng(0).normal(0, levels, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def test_where_nothing_is_wrong_the_gain_is_one():
    gain = exposure_gain(PHOTO, PHOTO, EVERYWHERE)
    assert gain == Gain(1, 1, 1) and gain.step == 1


@pytest.mark.parametrize("wanted", [Gain(1.35, 1.35, 1.35), Gain(0.7, 0.9, 1.2)])
def test_a_step_is_found_channel_by_channel_in_noise_and_beside_what_moved(wanted):
    brighter = np.array(apply_gain(PHOTO, wanted))
    brighter[:150] = 128  # something else stands there
    gain = exposure_gain(noisy(PHOTO), noisy(brighter), EVERYWHERE)
    assert gain == pytest.approx(wanted, rel=0.06)
    assert gain is not None and gain.step == pytest.approx(wanted.step, rel=0.06)


def test_pixels_that_are_not_to_be_compared_have_no_say():
    where, brighter = EVERYWHERE.copy(), np.array(PHOTO)
    where[:300], brighter[:300] = False, 200
    assert exposure_gain(PHOTO, brighter, where) == Gain(1, 1, 1)


def test_the_gain_is_the_median_of_all_pixels_ratios():
    rng = np.random.default_rng(1)
    for count in (1000, 1001):  # two in the middle, and one
        one, other = rng.integers(30, 230, (2, count, 1, 3)).astype(np.uint8)
        expected = np.median(LINEAR[other] / LINEAR[one], axis=(0, 1))
        assert exposure_gain(one, other, np.ones((count, 1), bool)) == tuple(expected)


def test_levels_count_from_the_darkest_to_the_brightest_that_tells():
    one = np.repeat([[DARKEST, BRIGHTEST - 10]], 100, axis=0).astype(np.uint8)
    one = np.stack([one] * 3, axis=-1)
    everywhere = np.ones(one.shape[:2], bool)
    gain = exposure_gain(one, one + np.uint8(10), everywhere)
    ratios = LINEAR[[DARKEST + 10, BRIGHTEST]] / LINEAR[[DARKEST, BRIGHTEST - 10]]
    assert gain == pytest.approx((np.mean(ratios),) * 3, rel=1e-12)
    assert exposure_gain(one - np.uint8(1), one - np.uint8(1), everywhere) == Gain(1, 1, 1)
    assert exposure_gain(one - np.uint8(1), one - np.uint8(1), one[..., 0] == DARKEST) is None


def test_black_and_clipped_pictures_tell_nothing():
    for level in (0, 255):
        assert exposure_gain(PHOTO, np.full_like(PHOTO, level), EVERYWHERE) is None


def test_a_gain_multiplies_linear_light_and_clips_at_white():
    gray = np.full((1, 1, 3), 100, np.uint8)
    bright = apply_gain(gray, Gain(2, 1, 100))[0, 0]
    assert bright[1] == 100 and bright[2] == 255
    assert LINEAR[bright[0]] == pytest.approx(2 * LINEAR[100], rel=0.02)


@pytest.mark.parametrize("shape", [(4, 5, 3), (7, 3), (0, 3)])
def test_a_gain_changes_each_channel_of_pictures_and_of_points_by_its_own(shape):
    colours, gain = np.random.default_rng(2).integers(0, 256, shape).astype(np.uint8), Gain(2, 1, 1)
    levels = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=-1)
    of_level = apply_gain(levels, gain)[0]
    expected = np.stack([of_level[colours[..., c], c] for c in range(3)], axis=-1)
    np.testing.assert_array_equal(apply_gain(colours, gain), expected)
    assert len(of_level[of_level[:, 0] != of_level[:, 1]]) > 200
