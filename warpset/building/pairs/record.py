"""What is known of a pair, one line of `pairs.jsonl`; no trainers, no pixels."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import InputError
from ...core.natural_order import natural_key
from ...files.json_files import as_record, open_regular

RECORDS_NAME = "pairs.jsonl"
MAX_LINE_BYTES = 2**20
"""A record takes two or three thousand."""

MAX_NAME_BYTES = 255
"""What file systems take for a name."""

TOOL_VERSION = "0.1.0"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PairRecord:
    """What is known of a pair, one line of `pairs.jsonl`.

    Attributes:
        name: The pair's name.
        reference: File name of the photo that was warped; of a pair of one photo, of the one that
            is shown beside it.
        target: File name of the photo whose view it was warped into.
        is_reverse: Whether the reference comes after the target.
        files: File name by kind; empty where the pair was rejected.
        sha256: Of both photos, and of the recorded depth and cameras if there are any, by role.
        cameras: K, cam_from_world and size_wh of the written pictures, by role; of a pair of one
            photo the `displaced` one as well.
        geometry: Where depth and cameras come from, in which revision, and under what licence.
        options: The options that decide what the pair looks like.
        scores: See `scores.Scores`.
        rejected: Why the pair was not written; None where it was.
        version: Version of the tool.
        others: File names of further photos that were warped with the reference.
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
    scores: Mapping[str, int | float | None]
    rejected: str | None = None
    version: str = TOOL_VERSION
    others: Sequence[str] = ()

    @property
    def sort_key(self) -> tuple:
        """Canonical place of the record among those of its scene."""
        return natural_key(self.target), self.is_reverse, self.name

    @property
    def licence(self) -> str:
        """What the network behind the geometry lets be done with it; empty where unsaid."""
        return str(self.geometry.get("licence", ""))

    def to_line(self) -> str:
        """The record as a line of JSON; `others` stands there where there are any."""
        fields = dataclasses.asdict(self)
        if not self.others:
            del fields["others"]
        return json.dumps(fields, ensure_ascii=True) + "\n"

    @staticmethod
    def from_line(line: str) -> PairRecord:
        """Read `to_line` back.

        Raises:
            ValueError: The line is no record, or names a file outside its folder.
        """
        record = as_record(line, PairRecord)
        if not all(map(_is_file_name, (record.name, *record.files.values()))):
            raise ValueError("names a file outside its folder, or one that no folder can hold")
        return record


def _is_file_name(name: str) -> bool:
    if name in ("", ".", "..") or any(mark in name for mark in "/\\\0"):
        return False
    try:
        return len(name.encode(errors="surrogateescape")) <= MAX_NAME_BYTES
    except UnicodeEncodeError:
        return False


def read_records(folder: Path, name: str = RECORDS_NAME) -> list[PairRecord]:
    """The records of a scene's pairs, in the order written; empty where there are none.

    A last line that a kill cut off is said and left out.

    Args:
        folder: The scene's.
        name: Of the file; others than pairs have their own.

    Raises:
        InputError: Some other line is no record, or the file cannot be read.
    """
    path = folder / name
    try:
        return [_read_line(path, number, line) for number, line in enumerate(_lines(path), 1)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); need one record a line"
        ) from error


def _read_line(path: Path, number: int, line: bytes) -> PairRecord:
    try:
        if len(line) > MAX_LINE_BYTES:
            raise ValueError(f"more than {MAX_LINE_BYTES} bytes")
        return PairRecord.from_line(line.decode(errors="replace"))
    except ValueError as error:
        raise InputError(
            f"{path}: line {number} cannot be read ({error}); remove the line to have its pair "
            "made again"
        ) from error


def _lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a file, of one that is too long its beginning."""
    with open_regular(path) as file:
        while line := file.readline(MAX_LINE_BYTES + 1):
            if line.endswith(b"\n") or len(line) > MAX_LINE_BYTES:
                yield line
            else:
                log.warning(f"{path}: the last line was cut off, its pair counts as not made")
