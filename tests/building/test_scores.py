"""The table of scores: what is measured, what a bound rejects, the flags that come from it."""

import argparse

import numpy as np
import pytest

from tests.builders import a_camera, a_photo
from warpset.building.pairs.warp import Warp
from warpset.building.scores import (
    BOUNDS,
    SCORES,
    Quality,
    add_quality_flags,
    measured,
    read_quality,
)
from warpset.core.points import PointCloud
from warpset.core.scoring import PERFECT_PSNR_DB


def a_warp(hole: np.ndarray) -> Warp:
    """The photo itself but for its holes; half of the points lie in view."""
    photo, camera = a_photo(), a_camera()
    points = np.array([[0, 0, 2], [0, 0, -2]], np.float32)
    cloud = PointCloud(points, np.zeros((2, 3), np.uint8), None)
    splats = np.where(hole[..., None], np.uint8(0), photo)
    depth = np.zeros(hole.shape, np.float32)
    cameras = {"target": camera, "reference": camera}
    return Warp(splats, photo, photo, hole, depth, None, cloud, cameras)


def test_holes_do_not_count():
    hole = np.zeros((48, 64), bool)
    hole[:, :16] = True
    scores = measured(a_warp(hole))
    names = "coverage hole_share overlap psnr ssim shift shift_p90"
    assert list(scores) == [
        *names.split(),
        "gain",
        "contradicted",
        "gain_red",
        "gain_green",
        "gain_blue",
    ]
    assert (scores["coverage"], scores["hole_share"], scores["overlap"]) == (0.75, 0.25, 0.5)
    assert scores["psnr"] == PERFECT_PSNR_DB


def test_a_pair_without_any_coverage_has_no_psnr():
    scores = measured(a_warp(np.ones((48, 64), bool)))
    assert scores["coverage"] == 0 and scores["psnr"] is None and scores["ssim"] is None


@pytest.mark.parametrize(
    ("limit", "scores", "reason"),
    [
        (("min-coverage", 0.5), {"coverage": 0.5}, None),
        (("min-coverage", 0.5), {"coverage": 0.4999}, "coverage 0.4999 is below 0.5"),
        (("max-coverage", 0.5), {"coverage": 0.5}, None),
        (("max-coverage", 0.5), {"coverage": 0.6}, "coverage 0.6 is above 0.5"),
        (("min-psnr", 20.0), {"psnr": 19.0}, "PSNR 19.0 is below 20.0"),
        (("min-psnr", 0.0), {"psnr": None}, "PSNR None is below 0.0"),
        (("min-psnr", 0.0), {}, "PSNR None is below 0.0"),
    ],
)
def test_a_bound_rejects_what_lies_outside_and_what_was_not_measured(limit, scores, reason):
    assert Quality((limit,)).rejection(scores) == reason


def test_without_bounds_nothing_is_rejected():
    assert Quality().rejection({}) is None
    assert set(Quality().as_recorded().values()) == {None}


def test_every_bound_has_a_flag_that_is_read_back():
    parser = argparse.ArgumentParser()
    add_quality_flags(parser.add_argument_group("bounds"), "reject")
    flags = [word for bound in BOUNDS for word in (f"--{bound.name}", "0.25")]
    quality = read_quality(parser.parse_args(flags))
    assert quality.as_recorded() == {bound.name: 0.25 for bound in BOUNDS}
    assert read_quality(parser.parse_args([])) == Quality()


def test_names_and_labels_are_one_scores_each():
    for names in ([score.name for score in SCORES], [score.label for score in SCORES]):
        assert len(set(names)) == len(SCORES)
