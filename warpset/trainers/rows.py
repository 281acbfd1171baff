"""Rows of a finished export as a loader sees them, and what loaders share; nothing is judged.

Each trainer's reader follows its loader's documented rule and yields what that loader would see,
absent members included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..building.outputs import FURTHER_REFERENCES
from ..files import json_files

CONTROL_EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp")
"""What loaders take for pictures; AI Toolkit tries these, in this order, for a target's control."""


class PackedFile(NamedTuple):
    """A file in a shard.

    Attributes:
        shard: The tar file.
        offset: Where it begins, in bytes.
        size: Its length in bytes.
    """

    shard: Path
    offset: int
    size: int

    def read_bytes(self) -> bytes:
        """Its content."""
        with json_files.open_regular(self.shard) as file:
            file.seek(self.offset)
            return file.read(self.size)


class Packed(Protocol):
    """A file inside another one."""

    def read_bytes(self) -> bytes:
        """Its content."""
        ...


Member = Path | Packed
"""A file as a loader finds it."""


@dataclass(frozen=True)
class TrainerRow:
    """A pair as a loader sees it.

    Attributes:
        name: What to call it.
        members: Files by kind; None where the loader finds nothing.
        caption: What the loader reads; None where there is nothing to read.
    """

    name: str
    members: Mapping[str, Member | None]
    caption: str | None


@dataclass
class Reading:
    """What a loader makes of an export.

    Attributes:
        rows: The pairs it sees.
        faults: A line for each thing that stops it before it sees a pair.
        matches_target: Whether a configuration asks that controls take the target's area.
    """

    rows: list[TrainerRow] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    matches_target: bool = False


def read_table(
    folder: Path, name: str, keys: Mapping[str, str], caption: str, reading: Reading
) -> None:
    """Rows of a JSON-lines file: paths by kind under `keys`, the words under `caption`."""
    further = FURTHER_REFERENCES  # which a row may have none of
    for row in dicts(read_json_lines(folder / name, reading)):
        there = {kind: key for kind, key in keys.items() if key in row or kind not in further}
        members = {kind: below(folder, row.get(key)) for kind, key in there.items()}
        row_name = Path(str(row.get(keys["target"]))).name
        reading.rows.append(TrainerRow(row_name, members, text_of(row.get(caption))))


def read_folders(folder: Path, controls: Sequence[str], reading: Reading) -> None:
    """Rows of `target/` with what has the same stem in other folders, whatever its extension."""
    kinds = [*controls, *(["mask"] if (folder / "mask").is_dir() else [])]
    by_stem = {kind: {path.stem: path for path in pictures_in(folder / kind)} for kind in kinds}
    for target in pictures_in(folder / "target"):
        members: dict[str, Member | None] = {"target": target}
        members |= {kind: by_stem[kind].get(target.stem) for kind in kinds}
        caption = read_text(target.with_suffix(".txt"))
        reading.rows.append(TrainerRow(f"target/{target.name}", members, caption))


def pictures_in(folder: Path) -> list[Path]:
    """Pictures of a folder, with extensions in any case."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if path.suffix.lower() in CONTROL_EXTENSIONS)


def below(folder: Path, name: object) -> Path | None:
    """A file that a table names; None where it is not there."""
    path = folder / name if isinstance(name, str) and name else None
    return path if path is not None and path.is_file() else None


def text_of(value: object) -> str | None:
    """The value where it is text."""
    return value if isinstance(value, str) else None


def read_text(path: Path) -> str | None:
    """A text file; None where it cannot be read."""
    try:
        with json_files.open_regular(path) as file:
            return file.read().decode(errors="replace")
    except OSError:
        return None


def read_json(path: Path, reading: Reading) -> Any:
    """A JSON file; where it is none, None and a fault."""
    try:
        return json.loads(json_files.read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        reading.faults.append(f"{path}: cannot be read as JSON ({error})")
        return None


def read_json_lines(path: Path, reading: Reading) -> list[Any]:
    """Values of a JSON-lines file; a line that is none is a fault."""
    rows = []
    lines = (read_text(path) or "").removesuffix("\n").split("\n")
    if lines == [""]:
        reading.faults.append(f"{path}: found no rows, need one JSON object a line")
        return []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError):
            found = "is no JSON" if line.strip() else "is blank"
            reading.faults.append(f"{path}: line {number} {found}; the loader stops there")
    return rows


def dicts(rows: object) -> Iterator[dict[str, Any]]:
    """What of a list are objects."""
    return (row for row in (rows if isinstance(rows, list) else ()) if isinstance(row, dict))
