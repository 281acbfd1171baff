"""What is known of a pair, one line of `pairs.jsonl`; no trainers, no pixels."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.natural_order import natural_key

RECORDS_NAME = "pairs.jsonl"
TOOL_VERSION = "0.1.0"


@dataclass(frozen=True)
class PairRecord:
    """What is known of a pair, one line of `pairs.jsonl`.

    Attributes:
        name: The pair's name.
        reference: File name of the photo that was warped.
        target: File name of the photo whose view it was warped into.
        is_reverse: Whether the reference comes after the target.
        files: File name by kind; empty where the pair was rejected.
        sha256: Of both photos, and of the recorded depth and cameras if there are any, by role.
        cameras: K, cam_from_world and size_wh of the written pictures, by role.
        geometry: Where depth and cameras come from, in which revision, and under what licence.
        options: The options that decide what the pair looks like.
        scores: See `scores.Scores`.
        rejected: Why the pair was not written; None where it was.
        version: Version of the tool.
    """

    name: str
    reference: str
    target: str
    is_reverse: bool
    files: Mapping[str, str]
    sha256: Mapping[str, str]
    cameras: Mapping[str, Any]
    geometry: Mapping[str, str]
    options: Mapping[str, Any]
    scores: Mapping[str, float | None]
    rejected: str | None = None
    version: str = TOOL_VERSION

    @property
    def sort_key(self) -> tuple:
        """Canonical place of the record among those of its scene."""
        return natural_key(self.target), self.is_reverse, self.name

    @property
    def licence(self) -> str:
        """What the network behind the geometry lets be done with it; empty where unsaid."""
        return str(self.geometry.get("licence", ""))

    def to_line(self) -> str:
        """The record as a line of JSON."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=True) + "\n"

    @staticmethod
    def from_line(line: str) -> PairRecord:
        """Read `to_line` back.

        Raises:
            ValueError: The line is no record, or names a file outside its folder.
        """
        try:
            record = PairRecord(**json.loads(line))
            names = [record.name, *record.files.values()]
        except (TypeError, AttributeError) as error:
            raise ValueError(f"no pair record: {error}") from error
        if any(not isinstance(name, str) or _leaves_folder(name) for name in names):
            raise ValueError("a pair record names a file outside its folder")
        return record


def _leaves_folder(name: str) -> bool:
    return name in ("", ".", "..") or any(mark in name for mark in "/\\\0")


def read_records(folder: Path, name: str = RECORDS_NAME) -> list[PairRecord]:
    """The records of a scene's pairs, in the order written; empty where there are none.

    A last line that a kill cut off is left out.

    Args:
        folder: The scene's.
        name: Of the file; others than pairs have their own.

    Raises:
        InputError: Some other line is no record.
    """
    path = folder / name
    if not path.is_file():
        return []
    records = []
    *lines, _cut_off = path.read_text(encoding="utf-8", errors="replace").split("\n")
    for number, line in enumerate(lines, 1):
        try:
            records.append(PairRecord.from_line(line))
        except ValueError as error:
            raise InputError(
                f"{path}: line {number} cannot be read ({error}); remove the line to have its pair "
                "made again"
            ) from error
    return records
