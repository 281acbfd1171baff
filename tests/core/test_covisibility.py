"""How much of one view's surface another sees, exactly and at a guess."""

from pathlib import Path

import numpy as np
import pytest

from tests.builders import SHARED_DATA, a_camera, a_wall
from warpset.building.frames import FrameSelection
from warpset.building.scenes import open_scene
from warpset.core.cameras import unproject
from warpset.core.covisibility import (
    FINE_POINTS,
    FINE_SIDE_PX,
    MAX_POINTS,
    MAX_SIDE_PX,
    SAME_DEPTH,
    covisibility,
    depth_ratios,
    expected_holes,
    likely_partners,
    pair_scores,
    points_seen,
    share_seen,
    small_view,
    view_for_holes,
)
from warpset.recordings.registry import recorded_geometry

ROOM = Path(__file__).parents[2] / "examples" / "scenes" / "room"
HOLOLENS = SHARED_DATA / "scenes" / "hololens"


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


def every_pixel_seen(view, other) -> float:
    """The share by all pixels of both full depth maps."""
    xyz_world = unproject(view.camera, view.depth)[view.depth > 0]
    ratios = depth_ratios(xyz_world, other.depth, other.camera)
    return np.count_nonzero(np.abs(ratios - 1) < SAME_DEPTH) / len(xyz_world)


@pytest.mark.parametrize("folder", [ROOM, HOLOLENS], ids=["room", "hololens"])
def test_covisibility_is_within_two_hundredths_of_every_pixels(folder):
    if not folder.is_dir():
        pytest.skip("the shared scenes are not here")
    scene = open_scene(folder, FrameSelection(), workers=1)
    assert scene.recording is not None
    geometry = recorded_geometry(scene.recording, scene.recorded_frames())
    views = [frame.load_depth() for frame in geometry.frames[::2]]
    shares = [(share_seen(a, b), every_pixel_seen(a, b)) for a in views for b in views]
    measured, exact = np.array(shares).T
    assert len(exact) >= 9 and exact.min() < 0.8
    assert np.abs(measured - exact).max() < 0.02
    fine = covisibility([small_view(view, FINE_SIDE_PX) for view in views], max_points=FINE_POINTS)
    assert np.abs(fine.ravel() - exact).max() < 0.02


def test_points_are_spread_evenly_whatever_divides_the_width():
    for width in (150, 156, 160):
        view = a_wall(size_wh=(width, 120))
        seen = points_seen(view, [view])
        assert seen.all() and seen.size == pytest.approx(MAX_POINTS, rel=0.02)
        for start in range(0, width, 30):  # each band of columns holds as much as it is wide
            band = view.depth.copy()
            band[:, start : start + 30] = 0
            share = covisibility([view, view._replace(depth=band)])[0, 1]
            assert share == pytest.approx(1 - min(30, width - start) / width, abs=0.01)


def test_a_view_without_depth_shares_nothing():
    assert share_seen(a_wall(depth=0.0), a_wall()) == 0.0


def guessed(view, *others) -> list[float]:
    small = [view_for_holes(other).camera for other in others]
    return expected_holes(view_for_holes(view), small).tolist()


def test_holes_are_what_a_view_does_not_reach():
    wall, *others = (a_wall(at=at, size_wh=(160, 120)) for at in (0.0, 0.0, 2.0, 8.0, 50.0))
    holes = guessed(wall, *others)
    assert holes == pytest.approx([0.0, 0.25, 1.0, 1.0], abs=0.02)


def test_a_view_from_nearer_by_has_no_holes_and_one_from_farther_off_a_rim():
    wall = a_wall(depth=2.0, size_wh=(160, 120))
    near, far = (
        wall._replace(camera=a_camera((160, 120), focal=40.0, at=(0, 0, z))) for z in (1, -2)
    )
    assert guessed(wall, near, far) == pytest.approx([0.0, 0.75], abs=0.03)


def test_unknown_depth_is_a_hole_unless_it_is_a_speck():
    wall = a_wall(size_wh=(80, 60))
    depth = wall.depth.copy()
    depth[::7, ::7] = 0
    assert guessed(wall._replace(depth=depth), wall) == pytest.approx([0.0], abs=0.001)
    depth[20:40, 20:60] = 0
    assert guessed(wall._replace(depth=depth), wall) == pytest.approx([800 / 4800], abs=0.02)


def test_gaps_are_holes_where_they_are_wider_than_splats_close():
    wall = a_wall(size_wh=(320, 240))
    for width, share in {2: 0.0, 4: 0.1, 8: 0.2}.items():
        depth = wall.depth.copy()
        for start in range(16, 320, 40):
            depth[:, start : start + width] = 0
        assert guessed(wall._replace(depth=depth), wall) == pytest.approx([share], abs=0.005)


def test_rasters_of_several_sizes_are_guessed_at_once():
    wall, tall = a_wall(size_wh=(80, 60)), a_wall(size_wh=(60, 80))
    both = guessed(wall, tall, wall)
    assert both == pytest.approx([guessed(wall, tall)[0], 0.0], abs=1e-6) and both[0] > 0.2
    assert expected_holes(wall, []).tolist() == []
