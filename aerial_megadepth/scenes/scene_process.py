"""One scene in a process of its own, so that a crash of the interpreter costs that scene alone."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
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


class SceneProcesses:
    """Runs `step.make` in spawned processes, one a call, from any number of threads.

    Args:
        step: What is run; picklable.
    """

    def __init__(self, step: SceneMaker):
        self._step = step
        self._lock = threading.Lock()
        self._running: set[SpawnProcess] = set()
        self._has_ended = False

    def make(self, scene: str, folder: Path) -> str:
        """Run `step.make` in a process, wait for it and return what it returned.

        Raises:
            InputError: `make` raised it, another error, or took the process down.
            IncompleteScene: `make` raised it.
        """
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_make, args=(self._step, scene, folder, sender))
        with receiver:
            self._start(process)
            sender.close()
            try:
                outcome = receiver.recv()
            except EOFError:
                outcome = None
            process.join()
        self._running.discard(process)
        if outcome is None:
            raise InputError(f"its process {_ending(process.exitcode)}; left out, the others go on")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _start(self, process: SpawnProcess) -> None:
        with self._lock:
            if self._has_ended:
                raise InputError("was not begun, the run was stopped")
            process.start()
            self._running.add(process)

    def end(self) -> None:
        """End what still runs, and start nothing more."""
        with self._lock:
            self._has_ended = True
            for process in list(self._running):
                process.kill()


def _make(step: SceneMaker, scene: str, folder: Path, sender: connection.Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl+C to children as well
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
