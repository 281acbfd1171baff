"""What each run says of itself while it works, a file a run; their sum is the summary.

So many runs (shards, machines) tell of one output folder, and none writes another's file.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ...files.json_files import as_record
from ...files.stores.address import Place
from ...files.stores.small_files import SmallFiles
from ...fleet.machine_use import MachineUse
from .ledger import RUN_FOLDER
from .outcome import SceneOutcome

STALE_S = 180.0
"""Seconds without a word after which a run counts as killed. Less and one that a slow store holds
up seems dead; more and the page promises an end that nobody works on."""


@dataclass
class RunPart:
    """What one run knows.

    Attributes:
        run: Its own name.
        state: What it is at.
        started: In seconds since 1970.
        updated: When it last said so.
        found: Scenes that the input holds, those of other shards as well.
        use: How busy its machine is; None before the first look.
        outcomes: What became of each scene that it or an earlier run was at, by name.
        workers: How busy machines of its workers were when one last had done a scene, by host.
        worked_s: How long it has been at work, in seconds that no setting of the clock changes.
        tried: Scenes that took it work.
        written: Pairs that it wrote.
    """

    run: str
    state: Literal["running", "finished", "stopped"]
    started: float
    updated: float
    found: int
    use: MachineUse | None = None
    outcomes: dict[str, SceneOutcome] = field(default_factory=dict)
    workers: dict[str, MachineUse] = field(default_factory=dict)
    worked_s: float = 0.0
    tried: int = 0
    written: int = 0

    def add(self, scene: str, outcome: SceneOutcome) -> None:
        """Note what became of a scene that this run was at itself."""
        self.outcomes[scene] = outcome
        self.tried += outcome.took_work
        self.written += outcome.written

    def is_alive(self, now: float) -> bool:
        """Whether somebody works on it; a word from the future is of a clock that was set back."""
        return self.state == "running" and abs(now - self.updated) < STALE_S

    def machines(self) -> dict[str, MachineUse]:
        """How busy each machine is, by host; its own is looked at more often than workers tell."""
        return self.workers | ({self.use.host: self.use} if self.use else {})


class RunParts:
    """The parts that runs keep in an output folder.

    Args:
        output_dir: The folder.
    """

    def __init__(self, output_dir: Place):
        self._files = SmallFiles(output_dir / RUN_FOLDER / "parts")

    def read(self) -> dict[str, RunPart]:
        """All parts by their file's name; what cannot be read counts for nothing."""
        parts = {}
        for name in self._files.names():
            try:
                parts[name] = as_record((self._files.read(name) or b"").decode(), RunPart)
            except ValueError:
                continue
        return parts

    def begin(self, found: int) -> RunPart:
        """A part of this run's own, which takes over what runs before it have said.

        What they said in the future, before the clock was set back, they said by now.
        """
        now, earlier = time.time(), self.read()
        over = {name: part for name, part in earlier.items() if not part.is_alive(now)}
        part = RunPart(secrets.token_hex(8), "running", now, now, found)
        for scene, outcome in latest(over.values()).items():
            part.outcomes[scene] = dataclasses.replace(outcome, at=min(outcome.at, now))
        self.write(part)
        self._files.remove(over)
        return part

    def write(self, part: RunPart) -> None:
        """Write a run's part."""
        content = json.dumps(dataclasses.asdict(part)) + "\n"
        self._files.write(f"{part.run}.json", content.encode())


def latest(parts: Iterable[RunPart]) -> dict[str, SceneOutcome]:
    """What became of each scene, by the last run that was at it."""
    known: dict[str, SceneOutcome] = {}
    for part in parts:
        for scene, outcome in part.outcomes.items():
            if scene not in known or known[scene].at < outcome.at:
                known[scene] = outcome
    return known


def found_scenes(parts: Iterable[RunPart], outcomes: Mapping[str, SceneOutcome]) -> int:
    """How many scenes there are: those of the input, or of earlier inputs if that were more."""
    return max([len(outcomes), *(part.found for part in parts)])
