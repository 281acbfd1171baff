"""A case in a forked process of its own, bounded in time and memory, and what it did wrong."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.context import ForkContext
from pathlib import Path

MAX_SECONDS = 60
MAX_BYTES = 4 * 2**30
MAX_LINE = 4000
"""Characters; longer ones nobody reads."""

ADDRESSES = 8 * 2**30
"""Beyond what the parent has mapped; what is mapped but never touched costs nothing."""

UNEXPECTED = re.compile(r"Traceback \(most recent|failed \(\w+: .*|Fatal Python|Segmentation")


@dataclass(frozen=True)
class Outcome:
    """How a case ended.

    Attributes:
        code: Exit code; negative for the signal that ended it.
        said: What it wrote to stdout and stderr.
        seconds: How long it took.
        peak_bytes: Memory at its peak, the parent's own included.
    """

    code: int
    said: str
    seconds: float
    peak_bytes: int

    def faults(self) -> list[str]:
        """What no input may lead to."""
        found = []
        if self.seconds >= MAX_SECONDS:
            found.append(f"hangs: {self.seconds:.0f} s")
        elif self.code not in (0, 1, 2):
            found.append(f"ended with {self.code}")
        if self.peak_bytes > MAX_BYTES:
            found.append(f"takes {self.peak_bytes / 2**30:.1f} GiB")
        if unexpected := UNEXPECTED.search(self.said):
            found.append(f"unexpected: {unexpected.group()[:200]}")
        if (longest := max(map(len, self.said.splitlines()), default=0)) > MAX_LINE:
            found.append(f"a line of {longest} characters")
        return found


def preload(modules: Iterable[str]) -> None:
    """Import what children will need, for all of them once; nothing else is done before the fork.

    Raises:
        RuntimeError: An import has started threads, which a forked child would lack.
    """
    before = _threads()
    for name in modules:
        with contextlib.suppress(Exception):  # names that no import system knows
            importlib.import_module(name)
    if (started := _threads() - before) > 0:
        raise RuntimeError(f"imports started {started} threads")


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def run_apart(run: Callable[[Path], int], folder: Path) -> Outcome:
    """Run something in a folder, in a process of its own.

    Args:
        run: Takes the folder, returns an exit code.
        folder: Gets `said.txt`, and `tmp/` for temporary files.
    """
    (folder / "tmp").mkdir(exist_ok=True)
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _be_child(run, folder)
    ended, status, usage = 0, 0, None
    while not ended:
        time.sleep(0.005)
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if not ended and time.monotonic() - start > MAX_SECONDS:
            os.killpg(child, signal.SIGKILL)
            ended, status, usage = os.wait4(child, 0)
    assert usage is not None
    said = (folder / "said.txt").read_text(errors="replace")
    seconds = time.monotonic() - start
    return Outcome(os.waitstatus_to_exitcode(status), said, seconds, usage.ru_maxrss * 1024)


def _be_child(run: Callable[[Path], int], folder: Path) -> None:
    """Never returns."""
    code = 70
    try:
        file = os.open(folder / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(file, stream)
        sys.stdout = sys.stderr = os.fdopen(file, "w", buffering=1, errors="replace")
        os.setsid()  # so that what hangs is killed with the processes that it has started
        os.environ["TMPDIR"], tempfile.tempdir = str(folder / "tmp"), None
        os.chdir(folder)
        # a step's processes are forked as well: spawned ones would import for a second each
        multiprocessing.get_context = lambda method=None: ForkContext()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (mapped + ADDRESSES, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = run(folder)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
