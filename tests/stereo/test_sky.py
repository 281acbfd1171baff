"""What of a photo is sky, and that no plane is carried into it."""

import numpy as np
import pytest
import torch

from tests.stereo.stereo_builders import (
    a_box_before_a_wall,
    a_texture,
    cameras_in_a_row,
    photograph,
)
from warpset.stereo.guesses import guess
from warpset.stereo.matching import GrayView
from warpset.stereo.plane_sweep import Sweep
from warpset.stereo.planes.sky import find_sky, without_sky
from warpset.stereo.planes.superpixels import segment

HORIZON = 60
BLUE, WARM, DARK = (150, 170, 200), (190, 180, 160), (20, 25, 40)


def a_view_of_houses(sky=BLUE, turned=False) -> np.ndarray:
    """(120, 160, 3) texture below the horizon, one colour above; or upside down."""
    rgb = np.repeat(255 * a_texture(0)[:480:4, :480:3, None], 3, axis=2)
    rgb[:HORIZON] = sky
    rgb[:HORIZON] += np.random.default_rng(0).normal(0, 1, (HORIZON, 160, 1))
    return (rgb[::-1] if turned else rgb).clip(0, 255).astype(np.uint8)


def houses_and_a_rim(width_px: int = 4) -> np.ndarray:
    """(120, 160) bool measured: all of the houses, and what their outline lends to the sky."""
    certain = np.ones((120, 160), bool)
    certain[: HORIZON - width_px] = False
    return certain


def test_a_smooth_region_at_the_upper_edge_that_nothing_is_measured_in_is_sky():
    found = find_sky(segment(a_view_of_houses()), houses_and_a_rim())
    assert found[: HORIZON - 2].mean() > 0.98
    assert found[HORIZON + 2 :].mean() < 0.02


@pytest.mark.parametrize("wall", [WARM, DARK])
def test_a_yellowish_wall_and_a_dark_one_are_no_sky(wall):
    assert not find_sky(segment(a_view_of_houses(wall)), houses_and_a_rim()).any()


def test_what_is_measured_inside_or_does_not_reach_the_upper_edge_is_no_sky():
    certain = houses_and_a_rim()
    certain[20:30, 40:80] = True
    assert not find_sky(segment(a_view_of_houses()), certain).any()
    assert not find_sky(segment(a_view_of_houses(turned=True)), houses_and_a_rim()[::-1]).any()


def test_what_looks_like_sky_but_is_nearer_than_most_that_was_measured_stays():
    measured = np.where(houses_and_a_rim(), np.float32(0.5), np.float32(0))
    is_sky = measured == 0
    ceiling, beyond = (np.where(is_sky, np.float32(w), np.float32(0)) for w in (0.6, 0.4))
    np.testing.assert_array_equal(without_sky(ceiling, is_sky, measured), ceiling)
    assert not without_sky(beyond, is_sky, measured).any()


@pytest.mark.parametrize(("colour", "is_inferred"), [(WARM, True), (BLUE, False)])
def test_planes_are_carried_over_a_blank_wall_and_not_into_the_sky(colour, is_inferred):
    views, sweeps = [], []
    for camera in cameras_in_a_row(2, 0.1, (160, 120)):
        depth = photograph(camera, a_box_before_a_wall()[:1])[1]
        matched = torch.from_numpy(houses_and_a_rim(11)).float()
        views.append(GrayView(torch.full((120, 160), 0.5), camera))
        sweeps.append(Sweep(torch.from_numpy(1 / depth), matched, matched))
    segments = segment(a_view_of_houses(colour))
    found = guess(views[0], segments, sweeps[0], [(sweeps[1], views[1])])
    beyond = found.inferred[HORIZON - 30 : HORIZON - 15, 90:150] > 0
    assert beyond.mean() > 0.5 if is_inferred else not beyond.any()
