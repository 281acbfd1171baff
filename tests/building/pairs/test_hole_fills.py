"""What holes are filled with: holes alone, the same for the same picture."""

import numpy as np
import pytest

from tests.builders import a_photo
from warpset.building.pairs.warp import GREY, HOLE_FILLS, fade_px, fill_holes

PHOTO = a_photo()
HOLE = np.zeros((48, 64), bool)
HOLE[10:30, 20:50] = True


@pytest.mark.parametrize("hole_fill", HOLE_FILLS)
def test_what_is_seen_stays(hole_fill):
    assert np.array_equal(fill_holes(PHOTO, HOLE, hole_fill)[~HOLE], PHOTO[~HOLE])


@pytest.mark.parametrize(("hole_fill", "level"), [("black", 0), ("grey", GREY)])
def test_holes_are_of_one_level(hole_fill, level):
    assert (fill_holes(PHOTO, HOLE, hole_fill)[HOLE] == level).all()


@pytest.mark.parametrize("hole_fill", ["fade", "none"])
def test_what_the_renderer_filled_stays(hole_fill):
    assert np.array_equal(fill_holes(PHOTO, HOLE, hole_fill), PHOTO)


def test_noise_is_the_same_for_the_same_holes_and_alike_everywhere():
    noise = fill_holes(PHOTO, HOLE, "noise")
    assert np.array_equal(noise, fill_holes(PHOTO, HOLE, "noise"))
    assert noise[HOLE].mean() == pytest.approx(127.5, abs=8)
    assert noise[HOLE].std() == pytest.approx(74, abs=6)
    other = HOLE.copy()
    other[0, 0] = True
    assert not np.array_equal(noise[HOLE], fill_holes(PHOTO, other, "noise")[HOLE])


def test_only_the_renderers_own_fill_without_fade_takes_another_distance():
    assert {fill: fade_px(20.0, fill) for fill in HOLE_FILLS if fade_px(20.0, fill) != 20.0} == {
        "none": float("inf")
    }
