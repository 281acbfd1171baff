"""Which frames of a scene are paired: neighbours, all with all, or by how much they share."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..core.cameras import Camera
from ..core.covisibility import (
    FINE_POINTS,
    covered_pixels,
    covisibility,
    expected_holes,
    likely_partners,
    view_for_holes,
)
from ..core.geometry import DepthMap
from .pairs.plan import neighbours

PAIRINGS = ("neighbours", "covisible", "all")

HOLE_BANDS = np.linspace(0.05, 0.5, 10)
"""Edges of the bands that expected shares of holes are spread over; one more lies at each end."""

BAR_COLUMNS = 40
"""Width of the longest bar of a histogram in text."""


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


class Chosen(NamedTuple):
    """Pairs, and how the scene's frames could serve what was asked for.

    Attributes:
        pairs: (reference, target) indices, sorted by target and reference.
        in_band: Number of pairs in each band of expected holes: below the first of `HOLE_BANDS`,
            between two, and above the last.
        candidates: For each target, all references that share as much as asked for.
    """

    pairs: list[tuple[int, int]]
    in_band: list[int]
    candidates: Mapping[int, Sequence[int]]

    @property
    def scarcity(self) -> str:
        """Which shares of holes have less than half as many pairs as others; empty where none."""
        fullest = max(self.in_band)
        edges = [f"{100 * edge:.0f}" for edge in HOLE_BANDS]
        few = [
            f"{low} to {high} %: {count}"
            for low, high, count in zip(edges, edges[1:], self.in_band[1:-1], strict=False)
            if 2 * count < fullest
        ]
        return f"few pairs with {', '.join(few)}; others have up to {fullest}" if few else ""


def covisible_pairs(
    views: Sequence[DepthMap], photo_keys: Sequence[str], pairing: Pairing
) -> Chosen:
    """References and targets that share as much as asked for, spread over what they differ in.

    All frames' candidates are taken together, always one from the band of expected holes that has
    the fewest pairs so far, and in it from the direction that has the fewest; of equals the band
    that has fewer candidates goes first. What remains equal is decided by a hash of the photos'
    content, so that neither names nor order matter.

    Args:
        views: The frames' depth, small (see `core.covisibility.small_view`), in one world.
        photo_keys: What identifies each frame's photo, as the hash of its content.
        pairing: Bounds and number.
    """
    candidates = _candidates(views, photo_keys, pairing.covisibility)
    chosen = list(_spread(candidates, pairing.pairs_per_frame))
    pairs = sorted(((c.reference, c.target) for c in chosen), key=lambda pair: pair[::-1])
    counts = Counter(candidate.hole_band for candidate in chosen)
    of_target: dict[int, list[int]] = {}
    for candidate in candidates:
        of_target.setdefault(candidate.target, []).append(candidate.reference)
    return Chosen(pairs, [counts[band] for band in range(len(HOLE_BANDS) + 1)], of_target)


def expected_hole_shares(
    views: Sequence[DepthMap],
    pairs: Sequence[tuple[int, int]],
    others: Mapping[tuple[int, int], Sequence[int]] = {},
) -> list[float]:
    """What share of each pair's picture will be holes, at a guess.

    Args:
        views: The frames' depth, in one world.
        pairs: (reference, target) indices.
        others: Further references of pairs.
    """
    if others:
        return _expected_of_several(views, [(pair[0], *others[pair]) for pair in pairs], pairs)
    targets: dict[int, list[int]] = {}
    for reference, target in pairs:
        targets.setdefault(reference, []).append(target)
    small = [view_for_holes(view) for view in views]
    shares = {}
    for reference, seen_from in targets.items():
        found = expected_holes(small[reference], [small[target].camera for target in seen_from])
        shares |= {(reference, t): float(s) for t, s in zip(seen_from, found, strict=True)}
    return [shares[pair] for pair in pairs]


def _expected_of_several(
    views: Sequence[DepthMap], references: Sequence[Sequence[int]], pairs: Sequence[tuple[int, int]]
) -> list[float]:
    """`expected_hole_shares` where several references cover each target."""
    small = [view_for_holes(view) for view in views]
    shares = []
    for together, (_, target) in zip(references, pairs, strict=True):
        camera = small[target].camera
        covered = [next(covered_pixels(small[one], [camera])) for one in together]
        shares.append(1 - float(np.mean(np.logical_or.reduce(covered))))
    return shares


def hole_histogram(hole_shares: Sequence[float]) -> str:
    """How many pairs have what share of holes, a line a band."""
    edges = [0, *(round(100 * edge) for edge in HOLE_BANDS), 100]
    bands = np.searchsorted(HOLE_BANDS, hole_shares)
    counts = np.bincount(bands, minlength=len(HOLE_BANDS) + 1)
    columns = BAR_COLUMNS / max(1, counts.max())
    return "\n".join(
        f"{low:>4} to {high:>3} %  {count:>6}  {'#' * math.ceil(columns * count)}".rstrip()
        for low, high, count in zip(edges, edges[1:], counts.tolist(), strict=False)
    )


def _candidates(
    views: Sequence[DepthMap], photo_keys: Sequence[str], bounds: tuple[float, float]
) -> list[Candidate]:
    """Every reference with every target that sees as much of its points as asked for."""
    shares = covisibility(views, likely_partners(views), FINE_POINTS)
    within = (shares >= bounds[0]) & (shares <= bounds[1])
    np.fill_diagonal(within, False)
    pairs = [(reference, target) for reference, target in np.argwhere(within).tolist()]
    holes = expected_hole_shares(views, pairs)
    return [
        Candidate(
            reference,
            target,
            int(np.searchsorted(HOLE_BANDS, hole_share)),
            _direction(views[reference].camera, views[target].camera),
            hashlib.sha256(f"{photo_keys[reference]} {photo_keys[target]}".encode()).digest(),
        )
        for (reference, target), hole_share in zip(pairs, holes, strict=True)
    ]


def _direction(reference: Camera, target: Camera) -> int:
    """-3 to 3: the target's axis (1 x, 2 y, 3 z) along which the reference lies, with its sign."""
    center = target.cam_from_world[:3] @ np.append(reference.center_world, 1.0)
    axis = int(np.argmax(np.abs(center)))
    return (axis + 1) * (1 if center[axis] >= 0 else -1)


def _spread(candidates: Sequence[Candidate], per_frame: int) -> Iterator[Candidate]:
    """Up to so many candidates of each target, evenly over bands and directions."""
    queues: dict[tuple[int, int], list[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda candidate: candidate.key, reverse=True):
        queues.setdefault((candidate.hole_band, candidate.direction), []).append(candidate)
    supply = Counter(candidate.hole_band for candidate in candidates)
    of_target: Counter[int] = Counter()
    in_band: Counter[int] = Counter()
    in_direction: Counter[tuple[int, int]] = Counter()

    def rarity(place: tuple[int, int]) -> tuple[int, ...]:
        return in_band[place[0]], supply[place[0]], in_direction[place], *place

    while queues:
        place = min(queues, key=rarity)
        candidate = queues[place].pop()
        if not queues[place]:
            del queues[place]
        if of_target[candidate.target] < per_frame:
            of_target[candidate.target] += 1
            in_band[candidate.hole_band] += 1
            in_direction[place] += 1
            yield candidate


def all_pairs(count: int, bidirectional: bool) -> list[tuple[int, int]]:
    """(reference, target) indices of every frame with every later one, sorted by target.

    Args:
        count: Number of frames.
        bidirectional: With every earlier one as well.
    """
    frames = range(count)
    return [(r, t) for t in frames for r in frames if r < t or (bidirectional and r > t)]
