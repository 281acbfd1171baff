"""All scenes of a folder, or a shard of them, built here or over Ray, and what became of each."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ..core.errors import FolderInUseError, InputError
from ..files.writing import full_scratch, writing_to
from ..fleet.over_ray import Fleet, map_over_ray
from ..fleet.shards import Shard
from .options import BuildOptions
from .pipeline import Backends, build_scene
from .sources.scene_folders import find_scenes, scene_name
from .summary import SceneSummary, ShardSummaries

log = logging.getLogger(__name__)

Outcomes = Iterator[tuple[str, SceneSummary | Exception]]


@dataclass(frozen=True)
class ManyScenes:
    """Which scenes are built, where to, and by whom.

    Attributes:
        input_dir: Folder of the scenes' folders.
        output_dir: Each scene's pairs go to a folder of its name in here.
        shard: The share of the scenes that is this run's; None for all.
        fleet: Ray workers that build them; None for this process.
        describe: An error in the words of whoever asked; picklable.
    """

    input_dir: Path
    output_dir: Path
    shard: Shard | None = None
    fleet: Fleet | None = None
    describe: Callable[[Exception], str] = str


def build_scenes(
    asked: ManyScenes, options: BuildOptions, make_backends: Callable[[], Backends]
) -> SceneSummary:
    """Build scene after scene; whatever goes wrong with one is in the summary.

    Args:
        asked: Which scenes.
        options: What is wanted of each.
        make_backends: Estimators and renderer; picklable where a fleet builds.

    Raises:
        InputError: There are no scenes, or nothing to build them with.
        OSError: The output folder cannot be written.
    """
    found, shard = find_scenes(asked.input_dir), asked.shard
    scenes = [str(scene) for scene in found if not shard or shard.holds(scene_name(scene))]
    summaries = ShardSummaries(asked.output_dir)
    if shard:
        log.info(f"shard {shard.index} of {shard.count}: {len(scenes)} of {len(found)} scenes")
    if options.writes:
        with writing_to(asked.output_dir):
            asked.output_dir.mkdir(parents=True, exist_ok=True)
        if shard:
            summaries.forget(shard.index, shard.count)
    if asked.fleet is not None and options.writes:
        quiet = replace(options, quiet=True)
        outcomes = _over_ray(asked, quiet, make_backends, scenes, asked.fleet)
    else:
        builder = scene_builder(asked, options, make_backends)
        outcomes = _one_by_one(builder, scenes)
    total, is_whole = _add_up(outcomes, len(scenes), asked.describe, options.quiet)
    if shard and is_whole and options.writes:
        summaries.keep(shard.index, shard.count, total)
    return total


def scene_builder(
    asked: ManyScenes, options: BuildOptions, make_backends: Callable[[], Backends]
) -> Callable[[str], SceneSummary]:
    """What builds the pairs of a scene folder, keeping the network for the next one.

    Whatever goes wrong is in its summary, but for another run's writing to the same folder.
    """
    backends = make_backends()

    def build(scene: str) -> SceneSummary:
        path, summary = Path(scene), SceneSummary()
        try:
            build_scene(path, asked.output_dir / scene_name(path), options, backends, summary)
        except FolderInUseError:
            raise
        except InputError as error:
            summary.report(asked.describe(error))
        except Exception as error:  # one scene must not take the others down
            summary.report(f"{scene}: {_why(error, asked.output_dir)}; left out")
        return summary

    return build


def _why(error: Exception, output_dir: Path) -> str:
    """What went wrong: a full disk of temporary files, or something that nobody foresaw."""
    if isinstance(error, OSError) and (line := full_scratch(error, output_dir)):
        return line
    return f"failed ({type(error).__name__}: {error}, {_raised_at(error)})"


def _raised_at(error: Exception) -> str:
    """Where in the code an error came from, for whoever has to mend it."""
    innermost = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(innermost.filename).name}:{innermost.lineno}"


def _one_by_one(build: Callable[[str], SceneSummary], scenes: Sequence[str]) -> Outcomes:
    """Build scene after scene, up to one that another run is at."""
    for scene in scenes:
        try:
            yield scene, build(scene)
        except FolderInUseError as error:
            yield scene, error
            return


def _over_ray(
    asked: ManyScenes,
    options: BuildOptions,
    make_backends: Callable[[], Backends],
    scenes: Sequence[str],
    fleet: Fleet,
) -> Outcomes:
    """Build scenes on the fleet's workers, their problems said here."""
    make_work = partial(scene_builder, asked, options, make_backends)
    for scene, outcome in map_over_ray(make_work, scenes, fleet):
        if isinstance(outcome, SceneSummary):
            outcome.say_problems()
        yield scene, outcome


def _add_up(
    outcomes: Outcomes, count: int, describe: Callable[[Exception], str], quiet: bool
) -> tuple[SceneSummary, bool]:
    """The sum of all scenes, and whether none of them was another run's; what failed is said."""
    total, seen, scene, is_whole = SceneSummary(), 0, "", True
    bar = tqdm(outcomes, desc="scenes", unit="scene", total=count, disable=quiet or count == 1)
    for scene, outcome in bar:
        if isinstance(outcome, SceneSummary):
            total.add(outcome)
        elif isinstance(outcome, InputError):
            total.report(describe(outcome))
        else:
            total.report(f"{scene}: failed ({type(outcome).__name__}: {outcome}); left out")
        seen += 1
        is_whole = is_whole and not isinstance(outcome, FolderInUseError)
    if seen < count:
        total.report(f"{scene}: {count - seen} scenes after it not tried; run the command again")
    return total, is_whole
