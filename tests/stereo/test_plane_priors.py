"""Planes carried over blank surfaces: superpixels, fits, growth, and what other photos refuse."""

import cv2
import numpy as np
import torch

from tests.builders import a_camera
from tests.stereo.stereo_builders import a_texture
from warpset.stereo.matching import GrayView
from warpset.stereo.planes import plane_priors
from warpset.stereo.planes.likeness import unlike_votes
from warpset.stereo.planes.plane_fits import Surfaces, fit_planes, solve
from warpset.stereo.planes.plane_priors import plane_prior
from warpset.stereo.planes.superpixels import SPACING_PX, segment

SHAPE = (120, 160)
TOLERANCE = 0.005


def a_plane(a=0.0005, b=0.0002, c=0.3) -> np.ndarray:
    """(120, 160) inverse depth of a slanted plane."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return (a * columns + b * rows + c).astype(np.float32)


def a_picture(split: int | None = None) -> np.ndarray:
    """(120, 160, 3) of one colour with a little noise; another colour from a column on."""
    rgb = np.full((*SHAPE, 3), (120, 110, 100))
    if split is not None:
        rgb[:, split:] = (60, 90, 150)
    return (rgb + np.random.default_rng(0).integers(-1, 2, rgb.shape)).astype(np.uint8)


def test_pieces_are_connected_and_follow_colour_edges():
    pieces = segment(a_picture(split=80)).pieces
    assert not set(np.unique(pieces[:, :79])) & set(np.unique(pieces[:, 81:]))
    for number in range(int(pieces.max()) + 1):
        assert cv2.connectedComponents((pieces == number).astype(np.uint8), connectivity=8)[0] == 2


def test_borders_are_sharp_at_colour_edges_and_faint_elsewhere():
    segments = segment(a_picture(split=80))
    pieces, touching = segments.pieces, segments.touching
    is_left = np.zeros(len(segments.areas), bool)
    is_left[np.unique(pieces[:, :79])] = True
    crosses = is_left[touching.one] != is_left[touching.other]
    assert np.median(touching.contrast[crosses]) > 20
    assert np.median(touching.contrast[~crosses]) < 5


def test_a_fit_finds_its_plane_among_outliers():
    rows, columns = np.mgrid[:12, :12].reshape(2, -1)
    xy = np.stack([columns, rows], -1) / 12.0
    values = 0.2 * xy[:, 0] - 0.1 * xy[:, 1] + 2.0
    values[:30] *= 1.5
    sums, has_plane = fit_planes(np.zeros(144, np.intp), xy, values, 1, TOLERANCE)
    assert has_plane.tolist() == [True]
    np.testing.assert_allclose(solve(sums)[0], [0.2, -0.1, 2.0], atol=1e-6)


def test_pieces_on_one_plane_are_one_surface_and_a_corner_parts_two():
    xy = np.random.default_rng(0).random((900, 2))
    piece = (3 * xy[:, 0]).astype(np.intp)
    values = 2.0 + np.where(xy[:, 0] < 2 / 3, 0.3, -0.9) * (xy[:, 0] - 2 / 3)
    surfaces = Surfaces(*fit_planes(piece, xy, values, 3, TOLERANCE), TOLERANCE)
    surfaces.join(np.array([0, 1]), np.array([1, 2]))
    assert surfaces.of_piece.tolist() == [0, 0, 2]


def test_a_plane_is_carried_over_a_blank_of_its_colour():
    plane = a_plane()
    holed = plane.copy()
    holed[30:90, 60:110] = 0
    prior = plane_prior(segment(a_picture()), holed, TOLERANCE)
    assert np.mean(prior > 0) > 0.99
    np.testing.assert_allclose(prior[prior > 0], plane[prior > 0], rtol=1e-3)


def test_each_side_of_a_depth_edge_gets_its_own_plane_up_to_the_colour_edge():
    true = a_plane()
    true[:, 80:] *= 2
    rim = true.copy()
    rim[:, 70:90] = 0
    prior = plane_prior(segment(a_picture(split=80)), rim, TOLERANCE)
    for side in (np.s_[:, :78], np.s_[:, 82:]):
        known = prior[side] > 0
        assert known.mean() > 0.99
        np.testing.assert_allclose(prior[side][known], true[side][known], rtol=0.01)


def test_a_plane_reaches_only_as_far_as_what_was_measured_of_it_allows(monkeypatch):
    patch = np.zeros(SHAPE, np.float32)
    patch[40:80, 60:100] = a_plane()[40:80, 60:100]
    noise = np.random.default_rng(0).normal(1, TOLERANCE / 2, SHAPE).astype(np.float32)
    reached = np.count_nonzero(plane_prior(segment(a_picture()), patch * noise, TOLERANCE))
    assert 1600 < reached < (1 + plane_priors.MAX_GROWTH) * 2500
    monkeypatch.setattr(plane_priors, "MAX_ERROR", 0.001)
    assert np.count_nonzero(plane_prior(segment(a_picture()), patch * noise, TOLERANCE)) < reached


def test_a_textured_thing_does_not_spread_over_the_blank_behind_it():
    rgb, patch = a_picture(), np.s_[36:84, 48:108]
    fine = a_texture(0)[:384:8, :480:8, None]
    rgb[patch] = (110 + 200 * (fine - 0.5)).clip(0, 255)
    measured = np.zeros(SHAPE, np.float32)
    measured[patch] = a_plane()[patch]
    beyond = np.ones(SHAPE, bool)
    beyond[36 - SPACING_PX : 84 + SPACING_PX, 48 - SPACING_PX : 108 + SPACING_PX] = False
    assert np.mean(plane_prior(segment(rgb), measured, TOLERANCE)[beyond] > 0) < 0.02


def test_nothing_measured_infers_nothing():
    assert not plane_prior(segment(a_picture()), np.zeros(SHAPE, np.float32), TOLERANCE).any()


def test_a_point_that_other_photos_show_in_another_brightness_is_voted_against():
    camera = a_camera((64, 64))
    gray = torch.tensor(a_texture(0)[:64, :64])
    darker = 0.5 * gray
    darker[20:30, 20:30] += 0.2
    measured = torch.ones(64, 64, dtype=torch.bool)
    measured[:, :40] = False
    others = [GrayView(darker, camera)] * 2
    votes = unlike_votes(GrayView(gray, camera), torch.ones(64, 64), measured, others)
    assert votes[21:29, 21:29].min() == 2
    assert votes[32:, :40].max() == -2
    assert not votes[:, 40:].any()
    assert not unlike_votes(GrayView(gray, camera), torch.zeros(64, 64), measured, others).any()
