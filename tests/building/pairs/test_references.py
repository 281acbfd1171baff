"""Which further photos are warped with a pair's own reference."""

import numpy as np
import pytest

from tests.builders import a_wall
from warpset.building.pairs.references import further_references

KEYS = [f"photo {n}" for n in range(9)]


def along_a_wall(*places: float):
    """Views that each show two metres of a wall."""
    return [a_wall(at=place) for place in places]


def test_the_photo_that_sees_most_of_what_is_left_comes_first():
    views = along_a_wall(-1.0, 0.0, 0.2, 0.9, -0.9)
    chosen = further_references(views, KEYS, [(0, 1)], 3)
    assert chosen == {(0, 1): (2, 4)}, "after 0 and 2 all is covered; 4 shares most of the rest"
    assert further_references(views, KEYS, [(2, 1)], 2) == {(2, 1): (4,)}, "the left tenth is new"


def test_each_pair_of_a_target_has_its_own():
    views = along_a_wall(-1.0, 0.0, 1.0)
    pairs = [(0, 1), (2, 1), (1, 0)]
    assert further_references(views, KEYS, pairs, 2) == {(0, 1): (2,), (2, 1): (0,), (1, 0): ()}


def test_a_photo_that_sees_nothing_of_the_target_is_never_taken():
    views = along_a_wall(0.0, 0.5, 50.0)
    assert further_references(views, KEYS, [(0, 1)], 4) == {(0, 1): ()}


def test_only_candidates_are_taken_where_they_are_given():
    views = along_a_wall(-1.0, 0.0, 0.3, 0.9)
    chosen = further_references(views, KEYS, [(0, 1)], 4, {1: [0, 3]})
    assert chosen == {(0, 1): (3,)}


@pytest.mark.parametrize("seed", range(3))
def test_neither_order_nor_names_decide(seed):
    views = along_a_wall(-1.0, 0.0, 0.8, 0.8, 0.4, -0.4)  # two of them see the very same
    order = np.random.default_rng(seed).permutation(len(views)).tolist()
    (plain,) = further_references(views, KEYS, [(0, 1)], 4).values()
    pair = (order.index(0), order.index(1))
    shuffled = further_references([views[n] for n in order], [KEYS[n] for n in order], [pair], 4)
    assert [KEYS[order[n]] for n in shuffled[pair]] == [KEYS[n] for n in plain]
