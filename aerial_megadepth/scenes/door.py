"""How every step's command ends: its exit code, and one line for whatever stops it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from warpset.core.errors import InputError
from warpset.fleet.command_line import FLEET_WAYS_ON
from warpset.fleet.stopping import stopped_by_signals

from .scene_list import SceneList
from .scene_steps import SceneStep, log, run_options, run_scenes, start_logging


def run_door(run: Callable[[], int], quiet: bool = False) -> int:
    """Run a command that has read its flags.

    Args:
        run: Does the work and returns the exit code.
        quiet: Say problems only.

    Returns:
        What `run` returned, or 1 where an error or a signal (Ctrl+C, SIGTERM) ended it.
    """
    start_logging(quiet)
    try:
        with stopped_by_signals():
            return run()
    except InputError as error:
        log.error(error.told(FLEET_WAYS_ON))
    except OSError as error:
        log.error(f"{error.filename or 'the disk'}: {error.strerror or error}")
    except KeyboardInterrupt:
        log.error("stopped; run the same command again to go on")
    return 1


def run_listed(
    step: SceneStep,
    scenes: SceneList,
    args: argparse.Namespace,
    *,
    parts: Sequence[str] | None = None,
    isolated: bool = False,
) -> int:
    """`run_scenes` for a list; scenes that are not there are summed up in one line.

    Args:
        step: The step.
        scenes: The list.
        args: The flags of a `step_parser`.
        parts: What the step makes of these scenes, where that is not one thing each.
        isolated: See `run_scenes`.

    Returns:
        The exit code: 1 also where scenes that were asked for are not there.
    """
    made = scenes.names if parts is None else parts
    code = run_scenes(step, made, run_options(args), isolated=isolated)
    if shortfall := scenes.shortfall():
        (log.error if scenes.is_asked else log.info)(shortfall)
    return 1 if scenes.is_asked and scenes.missing else code
