"""Shards of a job array: which of several jobs does a scene."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

from ..core.errors import InputError

SLURM_ARRAY = {
    "SLURM_ARRAY_TASK_ID": "",
    "SLURM_ARRAY_TASK_COUNT": "1",
    "SLURM_ARRAY_TASK_MIN": "0",
    "SLURM_ARRAY_TASK_STEP": "1",
}


TORCHRUN = {"RANK": "", "WORLD_SIZE": "1"}
"""What names a shard, and its value where it is not set."""


@dataclass(frozen=True)
class Shard:
    """One of several jobs that share a list of names without talking to each other."""

    index: int
    count: int

    def holds(self, name: str) -> bool:
        """Whether this job does a name: its SHA-256 decides, so the rest of the list does not."""
        digest = hashlib.sha256(os.fsencode(name)).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index


def shard_from_environment(environment: Mapping[str, str]) -> Shard | None:
    """The shard that a SLURM job array or torchrun asks for; None outside of both.

    SLURM numbers tasks from SLURM_ARRAY_TASK_MIN on in steps of SLURM_ARRAY_TASK_STEP
    (sbatch manual, "Output environment variables"), torchrun ranks from 0.

    Raises:
        InputError: The variables name no shard, as those of an array with gaps.
    """
    for variables in (SLURM_ARRAY, TORCHRUN):
        if next(iter(variables)) in environment:
            return _named_shard(
                {name: environment.get(name, value) for name, value in variables.items()}
            )
    return None


def _named_shard(variables: Mapping[str, str]) -> Shard | None:
    found = " ".join(f"{name}={value}" for name, value in variables.items())
    try:
        index, count, *spacing = map(int, variables.values())
        first, step = spacing or (0, 1)
        index, rest = divmod(index - first, step)
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"{found}: found no numbers of shards") from error
    if count <= 1:
        return None
    if rest or not 0 <= index < count:
        raise InputError(f"{found}: found an array with gaps, need a plain one")
    return Shard(index, count)
