"""Which further photos are warped with a pair's own reference, so that all cover most; no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...core.covisibility import likely_partners, points_seen
from ...core.geometry import DepthMap
from ...core.masks import Mask


def further_references(
    views: Sequence[DepthMap],
    photo_keys: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    count: int,
    candidates: Mapping[int, Sequence[int]] | None = None,
) -> dict[tuple[int, int], tuple[int, ...]]:
    """For each pair the photos that see most of what its reference leaves uncovered.

    One after the other the photo is taken that sees most of the target's surface that none before
    sees; of equals the one that sees most of all, then a hash of the photos' content decides, so
    that neither names nor order matter. A photo that sees nothing of the target is never taken.

    Args:
        views: The frames' depth, small (see `core.covisibility.small_view`), in one world.
        photo_keys: What identifies each frame's photo, as the hash of its content.
        pairs: (reference, target) indices.
        count: How many photos there are of each pair at most, its reference among them.
        candidates: For each target, the only photos to choose from; None asks those that most of
            a few of its points fall on.

    Returns:
        Indices by pair, in the order in which they were taken.
    """
    asked = likely_partners(views) if candidates is None else candidates
    own: dict[int, list[int]] = {}
    for reference, target in pairs:
        own.setdefault(target, []).append(reference)
    chosen = {}
    for target, references in own.items():
        others = sorted({*references, *map(int, asked[target])} - {target})
        found = points_seen(views[target], [views[other] for other in others])
        seen = dict(zip(others, found, strict=True))
        keys = {other: photo_keys[other] for other in others}
        for reference in references:
            chosen[reference, target] = _greedy(seen, keys, reference, count - 1)
    return chosen


def _greedy(
    seen: Mapping[int, Mask], keys: Mapping[int, str], reference: int, count: int
) -> tuple[int, ...]:
    """Up to so many of the others, each with the most points that are not covered before."""
    covered, left = seen[reference], {other for other in seen if seen[other].any()} - {reference}

    def gain(other: int) -> tuple[int, int, str]:
        new = int(np.count_nonzero(seen[other] & ~covered))
        return new, int(np.count_nonzero(seen[other])), keys[other]

    chosen: list[int] = []
    while left and len(chosen) < count:
        chosen.append(max(sorted(left), key=gain))
        left.remove(chosen[-1])
        covered = covered | seen[chosen[-1]]
    return tuple(chosen)
