"""Whether points are as bright in other photos as in their own; no matching, no depth of others.

Blank surfaces match anywhere, but a wall keeps its brightness from view to view. Sky that was taken
for a wall lies before trees and houses in other photos, or has another light.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ...core.reprojection import Reprojection, sample
from ..plane_sweep import GrayView

# How much darker or lighter a point may be in another photo, 0 to 1, once exposures agree: 20
# levels of 255, with what a surface shines. Raised, less is refused.
MAX_DIFFERENCE = 0.08

# Fewer common pixels say nothing of two photos' exposures.
FEWEST_COMMON_PX = 100


def unlike_votes(
    view: GrayView, inverse_depth: Tensor, measured: Tensor, others: Sequence[GrayView]
) -> Tensor:
    """(h, w) how many more photos show a point in another brightness than in the same.

    Args:
        view: The photo whose points are asked for.
        inverse_depth: (h, w) of its points, 0 = none.
        measured: (h, w) pixels whose inverse depth was measured.
        others: Other photos; what they do not see they do not vote on.
    """
    votes = torch.zeros_like(inverse_depth)
    for seen, difference in _differences(view, inverse_depth, measured, others):
        votes += torch.where(seen, 2.0 * (difference > MAX_DIFFERENCE) - 1.0, 0.0)
    return votes


def mean_difference(
    view: GrayView, inverse_depth: Tensor, measured: Tensor, others: Sequence[GrayView]
) -> Tensor:
    """(h, w) mean difference in brightness, 0 to 1, to the photos that see a point; 0 if none does.

    Args:
        view: As of `unlike_votes`.
        inverse_depth: As there.
        measured: As there.
        others: As there.
    """
    total, count = torch.zeros_like(inverse_depth), torch.zeros_like(inverse_depth)
    for seen, difference in _differences(view, inverse_depth, measured, others):
        total += torch.where(seen, difference, 0.0)
        count += seen
    return total / count.clamp_min(1)


def _differences(
    view: GrayView, inverse_depth: Tensor, measured: Tensor, others: Sequence[GrayView]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Of each other photo (h, w): whether it sees a point, and the difference in brightness.

    Exposures are brought to agree by the median ratio over measured pixels; photos with too few
    common ones are left out.
    """
    known = inverse_depth > 0
    for other in others:
        there = Reprojection(view.camera, other.camera, view.gray).at(inverse_depth[None])
        seen = there.seen[0] & known
        gray = sample(other.gray, there)[0]
        common = seen & measured & (gray > 0)
        if int(common.sum()) < FEWEST_COMMON_PX:
            continue
        gain = (view.gray[common] / gray[common]).median()
        yield seen, (gain * gray - view.gray).abs()
