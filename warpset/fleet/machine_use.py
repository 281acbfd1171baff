"""How busy this machine's cores and graphics cards are."""

from __future__ import annotations

import platform
import shutil
import subprocess
import time
from dataclasses import dataclass, field

import psutil

ASKED_OF_A_CARD = "name,utilization.gpu,memory.used,memory.total"
ANSWER_TIMEOUT_S = 5


@dataclass(frozen=True)
class CardUse:
    """How busy a graphics card is.

    Attributes:
        name: What its driver calls it.
        percent: Share of the time in which a kernel ran.
        used_mib: Memory in use, by whomever.
        total_mib: Its memory.
    """

    name: str
    percent: float
    used_mib: float
    total_mib: float


@dataclass(frozen=True)
class MachineUse:
    """How busy a machine is, whoever keeps it so.

    Attributes:
        host: Its name.
        cores: Logical processors.
        cpu_percent: Share of their time that was not idle since the last look.
        cards: Its NVIDIA cards; empty where there are none or they do not answer.
    """

    host: str
    cores: int
    cpu_percent: float
    cards: list[CardUse] = field(default_factory=list)


def machine_use() -> MachineUse:
    """How busy this machine was since the last call; the first one has no time to look at."""
    cores = psutil.cpu_count() or 1
    return MachineUse(platform.node(), cores, psutil.cpu_percent(), cards_in_use())


class MachineWatch:
    """Looks at this machine now and then, for those who ask all the time.

    Args:
        every_s: Seconds between two looks; one may take tenths where there are cards.
    """

    def __init__(self, every_s: float):
        self._every_s = every_s
        self._looked = time.monotonic()
        psutil.cpu_percent()  # later looks tell of the time since this one

    def look(self) -> MachineUse | None:
        """How busy it was since the last look; None where that was a moment ago."""
        now = time.monotonic()
        if now - self._looked < self._every_s:
            return None
        self._looked = now
        return machine_use()


def cards_in_use() -> list[CardUse]:
    """What `nvidia-smi` says of each card."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    ask = [program, f"--query-gpu={ASKED_OF_A_CARD}", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(ask, capture_output=True, text=True, timeout=ANSWER_TIMEOUT_S).stdout
        rows = [line.rsplit(",", 3) for line in said.splitlines() if line.count(",") >= 3]
        return [CardUse(name.strip(), *map(float, numbers)) for name, *numbers in rows]
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return []
