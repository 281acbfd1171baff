"""All scenes of a folder, or a shard of them, built here or over Ray, and what became of each."""

from __future__ import annotations

import atexit
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..core.errors import FolderInUseError
from ..files.stores.address import Address, Place
from ..files.writing import writing_to
from ..fleet.machine_use import MachineWatch
from ..fleet.over_ray import Fleet, map_over_ray
from ..fleet.scratch import own_scratch
from ..fleet.shards import Shard
from .options import BuildOptions
from .pipeline import Backends
from .runs.account import Outcomes, RunAccount
from .runs.board import BEAT_S, RunBoard
from .runs.building import SceneBuilder, overlapped
from .runs.done_scenes import DoneScenes
from .runs.ledger import FailureLedger
from .sources.scene_names import named_scenes
from .sources.stored_scenes import find_scenes_at
from .summary import SceneSummary, ShardSummaries

JOIN_POLL_S = 5.0
"""Seconds until a scene that another run is at is looked at again; a lock in a store costs a
request each time."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ManyScenes:
    """Which scenes are built, where to, and by whom.

    Attributes:
        input_dir: Folder or address of the scenes' folders.
        output_dir: Each scene's pairs go to a folder of its name in here.
        shard: The share of the scenes that is this run's; None for all.
        fleet: Ray workers that build them; None for this process.
        describe: An error in the words of whoever asked; picklable.
        joins: Leave scenes that another run is at to it, and take them over if it dies.
        retries_failed: Try scenes again that were set aside.
        stage_bytes: Local disk for scenes and pairs of a store, of each process; None fetches a
            scene when its turn comes.
        prometheus: Where to write what Prometheus collects; None for nowhere.
    """

    input_dir: Place
    output_dir: Place
    shard: Shard | None = None
    fleet: Fleet | None = None
    describe: Callable[[Exception], str] = str
    joins: bool = False
    retries_failed: bool = False
    stage_bytes: int | None = None
    prometheus: Path | None = None

    @property
    def is_stored(self) -> bool:
        """Whether scenes come from a store, or pairs go to one."""
        return isinstance(self.input_dir, Address) or isinstance(self.output_dir, Address)


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
    named = named_scenes(find_scenes_at(asked.input_dir), asked.output_dir)
    mine = [s for s, name in named.names.items() if not asked.shard or asked.shard.holds(name)]
    if asked.shard:
        where = f"shard {asked.shard.index} of {asked.shard.count}"
        log.info(f"{where}: {len(mine)} of {len(named.names)} scenes")
    account = RunAccount(named.names, asked.describe)
    for line in named.renamed:
        log.warning(line)
    if not asked.shard or asked.shard.index == 0:
        account.leave_out(named.left_out)
    if options.writes:
        _write(asked, options, make_backends, mine, account)
    else:
        builder = _builder(asked, options, make_backends, named.names)
        account.add_up(_one_by_one(builder, mine), len(mine), options.quiet)
    return account.total


def _write(
    asked: ManyScenes,
    options: BuildOptions,
    make_backends: Callable[[], Backends],
    scenes: Sequence[str],
    account: RunAccount,
) -> None:
    """Build scenes and tell of it; see `build_scenes`."""
    output_dir, shard = asked.output_dir, asked.shard
    if isinstance(output_dir, Path):
        with writing_to(output_dir):
            output_dir.mkdir(parents=True, exist_ok=True)
    if shard:
        ShardSummaries(output_dir).forget(shard.index, shard.count)
    with writing_to(output_dir) if isinstance(output_dir, Path) else contextlib.nullcontext():
        ledger = FailureLedger(output_dir, options)
        if asked.retries_failed:
            ledger.forget_all()
    with RunBoard(output_dir, len(account.names), asked.prometheus) as board:
        account.keep(ledger, board)
        scenes = account.without_set_aside(scenes)
        outcomes = _outcomes(asked, options, make_backends, scenes, account.names)
        account.add_up(outcomes, len(scenes), options.quiet)
        account.list_set_aside()
    if shard and account.is_whole:
        ShardSummaries(output_dir).keep(shard.index, shard.count, account.total)


def _outcomes(
    asked: ManyScenes,
    options: BuildOptions,
    make_backends: Callable[[], Backends],
    scenes: Sequence[str],
    names: dict[str, str],
) -> Outcomes:
    """Build scenes in whatever way is asked for."""
    if asked.fleet is not None:
        options = replace(options, quiet=True)
        make_work = partial(_worker, replace(asked, fleet=None), options, make_backends, names)
        yield from _leaving(partial(_over_ray, make_work, fleet=asked.fleet), scenes, asked.joins)
        return
    with own_scratch() if asked.is_stored else contextlib.nullcontext():
        builder = _builder(asked, options, make_backends, names)
        build = partial(_one_by_one, builder)
        if asked.stage_bytes is not None:
            build = partial(overlapped, builder, stage_bytes=asked.stage_bytes)
        yield from _leaving(build, scenes, asked.joins)


def _builder(
    asked: ManyScenes,
    options: BuildOptions,
    make_backends: Callable[[], Backends],
    names: dict[str, str],
) -> SceneBuilder:
    outputs = {scene: asked.output_dir / name for scene, name in names.items()}
    backends = make_backends()
    done = DoneScenes(asked.output_dir, options, backends)
    return SceneBuilder(outputs, options, backends, asked.describe, done)


def _worker(
    asked: ManyScenes,
    options: BuildOptions,
    make_backends: Callable[[], Backends],
    names: dict[str, str],
) -> Callable[[str], SceneSummary]:
    """What builds scenes in a process of its own, keeping the network for the next one."""
    if asked.is_stored:
        scratch = contextlib.ExitStack()
        scratch.enter_context(own_scratch())
        atexit.register(scratch.close)
    build = _builder(asked, options, make_backends, names)
    return partial(_telling_of_machine, build, MachineWatch(BEAT_S))


def _telling_of_machine(
    build: Callable[[str], SceneSummary], watch: MachineWatch, scene: str
) -> SceneSummary:
    summary = build(scene)
    summary.machine = watch.look()
    return summary


def _one_by_one(build: Callable[[str], SceneSummary], scenes: Sequence[str]) -> Outcomes:
    for scene in scenes:
        try:
            yield scene, build(scene)
        except FolderInUseError as error:
            yield scene, error


def _over_ray(
    make_work: Callable[[], Callable[[str], SceneSummary]], scenes: Sequence[str], fleet: Fleet
) -> Outcomes:
    """Build scenes on the fleet's workers, their problems said here."""
    for scene, outcome in map_over_ray(make_work, scenes, fleet):
        if isinstance(outcome, SceneSummary):
            outcome.say_problems()
        yield scene, outcome


def _leaving(
    build: Callable[[Sequence[str]], Outcomes], scenes: Sequence[str], joins: bool
) -> Outcomes:
    """Outcomes of scenes that no other run is at.

    Args:
        build: Builds scenes, and says which of them another run is at.
        scenes: The scenes.
        joins: Come back to those of other runs until they are done; otherwise they end this run.
    """
    if joins and scenes:  # from somewhere, so that runs seldom want the same scene at once
        first = secrets.randbelow(len(scenes))
        scenes = [*scenes[first:], *scenes[:first]]
    while scenes:
        held = []
        for scene, outcome in build(scenes):
            if not isinstance(outcome, FolderInUseError):
                yield scene, outcome
            elif joins:
                held.append(scene)
            else:
                yield scene, outcome
                return
        scenes = held
        if held:
            log.info(f"{len(held)} scenes are other runs'; looking again until they are done")
            time.sleep(JOIN_POLL_S)
