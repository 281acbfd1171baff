"""The sum of what all runs on an output folder say, as numbers that people can act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ...core.natural_order import natural_key
from ...fleet.machine_use import MachineUse
from ..pairing import HOLE_BANDS
from .outcome import SceneOutcome
from .parts import RunPart, found_scenes, latest

MAX_NAMED = 20
"""Scenes that are named for each reason; all stand in the list of those set aside."""


@dataclass(frozen=True)
class FailedFor:
    """Scenes that failed for one reason.

    Attributes:
        reason: Why.
        count: How many.
        scenes: The first of them.
    """

    reason: str
    count: int
    scenes: list[str]


@dataclass(frozen=True)
class SetAside:
    """A scene that is not tried again.

    Attributes:
        scene: Its name.
        failures: How often it failed.
        reason: Why, the last time.
    """

    scene: str
    failures: int
    reason: str


@dataclass(frozen=True)
class RunSummary:
    """What becomes of an output folder.

    Attributes:
        state: `running` while some run is, else what the last one ended as.
        started: When the first of the present runs began, ISO 8601 in UTC.
        updated: When a run last said something.
        estimated_end: When all scenes will be through; None where nothing tells.
        runs: How many are at work.
        scenes: How many there are, are done, failed, are set aside, and wait.
        pairs: How many were written, there already, rejected and failed.
        holes: Pairs by share of holes, a band of percent each, such as `5-10`.
        failed: Scenes by why they failed, most frequent first.
        set_aside: Every scene that is not tried again.
        rejected: Pairs by the bound that they missed.
        pairs_per_s: Over all runs at work, or of the last ones.
        scenes_per_hour: The same, of scenes that took work.
        machines: How busy each is.
    """

    state: str
    started: str
    updated: str
    estimated_end: str | None
    runs: int
    scenes: dict[str, int]
    pairs: dict[str, int]
    holes: dict[str, int]
    failed: list[FailedFor] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    rejected: dict[str, int] = field(default_factory=dict)
    pairs_per_s: float = 0.0
    scenes_per_hour: float = 0.0
    machines: list[MachineUse] = field(default_factory=list)


def summarised(parts: Sequence[RunPart], now: float) -> RunSummary:
    """The sum of at least one part, at a time in seconds since 1970."""
    outcomes = latest(parts)
    alive = [part for part in parts if part.is_alive(now)]
    last = max(parts, key=lambda part: part.updated)
    state = "running" if alive else "stopped" if last.state == "running" else last.state
    scenes = _scenes(outcomes, found_scenes(parts, outcomes))
    rated = alive or [last]
    scenes_per_s = sum(_rate(part, part.tried) for part in rated)
    pairs_per_s = sum(_rate(part, part.written) for part in rated)
    end = None
    if alive and scenes_per_s:
        end = _iso(now + scenes["waiting"] / scenes_per_s)
    return RunSummary(
        state,
        _iso(min(part.started for part in rated)),
        _iso(last.updated),
        end,
        len(alive),
        scenes,
        _pairs(outcomes.values()),
        _holes(outcomes.values()),
        _failed(outcomes),
        _set_aside(outcomes),
        dict(sorted(_rejected(outcomes.values()).items())),
        round(pairs_per_s, 4),
        round(3600 * scenes_per_s, 2),
        [*_machines(rated).values()],
    )


def _scenes(outcomes: Mapping[str, SceneOutcome], found: int) -> dict[str, int]:
    states = Counter(outcome.state for outcome in outcomes.values())
    return {
        "found": found,
        "done": states["done"],
        "failed": states["failed"],
        "set_aside": states["set aside"],
        "waiting": found - len(outcomes),
    }


def _machines(parts: Sequence[RunPart]) -> dict[str, MachineUse]:
    """Each machine once, as whoever wrote last saw it."""
    known: dict[str, MachineUse] = {}
    for part in sorted(parts, key=lambda part: part.updated):
        known |= part.machines()
    return dict(sorted(known.items()))


def _pairs(outcomes: Iterable[SceneOutcome]) -> dict[str, int]:
    total = Counter[str]()
    for one in outcomes:
        total.update(written=one.written, kept=one.kept, rejected=one.rejected, failed=one.failed)
    return {name: total[name] for name in ("written", "kept", "rejected", "failed")}


def _holes(outcomes: Iterable[SceneOutcome]) -> dict[str, int]:
    edges = [0, *(round(100 * edge) for edge in HOLE_BANDS), 100]
    bands = [f"{low}-{high}" for low, high in zip(edges, edges[1:], strict=False)]
    total = Counter[str]()
    for outcome in outcomes:
        total.update(dict(zip(bands, outcome.in_band, strict=False)))
    return {band: total[band] for band in bands}


def _failed(outcomes: Mapping[str, SceneOutcome]) -> list[FailedFor]:
    scenes: dict[str, list[str]] = {}
    for scene in sorted(outcomes, key=natural_key):
        if outcomes[scene].state != "done":
            scenes.setdefault(outcomes[scene].reason, []).append(scene)
    failed = [FailedFor(why, len(names), names[:MAX_NAMED]) for why, names in scenes.items()]
    return sorted(failed, key=lambda one: (-one.count, one.reason))


def _set_aside(outcomes: Mapping[str, SceneOutcome]) -> list[SetAside]:
    return [
        SetAside(scene, outcomes[scene].failures, outcomes[scene].reason)
        for scene in sorted(outcomes, key=natural_key)
        if outcomes[scene].state == "set aside"
    ]


def _rejected(outcomes: Iterable[SceneOutcome]) -> Counter[str]:
    total = Counter[str]()
    for outcome in outcomes:
        total.update(outcome.rejected_by)
    return total


def _rate(part: RunPart, count: int) -> float:
    return count / max(part.worked_s, 1e-3)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds")
