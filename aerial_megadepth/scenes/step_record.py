"""The record that a step leaves in a scene's folder, and how a result comes to its place.

A folder whose record `.step.json` says `done` is whole. What lies in the folder but is not listed
in the record belongs to somebody else and stays. What the steps make it does not know.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warpset.building.pairs.record import TOOL_VERSION
from warpset.core.errors import InputError
from warpset.core.natural_order import sorted_naturally
from warpset.files.json_files import as_record, read_text
from warpset.files.writing import write_atomically

from ..megadepth.image_list import is_plain_name

RECORD_NAME = ".step.json"


@dataclass
class StepRecord:
    """What a step was asked for and what it left.

    Attributes:
        step: Name of the step; None where there is no record.
        options: The step's options, as JSON.
        inputs: Hex SHA-256 of every input.
        entries: Names of what the step put into the folder.
        summary: What the step said of the result.
        problems: A line for each thing that was asked for and is not in the result.
        done: Whether all of it is there; False is what a kill leaves.
        version: Version of the tool.
    """

    step: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)
    entries: list[str] = field(default_factory=list)
    summary: str = ""
    problems: list[str] = field(default_factory=list)
    done: bool = False
    version: str = TOOL_VERSION

    def asks_the_same_as(self, other: StepRecord) -> bool:
        """Whether the other record is of the same options and the same inputs."""
        return _canonical(self) == _canonical(other)

    def is_whole(self, place: Path) -> bool:
        """Whether everything that the record lists is there."""
        return all((place / entry).exists() for entry in self.entries)

    def write(self, place: Path) -> None:
        """Write the record into its folder."""
        text = json.dumps(vars(self), indent=1, sort_keys=True) + "\n"
        write_atomically(place / RECORD_NAME, text.encode())


def _canonical(record: StepRecord) -> str:
    return json.dumps([record.step, record.options, record.inputs], sort_keys=True)


def read_record(place: Path) -> StepRecord:
    """The record in a folder; an empty one where there is none.

    Raises:
        InputError: It cannot be read, or lists files outside its folder.
    """
    try:
        record = as_record(read_text(place / RECORD_NAME), StepRecord)
    except FileNotFoundError:
        return StepRecord()
    except (OSError, ValueError) as error:
        raise InputError(
            f"{place / RECORD_NAME}: cannot be read ({error}); remove {place} to make it again"
        ) from error
    if not all(map(is_plain_name, record.entries)):
        raise InputError(f"{place / RECORD_NAME}: lists files outside its folder; remove it")
    return record


def put_in_place(made: Path, place: Path, old: StepRecord, new: StepRecord, force: bool) -> None:
    """Put a result where it belongs, its record last.

    A new place takes one rename. In an earlier result's place, what its record lists is replaced.

    Args:
        made: The folder with the result; emptied or moved.
        place: Where it goes.
        old: The record that lies there.
        new: The record of the result; its entries are filled in.
        force: Replace also what the old record does not list.

    Raises:
        InputError: Something in the way was not made by the step, and `force` is not set.
    """
    new.entries = [entry.name for entry in sorted_naturally(made.iterdir())]
    foreign = [n for n in new.entries if n not in old.entries and (place / n).exists()]
    if foreign and not force:
        raise InputError(
            f"{place / foreign[0]}: is there, but not made by {new.step}; "
            "move it away, or replace it with --force_output"
        )
    new.done = True
    if not place.exists():
        new.write(made)
        made.replace(place)
        return
    StepRecord(new.step, entries=sorted({*old.entries, *new.entries})).write(place)
    for name in {*old.entries, *new.entries}:
        _remove(place / name)
    for name in new.entries:
        (made / name).replace(place / name)
    new.write(place)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
