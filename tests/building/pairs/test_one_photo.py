"""Pairs of one photo: names, directions, the share of holes asked for, and what is written."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from renderer.making import make_renderer
from tests.builders import a_camera, a_photo
from warpset.building.pairs.one_photo import (
    TOLERANCE,
    Displacement,
    crop_of,
    missed,
    out_and_back,
)
from warpset.building.pairs.plan import one_photo_pairs
from warpset.core.drawing import drawable
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap
from warpset.core.points import lift

SIZE_WH = (160, 120)
EVERYWHERE = np.ones((120, 160), bool)


def a_box_before_a_wall():
    """Points of a box at depth 1 before a wall at depth 2, and the camera that sees them."""
    camera = a_camera(SIZE_WH, focal=130.0)
    depth = np.full(camera.shape_hw, 2.0, np.float32)
    depth[30:90, 50:110] = 1.0
    cloud = lift(DepthMap(depth, None, camera), a_photo(SIZE_WH), EVERYWHERE)
    return drawable(cloud), camera


def made(hole_share, key="photo", counted=EVERYWHERE):
    points, camera = a_box_before_a_wall()
    wanted = Displacement(hole_share, 2.0, key, counted)
    return out_and_back(points, camera, wanted, make_renderer(SIZE_WH, 20.0, "cpu"), True)


@pytest.mark.parametrize("key", ["a", "b", "c"])
@pytest.mark.parametrize("hole_share", [0.05, 0.1, 0.3])
def test_the_share_of_holes_is_as_asked_whatever_the_direction(hole_share, key):
    found = made(hole_share, key)
    assert abs(found.hole_share - hole_share) <= TOLERANCE
    assert found.hole_share == pytest.approx(np.mean(found.view.hole))


def test_what_is_covered_is_the_photo_itself():
    found = made(0.2)
    seen = ~found.view.hole
    difference = found.view.rgb[seen].astype(float) - a_photo(SIZE_WH)[seen]
    assert np.sqrt(np.mean(difference**2)) < 6.0


def test_holes_count_where_pixels_do():
    left = EVERYWHERE.copy()
    left[:, 80:] = False
    found = made(0.2, counted=left)
    assert found.hole_share == pytest.approx(np.mean(found.view.hole[:, :80]))


def test_the_way_hangs_on_the_photo_alone():
    one, again, other = made(0.2), made(0.2), made(0.2, key="other")
    assert np.array_equal(one.view.rgb, again.view.rgb)
    assert not np.allclose(one.displaced.center_world, other.displaced.center_world)


def test_the_displaced_camera_looks_at_what_the_photo_has_in_its_middle():
    pivot = np.array([0.0, 0.0, 2.0, 1.0])
    x, y, z, _ = made(0.2).displaced.cam_from_world @ pivot
    assert (x, y) == pytest.approx((0, 0), abs=1e-9) and z > 0


class Wall:
    """A renderer whose pictures have no holes."""

    s0 = 0.1

    def render_view(self, *_):
        gray = np.ones((120, 160), np.float32)
        rgb = np.zeros((120, 160, 3), np.uint8)
        return SimpleNamespace(rgb=rgb, hole=gray == 0, depth=gray, confidence=gray)


def test_a_share_that_no_step_reaches_is_said():
    points, camera = a_box_before_a_wall()
    wanted = Displacement(0.5, 2.0, "photo", EVERYWHERE)
    found = out_and_back(points, camera, wanted, Wall(), True)
    assert missed(0.5, found.hole_share) == (
        "hole share 0.0 is not the wanted 0.5, in none of 6 directions"
    )
    assert missed(0.5, 0.5 + TOLERANCE) is None and missed(None, 0.1) is None


def test_pairs_are_named_after_their_photo_and_the_share():
    photos = [Path("a.jpg"), Path("b.jpg")]
    pairs = one_photo_pairs(photos, (0.1, 0.125))
    assert [pair.name for pair in pairs] == ["a_hole10", "a_hole12.5", "b_hole10", "b_hole12.5"]
    assert [(pair.reference, pair.target, pair.warped) for pair in pairs[1:3]] == [
        (1, 0, 0),
        (0, 1, 1),
    ]
    assert not any(pair.is_reverse for pair in pairs)
    (alone,) = one_photo_pairs(photos[:1], (0.1,))
    assert (alone.reference, alone.target) == (0, 0)


def test_names_that_clash_are_refused():
    with pytest.raises(InputError, match="both be named a_hole10"):
        one_photo_pairs([Path("a.jpg")], (0.1, 0.1))


def test_a_crop_is_a_quarter_of_the_picture_within_it():
    crops = {crop_of((160, 120), key) for key in "abc"}
    assert len(crops) == 3
    for left, top, right, bottom in crops:
        assert (right - left, bottom - top) == (80, 60)
        assert 0 <= left and right <= 160 and 0 <= top and bottom <= 120
