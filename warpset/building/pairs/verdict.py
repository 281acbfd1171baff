"""How good a run's pairs are altogether, and what is likely wrong where they are of no use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from .record import PairRecord

MIN_USE_PSNR_DB = 15.0
"""Two photos of one place that show nothing alike differ by 8 to 14 dB; below this median, splats
do not show what the target shows."""

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
    return (
        f"all {len(records)} pairs rejected ({first.name}: {first.rejected}); likely "
        f"{_likely_cause(records)}"
    )


def hardly_of_use(records: Sequence[PairRecord]) -> str | None:
    """Why a scene's pairs can hardly be of use, and the likely cause; None where they can."""
    psnrs = [psnr for r in records if not r.rejected and (psnr := r.scores.get("psnr")) is not None]
    if psnrs and (middle := median(psnrs)) < MIN_USE_PSNR_DB:
        return (
            f"the pairs' median PSNR is {middle:.1f} dB, they can hardly be of use; likely "
            f"{_likely_cause(records)}"
        )
    return None


def _likely_cause(records: Sequence[PairRecord]) -> str:
    overlap, coverage, gain = (
        _median_score(records, name) for name in ("overlap", "coverage", "gain")
    )
    if gain is not None and gain > LARGE_GAIN:
        return "an exposure step between the photos"
    if overlap is not None and overlap < 0.05:
        return "neighbours that share no view, wrong cameras, or depth in another unit"
    if coverage is not None and coverage < 0.05:
        return "depth in another unit, a preview instead of depth, or filters that drop the points"
    return "wrong cameras or depth, or neighbours that hardly share a view"


def _median_score(records: Sequence[PairRecord], name: str) -> float | None:
    values = [value for record in records if (value := record.scores.get(name)) is not None]
    return median(values) if values else None
