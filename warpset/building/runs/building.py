"""Builds scene after scene, the next one fetched and the last one sent meanwhile if asked for."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import FolderInUseError, InputError
from ...files.stores.address import Place, place
from ...files.writing import full_scratch
from ...fleet.disk_budget import DiskBudget
from ...fleet.stages import map_ahead
from ..options import BuildOptions
from ..pipeline import Backends, build_scene
from ..sources.stored_scenes import SceneBytes, output_here, scene_bytes, scene_here
from ..summary import SceneSummary
from .account import Outcomes
from .done_scenes import DoneScenes
from .ledger import is_the_scenes

FIRST_GUESS = 3.0
"""Bytes of pairs for each byte of a scene, until one has shown more: three pictures a photo."""


class SceneBuilder:
    """Builds the pairs of scenes, keeping the network from one to the next.

    Args:
        outputs: Where the pairs of each scene go, by its path or address as text.
        options: What is wanted of each.
        backends: Estimators and renderer.
        describe: An error in the words of whoever asked.
        done: Scenes that need not be fetched.
    """

    def __init__(
        self,
        outputs: Mapping[str, Place],
        options: BuildOptions,
        backends: Backends,
        describe: Callable[[Exception], str],
        done: DoneScenes,
    ):
        self.outputs, self._options = outputs, options
        self._backends, self._describe, self._done = backends, describe, done

    def __call__(self, scene: str) -> SceneSummary:
        """Build a scene; whatever goes wrong is in its summary.

        Raises:
            FolderInUseError: Another run is writing its pairs.
        """
        summary = SceneSummary()
        with self.telling(scene, summary):
            if done := self.done(scene):
                return done
            with (
                self.output(scene, summary) as output,  # first, for what is in use is not fetched
                scene_here(place(scene)) as (here, shown_as),
            ):
                _hide(summary, shown_as)
                self.build(here, output, summary)
            self.note(scene, summary)
        return summary

    def done(self, scene: str) -> SceneSummary | None:
        """The summary of a scene of a store that is done; None of any other."""
        return self._done.summary_of(scene, self.outputs[scene])

    def note(self, scene: str, summary: SceneSummary) -> None:
        """Note that a scene is done, once its pairs are where they go."""
        self._done.note(scene, self.outputs[scene], summary)

    def build(self, here: Path, output: Path, summary: SceneSummary) -> None:
        """Build a scene that is on this machine."""
        build_scene(here, output, self._options, self._backends, summary)

    @contextlib.contextmanager
    def output(self, scene: str, summary: SceneSummary) -> Iterator[Path]:
        """The folder of its pairs on this machine; sent when it ends, where it is in a store."""
        with output_here(self.outputs[scene], not self._options.writes) as (output, shown_as):
            _hide(summary, shown_as)
            yield output

    @contextlib.contextmanager
    def telling(self, scene: str, summary: SceneSummary) -> Iterator[None]:
        """Tell the summary what goes wrong inside, but for another run's writing there."""
        try:
            yield
        except FolderInUseError:
            raise
        except InputError as error:
            summary.fail(self._describe(error), counts=is_the_scenes(error))
        except Exception as error:  # one scene must not take the others down
            summary.fail(f"{scene}: {self._why(scene, error)}; left out")

    def _why(self, scene: str, error: Exception) -> str:
        """What went wrong: a full disk of temporary files, or something that nobody foresaw."""
        output = self.outputs[scene]
        folder = output.parent if isinstance(output, Path) else Path.cwd()
        if isinstance(error, OSError) and (line := full_scratch(error, folder)):
            return line
        return f"failed ({type(error).__name__}: {error}, {_raised_at(error)})"


def _hide(summary: SceneSummary, shown_as: Mapping[str, str]) -> None:
    for folder, shown in shown_as.items():
        summary.hide(folder, shown)


def _raised_at(error: Exception) -> str:
    """Where in the code an error came from, for whoever has to mend it."""
    innermost = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(innermost.filename).name}:{innermost.lineno}"


@dataclass
class _Job:
    """A scene on its way through.

    Attributes:
        scene: Its path or address.
        summary: What becomes of it.
        came: Ends with the scene on this machine.
        goes: Ends with its pairs in the store.
        size: What the scene takes up.
        held: Bytes of the budget that it has.
        here: Where it lies; None where it could not be fetched, or need not be.
        output: Where its pairs go.
        in_use: Another run is writing its pairs.
    """

    scene: str
    summary: SceneSummary = field(default_factory=SceneSummary)
    came: ExitStack = field(default_factory=ExitStack)
    goes: ExitStack = field(default_factory=ExitStack)
    size: SceneBytes = SceneBytes(0, 0)
    held: int = 0
    here: Path | None = None
    output: Path = Path()
    in_use: FolderInUseError | None = None


def overlapped(builder: SceneBuilder, scenes: Sequence[str], stage_bytes: int) -> Outcomes:
    """Build scenes of a store in turn, while the next is fetched and the last one is sent.

    What a scene's pairs take is known once they are made. Until then the most that any scene's
    took for its size is set apart for them.

    Args:
        builder: What builds them.
        scenes: The scenes.
        stage_bytes: Local disk that all of this may take.
    """
    line = _Line(builder, DiskBudget(stage_bytes))
    try:
        with ThreadPoolExecutor(1) as fetching, ThreadPoolExecutor(1) as sending:
            yield from line.outcomes(scenes, fetching, sending)
    finally:
        line.close()


def _outcome(job: _Job) -> tuple[str, SceneSummary | Exception]:
    return job.scene, job.in_use or job.summary


class _Line:
    """The three steps that scenes go through, each in a thread of its own."""

    def __init__(self, builder: SceneBuilder, budget: DiskBudget):
        self._budget, self._builder = budget, builder
        self._ratio: float | None = None
        self._jobs: list[_Job] = []

    def outcomes(self, scenes: Sequence[str], fetching: Executor, sending: Executor) -> Outcomes:
        """Take scenes through, each outcome told once its pairs are in the store."""
        try:
            last: Future[_Job] | None = None
            for job in map_ahead(self._fetch, scenes, fetching, ahead=1):
                self._build(job)
                if last:
                    yield _outcome(last.result())
                last = sending.submit(self._send, job)
            if last:
                yield _outcome(last.result())
        finally:
            self._budget.close()

    def close(self) -> None:
        """Let go of scenes that were fetched for nothing, once no thread works on them."""
        for job in self._jobs:
            job.came.close()
            job.goes.close()

    def _fetch(self, scene: str) -> _Job:
        """Bring a scene here, unless another run is at it, once there is room for all of it."""
        job, source = _Job(scene), place(scene)
        self._jobs.append(job)
        try:
            with self._builder.telling(scene, job.summary):
                if done := self._builder.done(scene):
                    job.summary = done
                    return job
                job.output = job.goes.enter_context(self._builder.output(scene, job.summary))
                job.size = scene_bytes(source)
                ratio = FIRST_GUESS if self._ratio is None else self._ratio
                amount = job.size.brought + round(job.size.photos * ratio)
                self._budget.take(amount, scene)
                job.held = amount
                job.here, shown_as = job.came.enter_context(scene_here(source))
                _hide(job.summary, shown_as)
        except FolderInUseError as error:
            job.in_use = error
        return job

    def _build(self, job: _Job) -> None:
        """Make its pairs; the scene itself is not needed any more then."""
        if job.here is None:
            return
        try:
            with self._builder.telling(job.scene, job.summary):
                self._builder.build(job.here, job.output, job.summary)
        except FolderInUseError as error:
            job.in_use = error
        finally:
            job.came.close()
            self._account_for(job)

    def _send(self, job: _Job) -> _Job:
        """Bring its pairs to the store."""
        try:
            with self._builder.telling(job.scene, job.summary):
                job.goes.close()
                if job.here is not None:
                    self._builder.note(job.scene, job.summary)
        except FolderInUseError as error:
            job.in_use = error
        finally:
            self._budget.give(job.held)
            self._jobs.remove(job)
        return job

    def _account_for(self, job: _Job) -> None:
        """From now on hold what the pairs take, in place of what was expected."""
        files = job.output.rglob("*") if job.output.is_dir() else ()
        made = sum(path.stat().st_size for path in files if path.is_file())
        if job.size.photos:
            self._ratio = max(self._ratio or 0, made / job.size.photos)
        self._budget.give(job.held - made)
        job.held = made
