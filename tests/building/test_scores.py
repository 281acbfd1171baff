"""The table of scores: what is measured, what a bound rejects, the flags that come from it."""

import argparse
import weakref
from dataclasses import replace

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
from warpset.core.scoring import corners
from warpset.core.scoring.corners import Followed
from warpset.core.scoring.exposure import Gain, apply_gain
from warpset.core.scoring.likeness import PERFECT_PSNR_DB

NO_CORNERS = Followed(*np.empty((2, 0, 2), np.float32))


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
    assert list(scores) == [score.name for score in SCORES]
    assert (scores["coverage"], scores["hole_share"], scores["overlap"]) == (0.75, 0.25, 0.5)
    assert scores["psnr"] == PERFECT_PSNR_DB


def test_difficulty_is_measured_free_of_the_scenes_unit():
    hole = np.zeros((48, 64), bool)
    hole[:, :16] = hole[20, 40] = True
    cameras = {"target": a_camera(at=(0.5, 0, 0), turned=(0, 0.1, 0)), "reference": a_camera()}
    points = np.array([[0, 0, 2], [0.1, 0, 2], [0, 0, 9]], np.float32)
    cloud = PointCloud(points, np.zeros((3, 3), np.uint8), None)
    warp = replace(a_warp(hole), cameras=cameras, cloud=cloud, covisibility=0.625)
    scores = measured(warp)
    assert scores["largest_hole"] == 0.25
    assert scores["turn"] == pytest.approx(np.degrees(0.1), abs=1e-3)
    assert scores["baseline"] == 0.25, "half a metre before points at two"
    assert scores["covisibility"] == 0.625
    far = cloud._replace(xyz_world=10 * points)
    moved = {**cameras, "target": a_camera(at=(5, 0, 0))}
    assert measured(replace(warp, cloud=far, cameras=moved))["baseline"] == 0.25
    nothing = cloud._replace(xyz_world=points[:0])
    assert measured(replace(warp, cloud=nothing))["baseline"] is None


def test_motion_is_a_share_of_what_is_seen_and_exposure_is_none():
    hole = np.zeros((48, 64), bool)
    hole[:, :32] = True
    still = a_warp(hole)
    assert measured(still)["motion"] is None, "not compared yet"
    dark = replace(still, splats=apply_gain(still.splats, Gain(0.6, 0.7, 0.6)))
    assert measured(dark.compared())["motion"] == 0.0
    target = still.target.copy()
    target[10:40, 40:60] = 255 - target[10:40, 40:60]
    share = measured(replace(still, target=target).compared())["motion"]
    assert share is not None and 0.33 < share < 0.9, "600 of 1536 seen pixels, grown"


def test_corners_are_followed_once_however_threads_take_turns_and_no_warp_is_kept(monkeypatch):
    followed = []
    monkeypatch.setattr(corners, "followed_corners", lambda *of: followed.append(of) or NO_CORNERS)
    warps = [a_warp(np.zeros((48, 64), bool)) for _ in range(2)]
    for score in SCORES:
        for warp in warps:
            score.measure(warp)
    assert len(followed) == 2
    gone = weakref.ref(warps.pop())
    del warp
    assert gone() is None


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
