"""What all steps share: scene after scene, resumable, a bad one costing only itself; no geometry.

A scene is made in a hidden folder beside its place and put there at the end, with a record of the
SHA-256 of its inputs and of the options: the same ones are skipped, others are made again.
"""

from __future__ import annotations

import argparse
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from warpset.core.argument_types import OneLineParser, number
from warpset.core.errors import InputError
from warpset.files.writing import PARTIAL_SUFFIX
from warpset.fleet.command_line import FLEET_WAYS_ON, add_fleet_flags
from warpset.fleet.locks import sole_writer
from warpset.fleet.over_ray import Fleet, map_over_ray

from .input_hashes import hash_inputs
from .scene_process import IncompleteScene, SceneProcesses
from .step_record import StepRecord, put_in_place, read_record

log = logging.getLogger("aerial_megadepth")

Outcome = Literal["made", "kept", "incomplete", "failed"]
Make = Callable[[str, Path], str]
Made = tuple[bool, StepRecord]
"""Whether a scene had to be made, and its record."""
MakeScene = Callable[[str], Made]


class SceneStep(Protocol):
    """A step of the pipeline; picklable, so that a scene can be made in its own process.

    A scene is a name, or the parts of one joined by `/` where a step works on a part of a scene.
    """

    @property
    def name(self) -> str:
        """The step's name, as in `python -m aerial_megadepth.<name>`."""
        ...

    def options(self) -> Mapping[str, object]:
        """What else determines the result, JSON-serialisable; not workers, not folders."""
        ...

    def inputs(self, scene: str) -> Sequence[Path]:
        """Files and folders whose content determines the result; missing ones count as such."""
        ...

    def output(self, scene: str) -> Path:
        """The folder that the result goes to."""
        ...

    def make(self, scene: str, folder: Path) -> str:
        """Write the whole result into an empty folder and return a line that sums it up.

        What is written directly into the folder must not have hidden names.

        Raises:
            InputError: The scene cannot be made.
            IncompleteScene: All is written that could be, but some of what was asked for is not.
        """
        ...


@dataclass(frozen=True)
class RunOptions:
    """How scenes are gone through; what becomes of them does not depend on it.

    Attributes:
        workers: How many scenes are made at once; more than one takes a process for each.
        force: Make again what is there already.
        quiet: Say problems only.
        fleet: Ray workers that make the scenes; None for this machine without Ray.
    """

    workers: int = 1
    force: bool = False
    quiet: bool = False
    fleet: Fleet | None = None


def run_options(args: argparse.Namespace) -> RunOptions:
    """What the flags of a `step_parser` ask for."""
    fleet = None
    if args.ray is not None:
        project = Path(__file__).parents[2]
        fleet = Fleet(args.ray, args.cpus_per_worker, True, project, args.gpus_per_worker)
    return RunOptions(args.workers, args.force_output, args.quiet, fleet)


def step_parser(description: str, prog: str | None = None) -> OneLineParser:
    """A parser with the flags that all steps share; `prog` is found by argparse if not given."""
    parser = OneLineParser(
        prog=prog,
        description=description,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--scene_list",
        type=Path,
        default=None,
        help="scenes to make: an image list (.npz, .json) or a text of one name a line; else all",
    )
    parser.add_argument(
        "--workers", type=number(int, 1), default=1, help="scenes made at once, a process each"
    )
    parser.add_argument(
        "--force_output", action="store_true", help="make again what is there already"
    )
    parser.add_argument("--quiet", action="store_true", help="say problems only")
    add_fleet_flags(parser.add_argument_group("many machines"))
    return parser


def run_scenes(
    step: SceneStep,
    scenes: Sequence[str],
    options: RunOptions,
    *,
    isolated: bool = False,
) -> int:
    """Make scenes that are not made yet; one that fails is named and the others go on.

    Args:
        step: The step.
        scenes: Names of scenes.
        options: How.
        isolated: Take a process for each scene even with one worker, so that a crash of the
            interpreter costs that scene alone.

    Returns:
        The exit code: 0 when all is made, 1 when something could not be.
    """
    start_logging(options.quiet)
    make_scene = partial(_make_scene, step, step.make, options.force)
    if options.fleet is not None:
        results = _over_fleet(step, make_scene, scenes, options.fleet)
    elif isolated or options.workers > 1:
        results = _in_processes(step, scenes, options)
    else:
        results = ((scene, _result(make_scene, scene)) for scene in scenes)
    count: Counter[Outcome] = Counter()
    with logging_redirect_tqdm():
        bar = tqdm(results, step.name, len(scenes), unit="scene", disable=options.quiet)
        try:
            count.update(_say(scene, result) for scene, result in bar)
        except InputError as error:  # the fleet could not be had, or was lost
            log.error(error.told(FLEET_WAYS_ON))
            return 1
    log.info(
        f"{step.name}: {count['made']} scenes made, {count['kept']} there already, "
        f"{count['incomplete']} incomplete, {count['failed']} failed"
    )
    return 1 if count["failed"] or count["incomplete"] else 0


def start_logging(quiet: bool) -> None:
    """Log plain lines: problems only, or whatever is worth saying."""
    logging.basicConfig(format="%(message)s", force=True)
    log.setLevel(logging.WARNING if quiet else logging.INFO)


def _over_fleet(
    step: SceneStep, make_scene: MakeScene, scenes: Sequence[str], fleet: Fleet
) -> Iterator[tuple[str, Made | Exception]]:
    """Results as they come; what a worker left when it died is removed."""
    for scene, result in map_over_ray(partial(_same, make_scene), scenes, fleet):
        if isinstance(result, Exception):
            shutil.rmtree(_partial_folder(step, scene), ignore_errors=True)
        yield scene, result


def _same(make_scene: MakeScene) -> MakeScene:
    """What a worker of the fleet starts with."""
    return make_scene


def _result(make_scene: MakeScene, scene: str) -> Made | Exception:
    try:
        return make_scene(scene)
    except Exception as error:  # one scene must not take the others down
        return error


def _in_processes(
    step: SceneStep, scenes: Sequence[str], options: RunOptions
) -> Iterator[tuple[str, Made | Exception]]:
    """Results as they come; threads wait for the processes, which end with this."""
    processes = SceneProcesses(step)
    make_scene = partial(_make_scene, step, processes.make, options.force)
    with ThreadPoolExecutor(options.workers) as pool:
        scene_of = {pool.submit(_result, make_scene, scene): scene for scene in scenes}
        try:
            for job in as_completed(scene_of):
                yield scene_of[job], job.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            processes.end()


def _say(scene: str, result: Made | Exception) -> Outcome:
    """Say what became of a scene."""
    if isinstance(result, InputError):
        log.error(f"{scene}: {str(result).removeprefix(f'{scene}: ')}")
        return "failed"
    if isinstance(result, Exception):
        log.debug("unexpected", exc_info=result)
        log.error(f"{scene}: failed ({type(result).__name__}: {result}); left out")
        return "failed"
    is_new, record = result
    if is_new:
        log.info(f"{scene}: {record.summary}")
    for problem in record.problems:
        log.error(f"{scene}: {problem}")
    if record.problems:
        return "incomplete"
    return "made" if is_new else "kept"


def _partial_folder(step: SceneStep, scene: str) -> Path:
    """Where a scene is made before it is put in its place."""
    place = step.output(scene)
    return place.with_name(f".{place.name}{PARTIAL_SUFFIX}")


def _make_scene(step: SceneStep, make: Make, force: bool, scene: str) -> Made:
    """Make a scene if it is not there: whether that was needed, and its record."""
    with sole_writer(step.output(scene)):
        return _make_alone(step, make, force, scene)


def _make_alone(step: SceneStep, make: Make, force: bool, scene: str) -> Made:
    place, partial_folder = step.output(scene), _partial_folder(step, scene)
    if partial_folder.exists():
        shutil.rmtree(partial_folder)
    old = read_record(place)
    if old.step not in (None, step.name):
        raise InputError(f"{place}: was made by {old.step}; choose another folder")
    new = StepRecord(step.name, dict(step.options()), hash_inputs(step.inputs(scene)))
    if not force and old.done and new.asks_the_same_as(old) and old.is_whole(place):
        return False, old
    partial_folder.mkdir(parents=True)
    try:
        try:
            new.summary = make(scene, partial_folder)
        except IncompleteScene as incomplete:
            new.summary, new.problems = incomplete.summary, incomplete.problems
        put_in_place(partial_folder, place, old, new, force)
    finally:
        shutil.rmtree(partial_folder, ignore_errors=True)
    return True, new
