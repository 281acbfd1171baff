"""Depth that other photos tell of a photo's pixels."""

import cv2
import numpy as np
import torch

from tests.stereo.stereo_builders import a_box_before_a_wall, cameras_in_a_row, photograph
from warpset.stereo.fusing import FILLED_CONFIDENCE, carried, fuse, most_told
from warpset.stereo.guesses import Guess
from warpset.stereo.matching import GrayView
from warpset.stereo.planes.superpixels import segment


def a_scene(count=4, things=3):
    """Views of a wall, a floor and a box, and guesses that know all of the true depth."""
    views, guesses = [], []
    for camera in cameras_in_a_row(count, 0.1, (120, 90)):
        gray, depth = photograph(camera, a_box_before_a_wall()[:things])
        views.append(GrayView(torch.tensor(gray / 255).float(), camera))
        nothing, trust = np.zeros_like(depth), np.full_like(depth, 3.0)
        tolerance, all_of_it = np.array(0.005, np.float32), np.ones_like(depth, bool)
        known = (1 / depth).astype(np.float32)
        guesses.append(Guess(known, nothing, trust, tolerance, all_of_it, ~all_of_it, nothing))
    return views, guesses


def fused(views, guesses, **own):
    """The first photo's depth, where its own guess is another."""
    others = list(zip(guesses[1:], views[1:], strict=True))
    return fuse(views[0], segment(a_colour(views[0])), guesses[0]._replace(**own), others)


def a_colour(view):
    """A picture of one colour, as large as a view."""
    return np.full((*view.gray.shape, 3), 128, np.uint8)


def test_carried_depth_is_that_of_the_nearest_surface():
    (one, other), (known, true) = a_scene(2)
    inverse_depth = torch.tensor(known.measured)
    parts = [inverse_depth > 0, inverse_depth < 0]
    found, none = carried(inverse_depth, parts, one.camera, other.camera)
    found = found.numpy()
    is_told = found > 0
    assert is_told.mean() > 0.8
    assert np.mean(np.abs(found / true.measured - 1)[is_told] < 0.02) > 0.9
    assert not none.any()


def test_what_one_photo_did_not_measure_others_tell_and_their_number_is_its_confidence():
    views, guesses = a_scene()
    true = guesses[0].measured
    holed = true.copy()
    holed[20:50, 80:110] = 0
    found = fused(views, guesses, measured=holed)
    told = found.depth[22:48, 82:108]
    assert np.mean(told > 0) > 0.9
    np.testing.assert_allclose(1 / told[told > 0], true[22:48, 82:108][told > 0], rtol=0.02)
    assert found.confidence is not None
    assert np.median(found.confidence[22:48, 82:108]) > FILLED_CONFIDENCE
    assert np.all(found.confidence[holed > 0] == 3.0)


def test_a_wall_that_only_others_measured_goes_on_to_where_only_this_photo_sees_it():
    views, guesses = a_scene(things=1)
    true = guesses[0].measured
    parts = [
        np.where(np.arange(120) < end, known.measured, 0)
        for end, known in zip((60, 90, 90, 90), guesses, strict=True)
    ]
    guesses = [known._replace(measured=part) for known, part in zip(guesses, parts, strict=True)]
    found = fused(views, guesses)
    beyond = np.s_[:, 97:]
    assert np.mean(found.depth[beyond] > 0) > 0.95
    np.testing.assert_allclose(1 / found.depth[beyond], true[beyond], rtol=0.01)
    assert found.confidence is not None
    assert np.all(found.confidence[beyond] == np.float32(FILLED_CONFIDENCE))
    doubted = [known._replace(is_certain=np.zeros_like(true, bool)) for known in guesses]
    assert not fused(views, doubted).depth[beyond].any()


def test_a_plane_that_other_photos_see_through_is_dropped():
    views, guesses = a_scene()
    leaked = guesses[0].measured.copy()
    patch = np.s_[20:50, 80:110]
    plane = np.zeros_like(leaked)
    plane[patch], leaked[patch] = 1.3 * leaked[patch], 0
    found = fused(views, guesses, measured=leaked, inferred=plane)
    wrong = np.abs(found.depth[patch] * plane[patch] - 1) < 0.02
    assert wrong.mean() < 0.02


def test_at_the_rim_of_a_near_thing_brightness_tells_its_depth_from_that_behind_it():
    views, guesses = a_scene()
    true = guesses[0].measured
    behind = (1 / photograph(views[0].camera, a_box_before_a_wall()[:2])[1]).astype(np.float32)
    rim = np.s_[35:55, 50:58]  # inside the box
    holed, plane, doubted = true.copy(), np.zeros_like(true), np.zeros_like(true)
    holed[rim], plane[rim], doubted[rim] = 0, behind[rim], true[rim]
    unsure = [known._replace(measured=0 * true, inferred=0 * true) for known in guesses]

    def share_right(doubted):
        found = fused(views, unsure, measured=holed, inferred=plane, doubted=doubted)
        return np.mean(np.abs(found.depth[rim] * true[rim] - 1) < 0.02)

    assert share_right(doubted) > 0.7
    assert share_right(0 * true) < 0.1
    assert share_right(1.3 * doubted) < 0.1


def test_a_rim_of_which_nothing_is_guessed_has_its_depth_if_it_looks_like_it():
    views, guesses = a_scene()
    true = guesses[0].measured
    is_box = (true > 1 / 3).astype(np.uint8)
    rim = (is_box > 0) & (cv2.erode(is_box, np.ones((9, 9))) == 0)
    holed, doubted = np.where(rim, 0, true), np.where(rim, true, 0)
    unsure = [known._replace(measured=0 * true, inferred=0 * true) for known in guesses]

    def share_with(doubted):
        found = fused(views, unsure, measured=holed, doubted=doubted)
        return np.mean(np.abs(found.depth[rim] * doubted[rim] - 1) < 0.02)

    assert share_with(doubted) > 0.5
    assert share_with(1.3 * doubted) < 0.2


def test_what_others_tell_of_the_sky_is_dropped():
    views, guesses = a_scene(things=1)
    holed, is_sky = guesses[0].measured.copy(), np.zeros((90, 120), bool)
    holed[:, 80:] = 0
    is_sky[:, 80:] = True
    assert np.mean(fused(views, guesses, measured=holed).depth[:, 80:] > 0) > 0.5
    assert not fused(views, guesses, measured=holed, is_sky=is_sky).depth[:, 80:].any()


def test_most_photos_tell_a_depth_and_those_that_see_a_nearer_surface_speak_against_it():
    near, far, none = (torch.full((2, 2), value) for value in (2.0, 1.0, 0.0))
    assert not most_told([none, none], 0.01).any()
    assert np.all(most_told([far, none, none], 0.01) == 1.0)
    assert np.all(most_told([near, near, far, far], 0.01) == 2.0)
    assert np.all(most_told([near, far, far, far], 0.01) == 1.0)
