"""What became of pairs, counted, and kept by the shards of one build; no pairs, no scenes."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..core.errors import InputError, alike, told_once
from ..files.json_files import as_record
from ..files.stores.address import Place
from ..files.stores.small_files import SmallFiles
from ..fleet.machine_use import MachineUse
from .pairing import hole_histogram
from .pairs.record import PairRecord
from .pairs.verdict import PairQuality, quality_line

SHARDS_FOLDER = ".shards"

log = logging.getLogger(__name__)


@dataclass
class SceneSummary:
    """What became of a scene's pairs, counted, and a line for each problem.

    Attributes:
        rejected_by: Pairs on record as rejected, by the bound that they missed.
        failure: Why no more could be made of the scene; None where all was.
        failure_counts: Whether it is about the scene, and not about what every scene needs.
        geometry: Who gave a scene's depth and cameras, as records name it; empty before.
        machine: How busy the machine of the worker that built it is; None where it does not say.
    """

    written: int = 0
    rejected: int = 0
    failed: int = 0
    kept: int = 0
    missing_photos: int = 0
    problems: list[str] = field(default_factory=list)
    shown_as: dict[str, str] = field(default_factory=dict)
    qualities: list[PairQuality] = field(default_factory=list)
    planned: list[float] | None = None
    rejected_by: dict[str, int] = field(default_factory=dict)
    failure: str | None = None
    failure_counts: bool = True
    geometry: dict[str, str] = field(default_factory=dict)
    machine: MachineUse | None = None

    def hide(self, folder: str, shown: str) -> None:
        """Say another place instead of a temporary folder that nobody can look into."""
        self.shown_as[folder] = self.shown(shown)

    def report(self, line: str) -> None:
        """Say a problem once, in one line, and keep it."""
        line = self.shown(" ".join(line.splitlines()))
        log.warning(line)
        self.problems.append(line)

    def leave_out(self, thing: str, names_by_reason: Mapping[str, Sequence[str]]) -> None:
        """Say which pairs or clips could not be made, each reason once, and count them."""
        for reasons in alike(names_by_reason):
            names = [name for reason in reasons for name in names_by_reason[reason]]
            things = thing if len(names) == 1 else f"{thing}s"
            reasons = [reason.removesuffix("; left out") for reason in reasons]
            self.report(f"{told_once(reasons)}; {things} {', '.join(names)} left out")
            self.failed += len(names)

    def fail(self, line: str, counts: bool = True) -> None:
        """Say why no more can be made of the scene; `counts` where it is about the scene."""
        self.report(line)
        self.failure, self.failure_counts = self.problems[-1], counts

    def say(self, line: str, level: int = logging.INFO) -> None:
        """Say something that is no problem."""
        log.log(level, self.shown(line))

    def warn(self, line: str) -> None:
        """Say something that may be a problem, and is not counted as one."""
        self.say(line, logging.WARNING)

    def shown(self, line: str) -> str:
        """A line as users may read it, without temporary folders."""
        for folder, shown in self.shown_as.items():
            line = line.replace(folder, shown)
        return line

    def plan(self, left_out: Sequence[str], hole_shares: list[float]) -> None:
        """Keep what pairs would be made, as their expected shares of holes."""
        for line in left_out:
            self.report(line)
        self.planned = hole_shares

    def count(self, record: PairRecord) -> None:
        """Count a pair that was made, or rejected."""
        if record.rejected:
            self.rejected += 1
        else:
            self.written += 1

    def say_problems(self) -> None:
        """Say problems that were met in another process."""
        for line in self.problems:
            log.warning(line)

    def add(self, other: SceneSummary) -> None:
        """Add another scene's counts."""
        self.written += other.written
        self.rejected += other.rejected
        self.failed += other.failed
        self.kept += other.kept
        self.missing_photos += other.missing_photos
        self.problems += other.problems
        self.qualities += other.qualities
        if other.planned is not None:
            self.planned = [*(self.planned or ()), *other.planned]

    def describe(self, output_dir: Place) -> str:
        """The last lines of a run: what became of the pairs, and how good they are.

        Of a plan, how many there would be with what share of holes.
        """
        if self.planned is not None:
            head = f"{output_dir}: {len(self.planned)} pairs would be made, {len(self.problems)} "
            return f"{head}problems; expected holes:\n{hole_histogram(self.planned)}"
        counts = (
            f"{output_dir}: {self.written} pairs written, {self.kept} there already, "
            f"{self.rejected} rejected, {len(self.problems)} problems, "
            f"{self.missing_photos} listed photos missing"
        )
        quality = quality_line(self.qualities)
        return f"{counts}\n{output_dir}: {quality}" if quality else counts


class ShardSummaries:
    """The summaries of a build's shards, a file each, until they are merged.

    Args:
        output_dir: Where all shards write.
    """

    def __init__(self, output_dir: Place):
        self._output_dir, self._files = output_dir, SmallFiles(output_dir / SHARDS_FOLDER)

    def forget(self, index: int, count: int) -> None:
        """Remove what an earlier run of a shard kept."""
        self._files.remove([_file_name(index, count)])
        self._files.remove_folder()

    def keep(self, index: int, count: int, summary: SceneSummary) -> None:
        """Keep the summary of shard `index` of `count`, which has finished."""
        content = (json.dumps(dataclasses.asdict(summary)) + "\n").encode()
        self._files.write(_file_name(index, count), content)

    def merge(self) -> SceneSummary:
        """The sum of all shards, their problems said again; what they kept is then removed.

        Raises:
            InputError: There are none, shards of two builds, or one has not finished.
        """
        names = [name for name in self._files.names() if "-of-" in name]
        kept = [name.removesuffix(".json").split("-of-") for name in names]
        counts = sorted({int(count) for _, count in kept})
        if len(counts) != 1:
            found = f"shards of {' and of '.join(map(str, counts))}" if counts else "no shards"
            raise InputError(
                f"{self._files.place}: found {found}, need the shards of one build; "
                "run it in shards, or remove the older ones"
            )
        unfinished = set(range(counts[0])) - {int(index) for index, _ in kept}
        if unfinished:
            named = ", ".join(map(str, sorted(unfinished)))
            raise InputError(
                f"{self._files.place}: found {len(kept)} of {counts[0]} shards finished, "
                f"need all; run shard {named}"
            )
        total = SceneSummary()
        for index in range(counts[0]):
            summary = self._read(_file_name(index, counts[0]))
            summary.say_problems()
            total.add(summary)
        self._files.remove(names)
        self._files.remove_folder()
        return total

    def _read(self, name: str) -> SceneSummary:
        try:
            return as_record((self._files.read(name) or b"").decode(), SceneSummary)
        except (OSError, ValueError) as error:
            place = self._files.place / name
            raise InputError(f"{place}: cannot be read ({error}); run that shard again") from error


def _file_name(index: int, count: int) -> str:
    return f"{index}-of-{count}.json"
