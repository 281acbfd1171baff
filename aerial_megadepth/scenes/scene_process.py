"""One scene in a process of its own, so that a crash of the interpreter costs that scene alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from multiprocessing import connection
from pathlib import Path
from typing import Protocol

from warpset.core.errors import InputError


class IncompleteScene(Exception):
    """A scene is written, but lacks some of what was asked for; the exit code will be 1.

    Args:
        summary: What `make` would have returned.
        problems: A line for each thing that is missing.
    """

    def __init__(self, summary: str, problems: Sequence[str]):
        super().__init__(summary, problems)
        self.summary = summary
        self.problems = list(problems)


class SceneMaker(Protocol):
    """The part of a step that runs in the process."""

    def make(self, scene: str, folder: Path) -> str:
        """Write a scene's result into a folder and sum it up."""
        ...


def make_in_process(step: SceneMaker, scene: str, folder: Path) -> str:
    """Run `step.make` in a spawned process and wait for it.

    Returns:
        What `make` returned.

    Raises:
        InputError: `make` raised it, another error, or took the process down.
        IncompleteScene: `make` raised it.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_make, args=(step, scene, folder, sender))
    with receiver:
        process.start()
        sender.close()
        try:
            outcome = receiver.recv()
        except EOFError:
            outcome = None
        process.join()
    if outcome is None:
        raise InputError(f"its process {_ending(process.exitcode)}; left out, the others go on")
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _make(step: SceneMaker, scene: str, folder: Path, sender: connection.Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        outcome = step.make(scene, folder)
    except (InputError, IncompleteScene) as error:
        outcome = error
    except Exception as error:  # one scene must not take the others down
        outcome = InputError(f"failed ({type(error).__name__}: {error}); left out")
    sender.send(outcome)


def _end_with_parent() -> None:
    """A killed parent cannot stop its children; pycolmap takes SIGTERM for itself besides."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _ending(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return f"was ended by {signal.Signals(-exitcode).name}"
    return f"ended with exit code {exitcode} before the scene was made"
