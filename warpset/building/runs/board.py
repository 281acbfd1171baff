"""Tells of a run while it works: `summary.json`, `index.html` and, asked for, Prometheus' file."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from ...core.errors import InputError
from ...files.stores.address import Address, Place
from ...files.stores.small_files import SmallFiles
from ...files.writing import PARTIAL_SUFFIX, write_atomically
from ...fleet.machine_use import MachineUse, machine_use
from .ledger import RUN_FOLDER
from .outcome import SceneOutcome
from .parts import RunPart, RunParts
from .run_summary import RunSummary, summarised
from .telling import page_html, prometheus_text

SUMMARY_NAME, PAGE_NAME = "summary.json", "index.html"

BEAT_S, STORE_BEAT_S = 3.0, 30.0
"""Seconds between two looks; a store bills each file that is written."""

SHARE_OF_TIME = 0.05
"""Of a run's time that telling may take: with ten thousand scenes its files are large."""

MAX_TRIES = 8
"""How often the summary is written anew because another run has said something meanwhile."""

log = logging.getLogger(__name__)


class RunBoard:
    """What a run tells of its scenes; use it as a context that lasts as long as the run.

    Each run writes a part of its own, and sums all parts up. It then looks whether they have
    changed meanwhile, and if so sums up again: so whoever writes last has seen the last words of
    all, without a lock.

    Args:
        output_dir: What the run is about.
        found: How many scenes the input holds.
        prometheus: Where to write the text file; None for nowhere.
    """

    def __init__(self, output_dir: Place, found: int, prometheus: Path | None = None):
        self._output_dir, self._found, self._prometheus = output_dir, found, prometheus
        self._parts = RunParts(output_dir)
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._part = RunPart("", "running", 0, 0, 0)
        self._thread = threading.Thread(target=self._tell_on, daemon=True)
        self._trouble, self._began_s = "", time.monotonic()

    def __enter__(self) -> RunBoard:
        """Take over what earlier runs have said, and begin to tell."""
        _remove_old_partials(self._output_dir)
        with self._troubles():
            self._part = self._parts.begin(self._found)
        machine_use()  # later looks tell of the time since this one
        self._tell()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Tell once more, what it ended as included."""
        self._ended.set()
        self._thread.join()
        self._part.state = "stopped" if kind else "finished"
        self._trouble = ""
        self._tell()
        if self._trouble:
            log.warning(f"{self._output_dir / SUMMARY_NAME}: not up to date ({self._trouble})")

    def add(self, scene: str, outcome: SceneOutcome) -> None:
        """Tell what became of a scene."""
        with self._lock:
            self._part.add(scene, outcome)

    def saw(self, machine: MachineUse) -> None:
        """Tell how busy a worker's machine is."""
        with self._lock:
            self._part.workers[machine.host] = machine

    def _tell_on(self) -> None:
        beat = STORE_BEAT_S if isinstance(self._output_dir, Address) else BEAT_S
        wait = beat
        while not self._ended.wait(wait):
            start = time.monotonic()
            self._part.use = machine_use()
            self._tell()
            wait = max(beat, (time.monotonic() - start) / SHARE_OF_TIME)

    def _tell(self) -> None:
        """Write the own part and the sum of all; a summary must not end a run."""
        with self._troubles():
            with self._lock:
                self._part.updated = time.time()
                self._part.worked_s = time.monotonic() - self._began_s
                known = dict(self._part.outcomes), dict(self._part.workers)
                part = dataclasses.replace(self._part, outcomes=known[0], workers=known[1])
            self._parts.write(part)
            parts = self._parts.read()
            for _ in range(MAX_TRIES):
                self._write_summary(summarised([*parts.values()], time.time()))
                before, parts = parts, self._parts.read()
                if parts == before:
                    break

    def _write_summary(self, summary: RunSummary) -> None:
        content = json.dumps(dataclasses.asdict(summary), indent=2) + "\n"
        page = page_html(summary, self._output_dir)
        for name, text in ((SUMMARY_NAME, content), (PAGE_NAME, page)):
            data = text.encode(errors="replace")
            if isinstance(self._output_dir, Address):
                SmallFiles(self._output_dir).write(name, data)
            else:  # what a kill leaves half-written lies aside, not among the scenes
                _write_by_way_of(self._output_dir / RUN_FOLDER, self._output_dir / name, data)
        if self._prometheus:
            write_atomically(self._prometheus, prometheus_text(summary).encode())

    @contextlib.contextmanager
    def _troubles(self) -> Iterator[None]:
        try:
            yield
        except (InputError, OSError) as error:
            self._trouble = str(error)


def read_status(output_dir: Place) -> RunSummary:
    """The summary of an output folder as of now, from what its runs have said.

    Raises:
        InputError: No run has said anything there.
        OSError: The folder cannot be read.
    """
    parts = [*RunParts(output_dir).read().values()]
    if not parts:
        raise InputError(f"{output_dir}: found no run, need one that is or was writing here")
    return summarised(parts, time.time())


def _write_by_way_of(folder: Path, path: Path, content: bytes) -> None:
    folder.mkdir(exist_ok=True)
    partial = folder / f".{secrets.token_hex(8)}{PARTIAL_SUFFIX}"
    partial.write_bytes(content)
    partial.replace(path)


def _remove_old_partials(output_dir: Place) -> None:
    """Remove what killed runs left half-written, and nothing of a run that is at work.

    A file of the future was left before the clock was set back.
    """
    if isinstance(output_dir, Address):
        return
    for partial in (output_dir / RUN_FOLDER).rglob(f".*{PARTIAL_SUFFIX}"):
        with contextlib.suppress(OSError):
            if abs(time.time() - partial.stat().st_mtime) > STORE_BEAT_S:
                partial.unlink()
