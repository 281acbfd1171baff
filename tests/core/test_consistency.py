"""What two views' depths agree on: how far apart they may be is taken from the views."""

import numpy as np
import pytest
import torch

from tests.builders import a_camera, a_wall
from warpset.core.consistency import agreement, contradictions


def test_a_pixel_may_be_off_by_half_again_what_most_are():
    camera = a_camera((64, 48))
    own = torch.full((48, 64), 0.2)
    other = own * 1.004
    other[:, 48:] = 0.2 * 1.009
    found = agreement(own, torch.ones_like(own), camera, [(other, camera)])
    assert found.tolerance == pytest.approx(1.5 * 0.004, rel=1e-3)
    assert found.supporters[2:-2, 2:46].min() == 1
    assert found.supporters[2:-2, 50:-2].max() == 0


def contradicted(view, others):
    return contradictions(view, others, 0.02) > 0


def three_views_of_a_wall(depth=2.0):
    return [a_wall(at, depth, size_wh=(80, 60)) for at in (-0.3, 0.0, 0.3)]


@pytest.mark.parametrize("ratio", [1.05, 0.95])
def test_what_one_view_puts_elsewhere_is_dropped_there_and_nowhere_else(ratio):
    views = three_views_of_a_wall()
    views[1].depth[20:40, 30:50] *= ratio
    found = [contradicted(view, [o for o in views if o is not view]) for view in views]
    assert found[1][20:40, 30:50].mean() >= 0.95
    found[1][20:40, 30:50] = False
    assert not any(each.any() for each in found)


def test_what_stands_before_a_wall_contradicts_nothing_that_it_hides():
    near = [a_wall(at, 2.0, size_wh=(80, 60)) for at in (-0.3, 0.0, 0.3)]
    for view in near:
        # a box from x = -0.2 to 0.2 at half the wall's depth, as each camera sees it
        left = round(40 + 40 * (-0.2 - view.camera.center_world[0]) / 1.0)
        view.depth[15:45, left : left + 16] = 1.0
    for view in near:
        assert not contradicted(view, [o for o in near if o is not view]).any()


def test_depth_that_nobody_sees_stays_and_unknown_depth_says_nothing():
    wall, aside = a_wall(0.0), a_wall(100.0)
    assert not contradicted(wall, [aside]).any()
    blind = a_wall(0.3)._replace(depth=np.zeros((30, 40), np.float32))
    wrong = a_wall(0.0, depth=3.0)
    assert not contradicted(wrong, [blind]).any()
    wrong.depth[:, :20] = 0
    found = contradicted(wrong, [a_wall(0.1)])
    assert found[:, 22:].all() and not found[:, :20].any()
