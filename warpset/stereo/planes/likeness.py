"""Whether points are as bright in other photos as in their own; no matching, no depth of others.

Blank surfaces match anywhere, but a wall keeps its brightness from view to view. Sky that was taken
for a wall lies before trees and houses in other photos, or has another light.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ...core.reprojection import Reprojection, sample
from ..matching import GrayView

# How much darker or lighter a point may be in another photo, 0 to 1, once exposures agree: 20
# levels of 255, with what a surface shines. Raised, less is refused.
MAX_DIFFERENCE = 0.08

# Fewer common pixels say nothing of two photos' exposures.
FEWEST_COMMON_PX = 100

# Measured pixels that exposures are compared on, evenly over the photo: more change nothing.
MOST_COMMON_PX = 20_000


def unlike_votes(
    view: GrayView, inverse_depth: Tensor, measured: Tensor, others: Sequence[GrayView]
) -> Tensor:
    """(h, w) how many more photos show a point in another brightness than in the same.

    0 where points were measured.

    Args:
        view: The photo whose points are asked for.
        inverse_depth: (h, w) of its points, 0 = none.
        measured: (h, w) pixels whose inverse depth was measured.
        others: Other photos; what they do not see they do not vote on.
    """
    votes = torch.zeros_like(inverse_depth)
    asked = _asked(inverse_depth, measured)
    for seen, difference in _differences(view, inverse_depth, asked, measured, others):
        votes.view(-1)[asked] += torch.where(seen, 2.0 * (difference > MAX_DIFFERENCE) - 1.0, 0.0)
    return votes


def mean_difference(
    view: GrayView, inverse_depth: Tensor, measured: Tensor, others: Sequence[GrayView]
) -> Tensor:
    """(h, w) mean difference in brightness, 0 to 1, to the photos that see a point; 0 if none does.

    0 where points were measured, too.

    Args:
        view: As of `unlike_votes`.
        inverse_depth: As there.
        measured: As there.
        others: As there.
    """
    mean = torch.zeros_like(inverse_depth)
    asked = _asked(inverse_depth, measured)
    total, count = (inverse_depth.new_zeros(len(asked)) for _ in range(2))
    for seen, difference in _differences(view, inverse_depth, asked, measured, others):
        total += torch.where(seen, difference, 0.0)
        count += seen
    mean.view(-1)[asked] = total / count.clamp_min(1)
    return mean


def _asked(inverse_depth: Tensor, measured: Tensor) -> Tensor:
    """(n,) numbers of the pixels with points that were not measured, row by row."""
    return ((inverse_depth > 0) & ~measured).flatten().nonzero()[:, 0]


def _differences(
    view: GrayView,
    inverse_depth: Tensor,
    asked: Tensor,
    measured: Tensor,
    others: Sequence[GrayView],
) -> Iterator[tuple[Tensor, Tensor]]:
    """Of each other photo: whether it sees the points asked for, (n,), and how it differs there.

    Exposures are brought to agree by the median ratio over measured pixels; photos with too few
    common ones are left out.
    """
    if not len(asked):
        return
    own_gray, inverse_depth = view.gray.flatten(), inverse_depth.flatten()
    pixels = measured.flatten().nonzero()[:, 0]
    pixels = pixels[:: 1 + len(pixels) // MOST_COMMON_PX]
    for other in others:
        path = Reprojection(view.camera, other.camera, view.gray)
        there = path.only(pixels).at(inverse_depth[pixels][None])
        gray = sample(other.gray, there)[0]
        common = there.seen[0] & (gray > 0)
        if int(common.sum()) < FEWEST_COMMON_PX:
            continue
        gain = (own_gray[pixels][common] / gray[common]).median()
        there = path.only(asked).at(inverse_depth[asked][None])
        yield there.seen[0], (gain * sample(other.gray, there)[0] - own_gray[asked]).abs()
