"""What the parts of the check are made of; no renderer, no network."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch


class Setup(NamedTuple):
    """Where a part runs and how much it does.

    Attributes:
        device: `cuda` or `cpu`, as torch names them.
        is_small: Whether sizes are those of a test, which show that the part works and no speed.
    """

    device: str
    is_small: bool


class Part(NamedTuple):
    """A table of the check.

    Attributes:
        name: As `--parts` has it.
        title: What it shows.
        columns: Their headings.
        rows: Measures and gives a row at a time.
    """

    name: str
    title: str
    columns: Sequence[str]
    rows: Callable[[Setup], Iterator[Sequence[object]]]


class Failed(Exception):
    """What a part found wrong, in one line."""


def seconds(setup: Setup, work: Callable[[], object]) -> float:
    """Until the device has done some work that is started here."""
    wait_for(setup.device)
    start = time.perf_counter()
    work()
    wait_for(setup.device)
    return time.perf_counter() - start


def wait_for(device: str) -> None:
    """Until a device has done what it was given; the CPU has when a call returns."""
    if device == "cuda":
        torch.cuda.synchronize()
