"""What became of one scene in one run, in numbers that add up; no scenes, no files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from ..pairing import HOLE_BANDS
from ..summary import SceneSummary

State = Literal["done", "failed", "set aside"]


@dataclass(frozen=True)
class SceneOutcome:
    """What became of a scene.

    Attributes:
        state: Whether all that could be made of it was made.
        at: When, in seconds since 1970.
        reason: Why it failed; empty where it did not.
        failures: How often it has failed, over all runs.
        written: Pairs written.
        kept: Pairs that were there already.
        rejected: Pairs that are on record as rejected by this run.
        failed: Pairs that could not be made.
        in_band: Pairs by their share of holes, as `HOLE_BANDS` parts it.
        rejected_by: Pairs that were rejected, by the bound that they missed.
    """

    state: State
    at: float
    reason: str = ""
    failures: int = 0
    written: int = 0
    kept: int = 0
    rejected: int = 0
    failed: int = 0
    in_band: list[int] = field(default_factory=list)
    rejected_by: dict[str, int] = field(default_factory=dict)

    @property
    def took_work(self) -> bool:
        """Whether something was made of it, or tried to, so that its time counts."""
        return bool(self.written or self.rejected or self.failed) or self.state == "failed"


def outcome_of(summary: SceneSummary, failures: int) -> SceneOutcome:
    """A scene's summary as an outcome; `failures` counts this run's as well."""
    return SceneOutcome(
        "failed" if summary.failure else "done",
        time.time(),
        reason_of(summary.failure or ""),
        failures,
        summary.written,
        summary.kept,
        summary.rejected,
        summary.failed,
        in_bands([1 - pair.coverage for pair in summary.qualities]),
        dict(summary.rejected_by),
    )


def in_bands(hole_shares: Sequence[float]) -> list[int]:
    """How many pairs lie in each of the bands that `HOLE_BANDS` parts."""
    bands = np.searchsorted(HOLE_BANDS, hole_shares)
    return np.bincount(bands, minlength=len(HOLE_BANDS) + 1).tolist()


def reason_of(line: str) -> str:
    """A problem's line without the scene that it starts with, so that equal reasons add up."""
    where, mark, reason = line.partition(": ")
    return reason if mark and "/" in where.replace("\\", "/") else line
