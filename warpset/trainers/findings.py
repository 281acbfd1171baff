"""What was found in an export, and what a trainer does about it; no trainer in particular."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

SHOWN = 20
"""So many findings of one kind are listed; the rest is counted."""


class Consequences(NamedTuple):
    """What a trainer does about a fault.

    Attributes:
        missing: A row's member is not there.
        upper_case: An extension is not in lower case.
        rotated: A picture relies on EXIF to be upright.
        uncaptioned: A row has no words.
    """

    missing: str
    upper_case: str = "its extension is safe in lower case only"
    rotated: str = "the loader may or may not turn it"
    uncaptioned: str = "the pair is trained on an empty prompt"


@dataclass
class Findings:
    """What was found in an export.

    Attributes:
        faults: A line each for what harms training.
        notes: A line each for what is worth knowing.
        rows: How many pairs the trainer sees.
    """

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: int = 0

    def add(self, lines: Sequence[str]) -> None:
        """Add faults of one kind, the first of them listed."""
        self.faults += lines[:SHOWN]
        if len(lines) > SHOWN:
            self.faults.append(f"... and {len(lines) - SHOWN} more of these")
