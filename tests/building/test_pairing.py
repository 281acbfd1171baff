"""Which frames are paired by what they share, and that names and order do not decide it."""

from collections import Counter

import numpy as np
import pytest

from tests.builders import a_wall
from warpset.building.pairing import (
    Pairing,
    all_pairs,
    covisible_pairs,
    expected_hole_shares,
    hole_histogram,
)
from warpset.core.covisibility import covisibility


def a_walk(count: int, step: float = 0.1):
    """Views along a wall two metres wide in each, and what identifies their photos."""
    return [a_wall(at=step * n) for n in range(count)], [f"photo {n}" for n in range(count)]


def test_pairs_share_as_much_as_asked_for():
    views, keys = a_walk(30)
    shares = covisibility(views)
    pairing = Pairing("covisible", (0.4, 0.8), pairs_per_frame=4)
    chosen = covisible_pairs(views, keys, pairing).pairs
    found = [shares[reference, target] for reference, target in chosen]
    assert 0.4 <= min(found) < 0.5 and 0.7 < max(found) <= 0.8


def test_no_target_gets_more_references_than_asked_for_nor_one_twice():
    views, keys = a_walk(30)
    chosen = covisible_pairs(views, keys, Pairing("covisible", pairs_per_frame=3)).pairs
    assert len(chosen) == len(set(chosen)) == 90
    assert set(Counter(target for _, target in chosen).values()) == {3}


def test_holes_spread_evenly():
    views, keys = a_walk(100, step=0.05)
    pairing = Pairing("covisible", (0.5, 0.95), pairs_per_frame=4)
    chosen = covisible_pairs(views, keys, pairing).pairs
    partners = [np.array([r for r, t in chosen if t == frame]) for frame in range(len(views))]
    shares = covisibility(views, partners)
    holes = [1 - shares[target, reference] for reference, target in chosen]
    counts, _ = np.histogram(holes, bins=np.arange(0.05, 0.51, 0.09))
    assert counts.max() <= 2 * counts.min()


def test_neither_order_nor_names_decide():
    views, keys = a_walk(40)
    order = np.random.default_rng(0).permutation(len(views))
    pairing = Pairing("covisible", pairs_per_frame=2)
    plain = {(keys[r], keys[t]) for r, t in covisible_pairs(views, keys, pairing).pairs}
    shuffled = covisible_pairs([views[n] for n in order], [keys[n] for n in order], pairing).pairs
    assert {(keys[order[r]], keys[order[t]]) for r, t in shuffled} == plain


def test_frames_that_share_nothing_make_no_pair():
    chosen = covisible_pairs([a_wall(), a_wall(at=50.0)], ["a", "b"], Pairing("covisible"))
    assert chosen.pairs == [] and not any(chosen.in_band) and chosen.scarcity == ""


def test_a_scarce_band_is_used_up_before_others_take_its_targets():
    walk, keys = a_walk(20, step=0.06)  # a twentieth of the view each
    views, keys = [*walk, a_wall(at=-0.8)], [*keys, "one that stands apart"]
    pairing = Pairing("covisible", (0.1, 0.99), pairs_per_frame=1)
    chosen = covisible_pairs(views, keys, pairing)
    assert len(chosen.pairs) == len(views)
    assert max(chosen.in_band) <= 3, "21 targets over 11 bands"


def test_what_the_scene_cannot_give_is_said():
    views, keys = a_walk(12, step=0.26)  # 13 % of holes between neighbours, 26 and 39 % beyond
    chosen = covisible_pairs(views, keys, Pairing("covisible", (0.55, 0.95), pairs_per_frame=4))
    assert chosen.in_band[2] and chosen.in_band[7] and not chosen.in_band[1] + chosen.in_band[3]
    assert chosen.scarcity.startswith("few pairs with 5 to 10 %: 0, 15 to 20 %: 0")
    assert chosen.scarcity.endswith(f"others have up to {max(chosen.in_band)}")


def test_expected_holes_are_those_of_each_pair():
    views = [a_wall(at=at) for at in (0.0, 0.5, 1.0)]
    holes = expected_hole_shares(views, [(0, 2), (0, 1), (2, 1), (1, 1)])
    assert holes == pytest.approx([0.5, 0.25, 0.25, 0.0], abs=0.02)


def test_a_histogram_counts_every_share_once():
    lines = hole_histogram([0.0, 0.06, 0.07, 0.49, 0.93]).splitlines()
    counts = [int(line.split("%")[1].split()[0]) for line in lines]
    assert counts == [1, 2, *[0] * 7, 1, 1]
    assert lines[1] == "   5 to  10 %       2  " + 40 * "#" and lines[-1].startswith(
        "  50 to 100 %"
    )


@pytest.mark.parametrize("count", [0, 1, 4])
def test_all_with_all(count):
    later, both = all_pairs(count, bidirectional=False), all_pairs(count, bidirectional=True)
    assert len(set(both)) == len(both) == 2 * len(later) == count * max(0, count - 1)
    assert all(reference < target for reference, target in later)
    assert set(both) == {*later, *((target, reference) for reference, target in later)}
