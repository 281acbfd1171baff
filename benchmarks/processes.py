"""Memory and processor time of this process and of those that it starts, on every system."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

if sys.platform != "win32":
    import resource

SAMPLE_S = 0.02  # a process is looked at 50 times a second; a shorter peak may be missed
MAXRSS_UNIT = (
    1 if sys.platform == "darwin" else 1024
)  # bytes that ru_maxrss counts in, getrusage(2)


def peak_memory_bytes() -> int:
    """The most memory that this process has held since it began."""
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_UNIT


@dataclass
class Usage:
    """What a process took.

    Attributes:
        processor_s: Of all its threads, the system's work for it included.
        peak_bytes: The most memory seen.
    """

    processor_s: float = 0.0
    peak_bytes: int = 0

    def sample(self, process: psutil.Process) -> None:
        """Look at a process that runs, or has ended and not been waited for."""
        with process.oneshot():
            times, memory = process.cpu_times(), process.memory_info()
        self.processor_s = times.user + times.system
        self.peak_bytes = max(self.peak_bytes, getattr(memory, "peak_wset", memory.rss))


def usages_until_the_end(processes: Sequence[subprocess.Popen]) -> list[Usage]:
    """Wait for processes and watch what each takes.

    Raises:
        SystemExit: One of them failed.
    """
    running = {process: psutil.Process(process.pid) for process in processes}
    usages = {process: Usage() for process in processes}
    while running:
        for process, watched in tuple(running.items()):
            try:
                usages[process].sample(watched)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                pass  # it has just ended; what was seen last stands
            if process.poll() is not None:
                del running[process]
        time.sleep(SAMPLE_S)
    if any(process.returncode for process in processes):
        raise SystemExit("a run failed")
    return list(usages.values())
