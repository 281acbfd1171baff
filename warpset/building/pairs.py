"""A warp pair on disk: its file names, its record, reading and writing; no trainers, no pixels.

A pair is done when its record and all its files are there. Files are written first, each to a
temporary name and then renamed; the record comes last.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.natural_order import natural_key
from ..files.writing import remove_partial_files, write_atomically

RECORDS_NAME = "pairs.jsonl"
TOOL_VERSION = "0.1.0"

TRIPLET = ("splats", "target", "reference")
"""The kinds of file that every pair has."""

EXTRA_SUFFIXES = {
    "confidence": "_confidence.png",
    "mask": "_mask.png",
    "depth": "_depth.exr",
    "ply": "_reference.ply",
    "gaussians": "_reference_gaussians.ply",
}
"""The kinds of file made on request, and how their names end."""


@dataclass(frozen=True)
class WarpPair:
    """Which photo is warped into whose view.

    Attributes:
        name: What the pair's files start with.
        reference: Index of the frame that is warped.
        target: Index of the frame whose view it is warped into.
    """

    name: str
    reference: int
    target: int

    @property
    def is_reverse(self) -> bool:
        """Whether the reference comes after the target."""
        return self.reference > self.target

    def file_name(self, kind: str, extension: str) -> str:
        """Name of one of the pair's files; `extension` is that of the triplet's pictures."""
        return self.name + EXTRA_SUFFIXES.get(kind, f"_{kind}.{extension}")


def plan_pairs(photos: Sequence[Path], bidirectional: bool) -> list[WarpPair]:
    """The pairs of a scene's frames, neighbours only, in frame order.

    A pair is named after its target, a reverse pair `<target>_reverse`, but for the first frame,
    which has no forward pair.

    Raises:
        InputError: Two photos would give their pairs one name.
    """
    names = _frame_names(photos)
    pairs = []
    for index in range(len(photos) - 1):
        pairs.append(WarpPair(names[index + 1], index, index + 1))
        if bidirectional:
            name = f"{names[index]}_reverse" if index else names[0]
            pairs.append(WarpPair(name, index + 1, index))
    shared = _shared(pair.name for pair in pairs)
    if shared:
        raise InputError(
            f"{photos[0].parent}: two pairs would both be named {min(shared)}; rename a photo"
        )
    return pairs


def _frame_names(photos: Sequence[Path]) -> list[str]:
    """Stems; where photos share one, with their extension, then with their folder as well."""
    names = [photo.stem for photo in photos]
    for lengthen in (_with_extension, _with_folder):
        shared = _shared(names)
        names = [
            lengthen(photo) if name in shared else name
            for photo, name in zip(photos, names, strict=True)
        ]
    return names


def _with_extension(photo: Path) -> str:
    return f"{photo.stem}_{photo.suffix[1:]}"


def _with_folder(photo: Path) -> str:
    return f"{photo.parent.name}_{_with_extension(photo)}"


def _shared(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


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
        scores: See `scoring.Scores`.
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


class PairFolder:
    """The folder that holds a scene's pairs and their records.

    Args:
        path: The folder; made when first written to.
    """

    def __init__(self, path: Path):
        self.path = path
        self.records = {record.name: record for record in read_records(path)}

    def clean(self) -> None:
        """Remove what a killed run left half-written."""
        if self.path.is_dir():
            remove_partial_files(self.path)
            self._rewrite_records()

    def missing_files(self, pair: WarpPair, kinds: Iterable[str], extension: str) -> set[str]:
        """Kinds of the pair's wanted files that are not there."""
        record = self.records.get(pair.name)
        if record is not None and record.rejected:
            return set()
        return {
            kind
            for kind in kinds
            if record is None
            or kind not in record.files
            or not (self.path / pair.file_name(kind, extension)).is_file()
        }

    def write_file(self, name: str, content: bytes) -> None:
        """Write one file of a pair; it is whole or not there."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.path / name, content)

    def replace_record(self, record: PairRecord) -> None:
        """Append a record; files that only an earlier record of the same pair names go first."""
        self.path.mkdir(parents=True, exist_ok=True)
        before = self.records.get(record.name)
        stale = set(before.files.values()) - set(record.files.values()) if before else set()
        for name in sorted(stale):
            (self.path / name).unlink(missing_ok=True)
        records_path = self.path / RECORDS_NAME
        with records_path.open("ab") as file:
            size = file.tell()
            try:
                file.write(record.to_line().encode())
                file.flush()
            except OSError:
                file.truncate(size)
                raise
        self.records[record.name] = record

    def finish(self) -> None:
        """Bring the records into their canonical order."""
        if self.records:
            self._rewrite_records()

    def _rewrite_records(self) -> None:
        ordered = sorted(self.records.values(), key=lambda record: record.sort_key)
        content = "".join(record.to_line() for record in ordered).encode()
        records_path = self.path / RECORDS_NAME
        if records_path.is_file() and records_path.read_bytes() != content:
            write_atomically(records_path, content)


def read_records(folder: Path) -> list[PairRecord]:
    """The records of a scene's pairs, in the order written; empty where there are none.

    A last line that a kill cut off is left out.

    Raises:
        InputError: Some other line is no record.
    """
    path = folder / RECORDS_NAME
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
