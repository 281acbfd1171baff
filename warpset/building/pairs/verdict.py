"""How good a run's pairs are altogether, and what is likely wrong where they are of no use."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ..scores import DECIMALS, MIN_USE_COVERAGE
from .camera_json import recorded_size_wh
from .one_photo import missed
from .record import PairRecord

MIN_USE_PSNR_DB = 15.0
"""Two photos of one place that show nothing alike differ by 8 to 14 dB; below this median, splats
do not show what the target shows."""

MAX_USE_SHIFT = 0.02
"""Share of the width by which splats of right cameras and depth never lie beside the target: of the
scenes tried, exact ones lie within 0.01 %, the least exact ones (a headset's) within 0.5 %."""

MAX_DEPTH_FACTOR = 1.5
"""Units differ by 2.54 (inches) and more; depth of a network that is off by less still helps."""

SPARSE_SHARE = 0.5
"""Points that lie in view and cover less of it are too far apart for their size."""

LARGE_GAIN = 1.5
"""An exposure step that alone takes PSNR below 18 dB."""


@dataclass(frozen=True)
class PairQuality:
    """What the line on quality needs of a pair.

    Attributes:
        name: The scene's name and the pair's.
        coverage: Share of the target that is covered.
        psnr: In dB where covered; None without any.
        shift: How far splats lie from the target, median in pixels; None where texture is missing.
    """

    name: str
    coverage: float
    psnr: float | None
    shift: float | None = None


def quality_of(scene: str, records: Sequence[PairRecord]) -> list[PairQuality]:
    """What is known of pairs that were written."""
    return [
        PairQuality(
            f"{scene}/{record.name}",
            coverage,
            record.scores.get("psnr"),
            record.scores.get("shift"),
        )
        for record in records
        if not record.rejected and (coverage := record.scores.get("coverage")) is not None
    ]


def rejected_by(records: Sequence[PairRecord]) -> dict[str, int]:
    """How many pairs were rejected, by the bound that they missed, whatever they had."""
    bounds = (re.sub(r" -?\d[\d.e+-]* is ", " is ", record.rejected or "") for record in records)
    return dict(Counter(bound for bound in bounds if bound))


def quality_line(pairs: Sequence[PairQuality]) -> str:
    """Median and worst coverage, PSNR and shift, in a few words; empty without pairs."""
    if not pairs:
        return ""
    worst = min(pairs, key=lambda pair: (pair.coverage, pair.name))
    coverage = median(pair.coverage for pair in pairs)
    line = f"coverage {coverage:.2f} at the median, {worst.coverage:.2f} at worst ({worst.name})"
    if known := [(pair.psnr, pair.name) for pair in pairs if pair.psnr is not None]:
        lowest, name = min(known)
        middle = median(psnr for psnr, _ in known)
        line += f", PSNR {middle:.1f} dB at the median, {lowest:.1f} at worst ({name})"
    if shifts := [(pair.shift, pair.name) for pair in pairs if pair.shift is not None]:
        largest, name = max(shifts)
        middle = median(shift for shift, _ in shifts)
        line += f", shift {middle:.1f} px at the median, {largest:.1f} at worst ({name})"
    return line


def all_rejected(records: Sequence[PairRecord]) -> str | None:
    """Why no pair of a scene was written, and the likely cause; None where one was."""
    if not records or not all(record.rejected for record in records):
        return None
    first = records[0]
    if all_missed(records):
        cause = "depth that differs too little, or too much, for such a share of holes"
    else:
        cause = _likely_cause(records)
    return f"all {len(records)} pairs rejected ({first.name}: {first.rejected}); likely {cause}"


def all_missed(records: Sequence[PairRecord]) -> bool:
    """Whether none of a photo's pairs has the share of holes that was wanted."""
    return all(
        record.rejected is not None
        and record.rejected == missed(_wanted_holes(record), record.scores.get("hole_share"))
        for record in records
    )


def hardly_covered(records: Sequence[PairRecord]) -> str | None:
    """Which of a scene's pairs show nothing, and the likely cause; None where all show something.

    Only those who ask for such pairs get them, see `options.NOT_EMPTY`.
    """
    written = [record for record in records if not record.rejected]
    empty = [record for record in written if _is_empty(record)]
    if not empty:
        return None
    return (
        f"{len(empty)} of {len(written)} pairs show less than {MIN_USE_COVERAGE:.0%} of the target "
        f"({empty[0].name} first), they can hardly be of use; likely {_likely_cause(empty)}"
    )


def _wanted_holes(record: PairRecord) -> float | None:
    """The share of holes that a pair of one photo was made for; None for other pairs."""
    return record.options.get("hole-share")


def _is_empty(record: PairRecord) -> bool:
    coverage = record.scores.get("coverage")
    return coverage is not None and coverage < MIN_USE_COVERAGE


def hardly_of_use(records: Sequence[PairRecord]) -> str | None:
    """Why a scene's pairs can hardly be of use, and the likely cause; None where they can."""
    written = [record for record in records if not record.rejected]
    if factor := _wrong_depth_factor(written):
        return (
            f"splats would lie on what the target shows with depth multiplied by {factor:.3g}, the "
            "pairs can hardly be of use; likely depth in another unit than the cameras' positions"
        )
    psnr, shift = _median_score(written, "psnr"), _median_score(written, "shift")
    if psnr is not None and psnr < MIN_USE_PSNR_DB:
        doubt = f"the pairs' median PSNR is {psnr:.1f} dB"
    elif shift is not None and not _lie_right(written):
        doubt = f"splats lie {shift:.1f} px beside what the target shows (median)"
    else:
        return None
    return f"{doubt}, they can hardly be of use; likely {_likely_cause(records)}"


def sparse_points(records: Sequence[PairRecord]) -> str | None:
    """Why pairs cover little of what their points could; None where they cover it."""
    written = [r for r in records if not r.rejected and _wanted_holes(r) is None]
    overlap, coverage = _median_score(written, "overlap"), _median_score(written, "coverage")
    if overlap is None or coverage is None or coverage >= SPARSE_SHARE * overlap:
        return None
    return (
        f"points lie apart: {overlap:.0%} of them are in view and cover {coverage:.0%} of it; "
        "likely depth is coarser than the pictures (upsample it), or filters or masks drop points"
    )


def _wrong_depth_factor(records: Sequence[PairRecord]) -> float | None:
    """What most pairs' depth has to be multiplied by; None where it is right or unknown."""
    factors = [f for record in records if (f := record.scores.get("depth_factor")) is not None]
    if not factors or 2 * len(factors) < len(records):
        return None
    factor = median(factors)
    is_right = 1 / MAX_DEPTH_FACTOR < factor < MAX_DEPTH_FACTOR
    return None if is_right else max(factor, 10.0**-DECIMALS)


def _width_px(records: Sequence[PairRecord]) -> float:
    """Median width of the targets; 0 where no record tells of it."""
    sizes = (recorded_size_wh(record.cameras) for record in records)
    return median([size_wh[0] for size_wh in sizes if size_wh] or [0])


def _likely_cause(records: Sequence[PairRecord]) -> str:
    overlap, coverage, gain = (
        _median_score(records, name) for name in ("overlap", "coverage", "gain")
    )
    if not overlap and _median_score(records, "baseline") is None:
        return "no depth at all, or masks or filters that drop every point"
    if gain is not None and gain > LARGE_GAIN and _lie_right(records):
        return "an exposure step between the photos"
    if overlap is not None and overlap < 0.05:
        return "neighbours that share no view, wrong cameras, or depth in another unit"
    if coverage is not None and coverage < 0.05:
        return "depth in another unit, a preview instead of depth, or filters that drop the points"
    return "wrong cameras or depth, or neighbours that hardly share a view"


def _lie_right(records: Sequence[PairRecord]) -> bool:
    """Whether splats lie on what the target shows, so that brightness alone can differ."""
    shift = _median_score(records, "shift")
    return shift is not None and shift <= MAX_USE_SHIFT * _width_px(records)


def _median_score(records: Sequence[PairRecord], name: str) -> float | None:
    values = [value for record in records if (value := record.scores.get(name)) is not None]
    return median(values) if values else None
