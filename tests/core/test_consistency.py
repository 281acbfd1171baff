"""What two views' depths agree on: how far apart they may be is taken from the views."""

import pytest
import torch

from tests.builders import a_camera
from warpset.core.consistency import agreement


def test_a_pixel_may_be_off_by_half_again_what_most_are():
    camera = a_camera((64, 48))
    own = torch.full((48, 64), 0.2)
    other = own * 1.004
    other[:, 48:] = 0.2 * 1.009
    found = agreement(own, torch.ones_like(own), camera, [(other, camera)])
    assert found.tolerance == pytest.approx(1.5 * 0.004, rel=1e-3)
    assert found.supporters[2:-2, 2:46].min() == 1
    assert found.supporters[2:-2, 50:-2].max() == 0
