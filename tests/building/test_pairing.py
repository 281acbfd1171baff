"""Which frames are paired by what they share, and that names and order do not decide it."""

from collections import Counter

import numpy as np
import pytest

from tests.builders import a_wall
from warpset.building.pairing import Pairing, all_pairs, covisible_pairs
from warpset.core.covisibility import covisibility


def a_walk(count: int, step: float = 0.1):
    """Views along a wall two metres wide in each, and what identifies their photos."""
    return [a_wall(at=step * n) for n in range(count)], [f"photo {n}" for n in range(count)]


def test_pairs_share_as_much_as_asked_for():
    views, keys = a_walk(30)
    shares = covisibility(views)
    chosen = covisible_pairs(views, keys, Pairing("covisible", (0.4, 0.8), pairs_per_frame=4))
    found = [shares[reference, target] for reference, target in chosen]
    assert 0.4 <= min(found) < 0.5 and 0.7 < max(found) <= 0.8


def test_no_target_gets_more_references_than_asked_for_nor_one_twice():
    views, keys = a_walk(30)
    chosen = covisible_pairs(views, keys, Pairing("covisible", pairs_per_frame=3))
    assert len(chosen) == len(set(chosen)) == 90
    assert set(Counter(target for _, target in chosen).values()) == {3}


def test_holes_spread_evenly():
    views, keys = a_walk(100, step=0.05)
    chosen = covisible_pairs(views, keys, Pairing("covisible", (0.5, 0.95), pairs_per_frame=4))
    shares = covisibility(views)
    holes = [1 - shares[target, reference] for reference, target in chosen]
    counts, _ = np.histogram(holes, bins=np.arange(0.05, 0.51, 0.09))
    assert counts.max() <= 2 * counts.min()


def test_neither_order_nor_names_decide():
    views, keys = a_walk(40)
    order = np.random.default_rng(0).permutation(len(views))
    pairing = Pairing("covisible", pairs_per_frame=2)
    plain = {(keys[r], keys[t]) for r, t in covisible_pairs(views, keys, pairing)}
    shuffled = covisible_pairs([views[n] for n in order], [keys[n] for n in order], pairing)
    assert {(keys[order[r]], keys[order[t]]) for r, t in shuffled} == plain


def test_frames_that_share_nothing_make_no_pair():
    assert covisible_pairs([a_wall(), a_wall(at=50.0)], ["a", "b"], Pairing("covisible")) == []


@pytest.mark.parametrize("count", [0, 1, 4])
def test_all_with_all(count):
    later, both = all_pairs(count, bidirectional=False), all_pairs(count, bidirectional=True)
    assert len(set(both)) == len(both) == 2 * len(later) == count * max(0, count - 1)
    assert all(reference < target for reference, target in later)
    assert set(both) == {*later, *((target, reference) for reference, target in later)}
