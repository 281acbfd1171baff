"""Which frames of a scene are paired: neighbours, all with all, or by how much they share."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.cameras import Camera
from ..core.covisibility import covisibility, likely_partners
from ..core.geometry import DepthMap
from .pairs.plan import neighbours

PAIRINGS = ("neighbours", "covisible", "all")

MAX_PARTNERS = 64
"""Others that a frame is compared with exactly, those that most of a few points fall on.

In a scene of 1,000 frames this bounds the comparisons to 64,000 instead of a million. Raised, it
finds partners that stand behind many nearer ones, at a cost that grows with it."""

HOLE_BANDS = np.arange(0.05, 0.5, 0.05)
"""Edges of the bands that the pairs' expected hole shares are spread over."""


@dataclass(frozen=True)
class Pairing:
    """Which frames are paired.

    Attributes:
        rule: One of `PAIRINGS`.
        covisibility: For `covisible`, the least and greatest share of the reference's points that
            the target sees.
        pairs_per_frame: For `covisible`, how many references each target gets at most.
    """

    rule: str = "neighbours"
    covisibility: tuple[float, float] = (0.25, 0.95)
    pairs_per_frame: int = 2

    @property
    def needs_depth(self) -> bool:
        """Whether pairs are known only once depth is."""
        return self.rule == "covisible"

    def of_frames(self, count: int, bidirectional: bool) -> list[tuple[int, int]]:
        """(reference, target) indices where no depth is needed; none where it is."""
        if self.needs_depth:
            return []
        chosen = all_pairs if self.rule == "all" else neighbours
        return chosen(count, bidirectional)


class Candidate(NamedTuple):
    """A reference for a target.

    Attributes:
        reference: Index of the frame that would be warped.
        target: Index of the frame whose view it would be warped into.
        hole_band: Which of `HOLE_BANDS` its expected share of holes falls in.
        direction: Where the reference stands, seen from the target: an axis and a sign.
        key: Content of both photos, hashed; decides where nothing else does.
    """

    reference: int
    target: int
    hole_band: int
    direction: int
    key: bytes


def covisible_pairs(
    views: Sequence[DepthMap], photo_keys: Sequence[str], pairing: Pairing
) -> list[tuple[int, int]]:
    """References and targets that share as much as asked for, spread over what they differ in.

    Each target gets references one after the other, in rounds, always from the band of expected
    holes, and in it from the direction, that has the fewest pairs so far. What remains equal is
    decided by a hash of the photos' content, so that neither names nor order matter.

    Args:
        views: The frames' depth, small (see `core.covisibility.small_view`), in one world.
        photo_keys: What identifies each frame's photo, as the hash of its content.
        pairing: Bounds and number.

    Returns:
        (reference, target) indices, sorted by target and reference.
    """
    shares = covisibility(views, likely_partners(views, MAX_PARTNERS))
    minimum, maximum = pairing.covisibility
    by_target: dict[int, list[Candidate]] = {}
    for reference, target in np.argwhere((shares >= minimum) & (shares <= maximum)).tolist():
        if reference != target:
            candidate = _candidate(reference, target, shares, views, photo_keys)
            by_target.setdefault(target, []).append(candidate)
    return sorted(_spread(by_target, photo_keys, pairing.pairs_per_frame), key=lambda p: p[::-1])


def _candidate(
    reference: int,
    target: int,
    shares: NDArray[np.float32],
    views: Sequence[DepthMap],
    photo_keys: Sequence[str],
) -> Candidate:
    hole_share = 1.0 - shares[target, reference]
    digest = hashlib.sha256(f"{photo_keys[reference]} {photo_keys[target]}".encode()).digest()
    return Candidate(
        reference,
        target,
        int(np.searchsorted(HOLE_BANDS, hole_share)),
        _direction(views[reference].camera, views[target].camera),
        digest,
    )


def _direction(reference: Camera, target: Camera) -> int:
    """-3 to 3: the target's axis (1 x, 2 y, 3 z) along which the reference lies, with its sign."""
    center = target.cam_from_world[:3] @ np.append(reference.center_world, 1.0)
    axis = int(np.argmax(np.abs(center)))
    return (axis + 1) * (1 if center[axis] >= 0 else -1)


def _spread(
    by_target: dict[int, list[Candidate]], photo_keys: Sequence[str], per_frame: int
) -> Iterator[tuple[int, int]]:
    in_band: Counter[int] = Counter()
    in_direction: Counter[tuple[int, int]] = Counter()

    def rarity(candidate: Candidate) -> tuple[int, int, bytes]:
        band = candidate.hole_band
        return in_band[band], in_direction[band, candidate.direction], candidate.key

    targets = sorted(by_target, key=lambda target: photo_keys[target])
    for _ in range(per_frame):
        for target in targets:
            if not by_target[target]:
                continue
            chosen = min(by_target[target], key=rarity)
            by_target[target].remove(chosen)
            in_band[chosen.hole_band] += 1
            in_direction[chosen.hole_band, chosen.direction] += 1
            yield chosen.reference, chosen.target


def all_pairs(count: int, bidirectional: bool) -> list[tuple[int, int]]:
    """(reference, target) indices of every frame with every later one, sorted by target.

    Args:
        count: Number of frames.
        bidirectional: With every earlier one as well.
    """
    frames = range(count)
    return [(r, t) for t in frames for r in frames if r < t or (bidirectional and r > t)]
