"""The scores of a pair, a row each, and the bounds that a pair can be held to; no pixels.

A new score is one row: records, rejection, the flags for its bounds and the review page follow.
What measures imports the picture library when it is called: whoever reads records loads none.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple
from weakref import WeakKeyDictionary

from ..core.argument_types import number
from .camera_motion import step_length, turn_deg

if TYPE_CHECKING:
    from ..core.scoring.corners import Followed, Shift
    from .pairs.warp import Warp

DECIMALS = 4
"""Records keep so many, which reads well."""

DISTANCES = 1000
"""The median distance of points is taken of about so many of them, evenly spread."""

MIN_USE_COVERAGE = 0.02
"""Share of the target below which wrong depth or cameras are far more likely than a wide step, and
there is nothing to learn."""

Side = Literal["min", "max"]
_WORDS: Mapping[Side, tuple[str, str]] = {"min": ("less", "below"), "max": ("more", "above")}


@dataclass(frozen=True)
class Score:
    """One measure of how good a pair is.

    Attributes:
        name: As records name it.
        label: As sentences name it.
        measures: What it is, with its unit.
        measure: Of a warp; None where there is nothing to measure.
        bounds: Which bounds a pair can be held to.
        maximum: The largest bound that makes sense.
        unit: What stands after a value; empty for shares and factors.
        digits: Decimals that tell pairs apart.
        short: What the review page calls it in its list of pairs; empty where it is not listed.
        is_charted: Whether the review page draws its histogram.
    """

    name: str
    label: str
    measures: str
    measure: Callable[[Warp], float | None]
    bounds: tuple[Side, ...] = ()
    maximum: float = math.inf
    unit: str = ""
    digits: int = 3
    short: str = ""
    is_charted: bool = False


def _coverage(warp: Warp) -> float:
    from ..core.scoring.shares import share_of

    return share_of(warp.seen, warp.counted)


def _hole_share(warp: Warp) -> float:
    return 1.0 - _coverage(warp)


def _overlap(warp: Warp) -> float:
    from ..core.scoring.shares import share_in_view

    return share_in_view(warp.cloud.xyz_world, warp.cameras["target"])


def _psnr(warp: Warp) -> float | None:
    from ..core.scoring.likeness import psnr

    return psnr(warp.splats, warp.target, warp.seen) if warp.seen.any() else None


def _ssim(warp: Warp) -> float | None:
    from ..core.scoring.likeness import ssim

    return ssim(warp.splats, warp.target, warp.seen) if warp.seen.any() else None


_FOLLOWED: WeakKeyDictionary[Warp, Followed] = WeakKeyDictionary()


def _followed(warp: Warp) -> Followed:
    """Corners of a warp, followed once for all its scores, however many threads score others."""
    from ..core.scoring.corners import followed_corners

    if warp not in _FOLLOWED:
        _FOLLOWED[warp] = followed_corners(warp.splats, warp.target, ~warp.seen)
    return _FOLLOWED[warp]


def _misalignment(warp: Warp) -> Shift | None:
    from ..core.scoring.corners import misalignment

    return misalignment(_followed(warp))


def _shift(warp: Warp) -> float | None:
    return None if (found := _misalignment(warp)) is None else found.median


def _shift_p90(warp: Warp) -> float | None:
    return None if (found := _misalignment(warp)) is None else found.p90


def _depth_factor(warp: Warp) -> float | None:
    """Of the reference alone: with several cameras a wrong depth shifts pixels several ways."""
    from ..core.scoring.corners import depth_factor, followed_corners

    followed, depth, own = None, warp.depth, warp.alone
    if own is not None:
        followed, depth = (
            followed_corners(own.rgb, warp.target, own.hole | ~warp.counted),
            own.depth,
        )
    target, reference = warp.cameras["target"], warp.cameras["reference"]
    return depth_factor(followed or _followed(warp), depth, target, reference)


def _gain(warp: Warp) -> float | None:
    return None if warp.gain is None else warp.gain.step


def _largest_hole(warp: Warp) -> float:
    from ..core.scoring.shares import largest_share

    return largest_share(warp.hole, warp.counted)


def _turn(warp: Warp) -> float:
    return turn_deg(warp.cameras["reference"], warp.cameras["target"])


def _baseline(warp: Warp) -> float | None:
    """The way between the cameras in units of the points' median distance, free of the scene's."""
    from ..core.cameras import project

    reference, points = warp.cameras["reference"], warp.cloud.xyz_world
    _, distances = project(reference, points[:: max(1, len(points) // DISTANCES)])
    ahead = [distance for distance in distances.tolist() if distance > 0]
    if not ahead:
        return None
    return step_length(reference, warp.cameras["target"]) / statistics.median(ahead)


def _covisibility(warp: Warp) -> float | None:
    return warp.covisibility


def _motion(warp: Warp) -> float | None:
    from ..core.scoring.shares import share_of

    return share_of(warp.moved, warp.seen) if warp.moved is not None and warp.seen.any() else None


def _channel_gain(channel: int) -> Callable[[Warp], float | None]:
    return lambda warp: None if warp.gain is None else warp.gain[channel]


SCORES = (
    Score(
        "coverage",
        "coverage",
        "share of the target that a visible point covers",
        _coverage,
        ("min", "max"),
        maximum=1,
        short="coverage",
    ),
    Score(
        "hole_share",
        "hole share",
        "the rest of the target",
        _hole_share,
        ("min", "max"),
        maximum=1,
        is_charted=True,
    ),
    Score("overlap", "overlap", "share of the points that lie in the target's view", _overlap),
    Score(
        "psnr",
        "PSNR",
        "PSNR in dB, at most 100, where covered",
        _psnr,
        ("min",),
        unit="dB",
        digits=1,
        short="PSNR",
        is_charted=True,
    ),
    Score("ssim", "SSIM", "SSIM where covered", _ssim),
    Score(
        "shift",
        "shift",
        "median displacement of splats against the target in pixels, where texture tells",
        _shift,
        ("max",),
        unit="px",
        digits=2,
    ),
    Score(
        "shift_p90",
        "shift p90",
        "90th percentile of that displacement",
        _shift_p90,
        unit="px",
        digits=2,
    ),
    Score(
        "depth_factor",
        "depth factor",
        "what depth has to be multiplied by for splats to lie on the target, where that tells",
        _depth_factor,
    ),
    Score(
        "gain",
        "gain",
        "exposure step of a channel, from 1 on",
        _gain,
        ("max",),
        is_charted=True,
    ),
    Score(
        "contradicted",
        "contradicted depth",
        "share of the reference's depth that other views contradict",
        lambda warp: warp.contradicted,
        ("max",),
        maximum=1,
    ),
    Score("gain_red", "red gain", "the target's red over the reference's", _channel_gain(0)),
    Score("gain_green", "green gain", "the target's green over the reference's", _channel_gain(1)),
    Score("gain_blue", "blue gain", "the target's blue over the reference's", _channel_gain(2)),
    Score(
        "largest_hole",
        "largest hole",
        "share of the target that its largest connected hole takes up",
        _largest_hole,
        ("min", "max"),
        maximum=1,
        is_charted=True,
    ),
    Score(
        "turn",
        "camera turn",
        "degrees that the camera turns from reference to target",
        _turn,
        ("min", "max"),
        maximum=180,
        unit="°",
        digits=1,
        short="turn",
        is_charted=True,
    ),
    Score(
        "baseline",
        "baseline",
        "way of the camera over the points' median distance",
        _baseline,
        ("min", "max"),
        short="baseline",
        is_charted=True,
    ),
    Score(
        "covisibility",
        "covisibility",
        "share of the reference's surface that the target sees, by both depths",
        _covisibility,
        ("min", "max"),
        maximum=1,
        is_charted=True,
    ),
    Score(
        "motion",
        "motion",
        "share of what is covered where the target shows something that moved",
        _motion,
        ("max",),
        maximum=1,
        is_charted=True,
    ),
)
"""In the order in which records name them."""

Scores = Mapping[str, float | None]
"""What was measured, by the name of the score."""


def measured(warp: Warp) -> dict[str, float | None]:
    """All scores of a warp, rounded."""
    values = ((score.name, score.measure(warp)) for score in SCORES)
    return {name: None if value is None else round(value, DECIMALS) for name, value in values}


class Bound(NamedTuple):
    """A score's smallest or largest value that is good enough.

    Attributes:
        side: Which of the two.
        score: The score it is about.
    """

    side: Side
    score: Score

    @property
    def name(self) -> str:
        """As records and flags name it, such as `min-hole-share`."""
        return f"{self.side}-{self.score.name}".replace("_", "-")

    def fails(self, value: float | None, limit: float) -> bool:
        """Whether a value is not good enough; one that could not be measured never is."""
        return value is None or (value < limit if self.side == "min" else value > limit)


BOUNDS = tuple(Bound(side, score) for score in SCORES for side in score.bounds)


@dataclass(frozen=True)
class Quality:
    """Bounds outside which a pair is rejected.

    Attributes:
        limits: A limit for each of `BOUNDS` that counts, as pairs of its name and the limit.
    """

    limits: tuple[tuple[str, float], ...] = ()

    def as_recorded(self) -> dict[str, float | None]:
        """The limit of every bound by its name; None where it does not count."""
        given = dict(self.limits)
        return {bound.name: given.get(bound.name) for bound in BOUNDS}

    @property
    def keeps_poor(self) -> bool:
        """Whether pairs are wanted however poor they are: a limit of 0 was given."""
        return dict(self.limits).get("min-psnr") == 0

    def rejection(self, scores: Scores) -> str | None:
        """Why scores are not good enough, or None where they are."""
        given = dict(self.limits)
        for bound in BOUNDS:
            value = scores.get(bound.score.name)
            if bound.name in given and bound.fails(value, given[bound.name]):
                word = _WORDS[bound.side][1]
                return f"{bound.score.label} {value} is {word} {given[bound.name]}"
        return None


def add_quality_flags(
    group: argparse._ArgumentGroup, verb: str, defaults: Quality = Quality()
) -> None:
    """Add a flag for each bound.

    Args:
        group: Where to.
        verb: What becomes of a pair outside, such as `reject`.
        defaults: The bounds that count where no flag is given.
    """
    limits = defaults.as_recorded()
    for bound in BOUNDS:
        less_or_more = _WORDS[bound.side][0]
        group.add_argument(
            f"--{bound.name}",
            type=number(float, 0, bound.score.maximum),
            default=limits[bound.name],
            help=f"{verb} pairs with {less_or_more} {bound.score.label}: {bound.score.measures}",
        )


def read_quality(args: argparse.Namespace) -> Quality:
    """Turn the flags of `add_quality_flags` into bounds."""
    given = ((bound.name, getattr(args, bound.name.replace("-", "_"))) for bound in BOUNDS)
    return Quality(tuple((name, limit) for name, limit in given if limit is not None))
