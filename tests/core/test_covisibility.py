"""How much of one view's surface another sees, exactly and at a guess."""

import numpy as np
import pytest

from tests.builders import a_camera, a_wall
from warpset.core.covisibility import (
    MAX_SIDE_PX,
    covisibility,
    depth_ratios,
    likely_partners,
    pair_scores,
    small_view,
)


def test_a_view_sees_all_of_itself_and_half_of_one_that_moved_by_half_its_width():
    shares = covisibility([a_wall(), a_wall(at=1.0), a_wall(at=50.0)])
    assert shares.diagonal().tolist() == [1.0, 1.0, 1.0]
    assert shares[0, 1] == pytest.approx(0.5) and shares[1, 0] == pytest.approx(0.5)
    assert not shares[2, :2].any() and not shares[:2, 2].any()


def test_what_stands_behind_another_surface_is_not_seen():
    near = a_wall(depth=1.0)
    shares = covisibility([a_wall(depth=2.0), near])
    assert shares[0, 1] == 0.0


def test_a_view_without_depth_sees_nothing():
    assert covisibility([a_wall(), a_wall(depth=0.0)])[:, 1].tolist() == [0.0, 0.0]


def test_a_close_view_of_a_part_counts_through_the_larger_share():
    far, near = a_wall(depth=4.0), a_wall(depth=1.0)
    near = near._replace(camera=a_camera((40, 30), focal=40.0, at=(0, 0, 3)))
    scores = pair_scores(covisibility([far, near]))
    assert scores[0, 1] == scores[1, 0] == pytest.approx((1 + 1 / 16) / 2, abs=0.02)


def test_depth_ratios_compare_what_is_found_with_what_is_expected():
    view = a_wall(depth=2.0)
    points = np.array([[0.0, 0.0, 2.0], [0.0, 0.0, 4.0], [0.0, 0.0, -1.0], [9.0, 0.0, 2.0]])
    assert depth_ratios(points, view.depth, view.camera).tolist() == [1.0, 0.5]


def test_large_views_are_compared_small():
    small = small_view(a_wall(size_wh=(800, 600)))
    assert max(small.depth.shape) == MAX_SIDE_PX and small.camera.size_wh == (160, 120)


def a_walk(count: int):
    """Views that step along a wall, each half a metre on."""
    return [a_wall(at=0.5 * step) for step in range(count)]


def test_likely_partners_hold_every_view_that_sees_something():
    views = [*a_walk(12), a_wall(turned=(0, np.pi, 0))]
    exact = covisibility(views)
    np.fill_diagonal(exact, 0)
    for index, partners in enumerate(likely_partners(views, maximum=len(views))):
        assert set(np.flatnonzero(exact[index] > 1 / 64)) <= set(partners)
        assert index not in partners


def test_shares_of_likely_partners_are_those_of_all_with_all():
    views = a_walk(12)
    partners = likely_partners(views, maximum=4)
    exact, asked = covisibility(views), covisibility(views, partners)
    assert [len(found) for found in partners[2:-2]] == [4] * 8
    for index, found in enumerate(partners):
        assert np.array_equal(asked[index, found], exact[index, found])
        assert np.count_nonzero(asked[index]) <= len(found) + 1


def test_of_many_the_most_covisible_are_likely():
    assert likely_partners(a_walk(9), maximum=2)[4].tolist() == [3, 5]


def test_a_view_without_depth_has_no_partners():
    assert likely_partners([a_wall(depth=0.0), a_wall()], maximum=5)[0].tolist() == []
    assert likely_partners([], maximum=5) == []
