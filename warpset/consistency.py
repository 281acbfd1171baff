"""What several views' depths agree on, and filling small gaps between; no matching, no files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .cameras import Camera
from .reprojection import Reprojection, sample

SAME_DEPTH_RATIO = 0.01


class Agreement(NamedTuple):
    """What the other views say of one view's depth.

    Attributes:
        inverse_depth: (h, w) mean of the view's own inverse depth and those that agree.
        supporters: (h, w) number of other views that agree.
    """

    inverse_depth: Tensor
    supporters: Tensor


def agreement(
    inverse_depth: Tensor, camera: Camera, others: Sequence[tuple[Tensor, Camera]]
) -> Agreement:
    """Compare a view's inverse depth (h, w) with that of other views, pixel by pixel.

    A pixel agrees with another view when its point, carried there, has the depth found there
    up to `SAME_DEPTH_RATIO`.
    """
    own = inverse_depth[None]
    total, supporters = torch.ones_like(own), torch.zeros_like(own)
    for other_inverse_depth, other_camera in others:
        there = Reprojection(camera, other_camera, own).at(own)
        ratio = sample(other_inverse_depth, there) / there.inverse_depth
        agrees = there.seen & ((ratio - 1.0).abs() < SAME_DEPTH_RATIO)
        total += torch.where(agrees, ratio, 0.0)
        supporters += agrees
    return Agreement((own * total / (1.0 + supporters))[0], supporters[0])
