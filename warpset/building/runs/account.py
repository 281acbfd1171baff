"""Adds up what becomes of scenes: for whoever asked, for the board and for the ledger."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence

from tqdm import tqdm

from ...core.errors import FolderInUseError, InputError, Remedy
from ...fleet.over_ray import RETRIES, WorkerDiedError
from ..summary import SceneSummary
from .board import RunBoard
from .ledger import MAX_FAILURES, Failure, FailureLedger
from .outcome import SceneOutcome, outcome_of, reason_of

Outcomes = Iterator[tuple[str, SceneSummary | Exception]]
"""A scene, and its summary or why there is none."""

MAX_NAMED = 20

log = logging.getLogger(__name__)


class RunAccount:
    """What has become of a run's scenes so far.

    Args:
        names: What each scene's output folder is called.
        describe: An error in the words of whoever asked.

    Attributes:
        total: The sum.
        is_whole: Whether none of the scenes was another run's.
    """

    def __init__(self, names: dict[str, str], describe: Callable[[Exception], str]):
        self.names, self._describe = names, describe
        self.total, self.is_whole = SceneSummary(), True
        self._ledger: FailureLedger | None = None
        self._board: RunBoard | None = None
        self._aside: dict[str, Failure] = {}
        self._newly_aside: list[str] = []

    def keep(self, ledger: FailureLedger, board: RunBoard) -> None:
        """From now on note failures and tell of scenes."""
        self._ledger, self._board = ledger, board

    def leave_out(self, lines: Sequence[str]) -> None:
        """Report scenes that cannot be built beside the others."""
        for line in lines:
            self.total.report(line)

    def without_set_aside(self, scenes: Sequence[str]) -> list[str]:
        """The scenes but for those that have failed too often."""
        assert self._ledger and self._board, "asked of runs that write"
        for scene in scenes:
            name = self.names[scene]
            if failure := self._ledger.set_aside(name):
                self._aside[scene] = failure
                self._board.add(name, _aside(failure))
        return [scene for scene in scenes if scene not in self._aside]

    def list_set_aside(self) -> None:
        """Say which scenes were not tried, or will not be."""
        for scene, failure in self._aside.items():
            text = f"{scene}: set aside after {failure.count} failures ({failure.reason})"
            self.total.report(self._describe(InputError(text, Remedy.RETRY_FAILED)))
        if self._newly_aside:
            named = ", ".join(self._newly_aside[:MAX_NAMED])
            more = ", ..." if len(self._newly_aside) > MAX_NAMED else ""
            log.info(f"failed {MAX_FAILURES} times and set aside from now on: {named}{more}")

    def add_up(self, outcomes: Outcomes, count: int, quiet: bool) -> None:
        """Take the outcomes of `count` scenes as they come; what failed is said."""
        seen, scene = 0, ""
        is_quiet = quiet or count == 1
        for scene, outcome in tqdm(
            outcomes, desc="scenes", unit="scene", total=count, disable=is_quiet
        ):
            self._take(scene, outcome)
            seen += 1
        if seen < count:
            left = f"{count - seen} scenes after it not tried"
            self.total.report(f"{scene}: {left}; run the command again")

    def _take(self, scene: str, outcome: SceneSummary | Exception) -> None:
        if isinstance(outcome, FolderInUseError):
            self.is_whole = False
            self.total.report(self._describe(outcome))
            return
        summary = outcome if isinstance(outcome, SceneSummary) else self._lost(scene, outcome)
        self.total.add(summary)
        if self._board and summary.machine:
            self._board.saw(summary.machine)
        if self._ledger and self._board:
            times = RETRIES + 1 if isinstance(outcome, WorkerDiedError) else 1
            self._note(self.names[scene], summary, times, self._ledger, self._board)

    def _lost(self, scene: str, error: Exception) -> SceneSummary:
        """A summary of a scene whose own did not arrive."""
        summary = SceneSummary()
        if isinstance(error, InputError):
            summary.fail(self._describe(error))
        else:
            summary.fail(f"{scene}: failed ({type(error).__name__}: {error}); left out")
        return summary

    def _note(
        self, name: str, summary: SceneSummary, times: int, ledger: FailureLedger, board: RunBoard
    ) -> None:
        failures = 0
        try:
            if summary.failure is None:
                ledger.succeeded(name)
            elif summary.failure_counts:
                failures = ledger.failed(name, reason_of(summary.failure), times)
        except (InputError, OSError) as error:
            log.warning(f"{name}: its failure could not be noted ({error})")
        outcome = outcome_of(summary, failures)
        if failures >= MAX_FAILURES:
            self._newly_aside.append(name)
            outcome = _aside(Failure(name, failures, outcome.reason, ""))
        board.add(name, outcome)


def _aside(failure: Failure) -> SceneOutcome:
    return SceneOutcome("set aside", time.time(), failure.reason, failure.count)
