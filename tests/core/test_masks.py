"""Masks: what each of them drops, and what it leaves."""

import numpy as np
import pytest

from warpset.core.masks import ConfidenceThreshold, not_black, not_flying, not_white

CONFIDENCE = np.arange(1, 101, dtype=np.float32).reshape(10, 10)
ALL = np.ones((10, 10), bool)


def test_a_higher_threshold_drops_more():
    kept = [ConfidenceThreshold(value).passed(CONFIDENCE, ALL).sum() for value in (1.01, 50, 101)]
    assert kept == [99, 51, 0]


def test_a_percentile_drops_that_share_of_the_known_pixels():
    threshold = ConfidenceThreshold.parse("p30")
    assert threshold.passed(CONFIDENCE, ALL).sum() == 70
    known = CONFIDENCE > 50
    assert (threshold.passed(CONFIDENCE, known) & known).sum() == 35
    assert not threshold.passed(CONFIDENCE, ~ALL).any()


@pytest.mark.parametrize("text", ["1.01", "p30", "0", "p100"])
def test_thresholds_read_what_they_write(text):
    assert str(ConfidenceThreshold.parse(text)) == text


@pytest.mark.parametrize("text", ["", "p", "p101", "p-1", "nan", "high"])
def test_thresholds_that_are_none_are_refused(text):
    with pytest.raises(ValueError):
        ConfidenceThreshold.parse(text)


def test_black_is_a_sum_below_16_and_white_all_above_240():
    rgb = np.array([[[5, 5, 5], [5, 5, 6], [241, 241, 241], [255, 255, 240]]], np.uint8)
    np.testing.assert_array_equal(not_black(rgb), [[False, True, True, True]])
    np.testing.assert_array_equal(not_white(rgb), [[True, True, False, True]])


def test_only_the_pixel_between_two_surfaces_flies():
    depth = np.ones((3, 9), np.float32)
    depth[:, 4], depth[:, 5:] = 2.5, 4
    expected = np.ones((3, 9), bool)
    expected[:, 4] = False
    np.testing.assert_array_equal(not_flying(depth, 0.1), expected)
    np.testing.assert_array_equal(not_flying(depth.T.copy(), 0.1), expected.T)


def test_clean_edges_slopes_thin_things_and_unknown_depth_stay():
    edge = np.ones((3, 8), np.float32)
    edge[:, 4:] = 5
    slope = np.tile(np.linspace(1, 1.3, 8, dtype=np.float32), (3, 1))
    thin = np.full((3, 8), 5, np.float32)
    thin[:, 4] = 1
    unknown = edge.copy()
    unknown[:, 4] = 0
    for depth in (edge, slope, thin, unknown):
        assert not_flying(depth, 0.1).all()


def test_a_flying_pixels_step_is_a_share_of_its_own_depth():
    for row in ([1.0, 1.5, 2.0], [2.0, 1.5, 1.0]):
        depth = np.array([row], np.float32)
        assert not not_flying(depth, 0.3)[0, 1]  # 0.5 is more than 0.3 of 1.5, not of 2
        assert not_flying(depth, 0.4)[0, 1]  # and no more than 0.4 of 1.5, though of 1
