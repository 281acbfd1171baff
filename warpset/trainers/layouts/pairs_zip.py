"""The zip that fal and Replicate train edits from: numbered starts, ends and captions."""

from __future__ import annotations

import re
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from ...building.outputs import FURTHER_REFERENCES, TRIPLET
from ...files.json_files import open_regular
from ..documents import TRAIN, Documents, ExportContext, ExportedRow, train_page
from ..export_folder import ExportFolder
from ..export_pictures import PICTURE_EXTENSIONS, Picture, bytes_of
from ..findings import Consequences
from ..rows import Member, PackedFile, Reading, TrainerRow
from ..trainer import Trainer

ZIP_NAME = "{split}.zip"

KINDS = {
    "start": "splats",
    "start2": "reference",
    **{f"start{number}": kind for number, kind in enumerate(FURTHER_REFERENCES, 3)},
    "end": "target",
}
"""What a name says after the pair's number (fal, "Qwen Image Edit 2509 Trainer")."""


class PairZips:
    """One zip for each side of the split; nothing is compressed, because pictures are.

    Args:
        folder: The export they go to.
    """

    def __init__(self, folder: ExportFolder):
        self._folder = folder
        self._zips: dict[str, zipfile.ZipFile] = {}
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> PairZips:
        """Nothing to prepare: a zip starts with its first row."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        """Finish the zips."""
        for archive in (*self._zips.values(), *self._files):
            archive.close()

    def write(self, row: ExportedRow, pictures: Mapping[str, Picture]) -> None:
        """Append a row; times are fixed, so that zips are reproducible."""
        if row.split not in self._zips:
            file = self._folder.new_path(ZIP_NAME.format(split=row.split)).open("wb")
            self._files.append(file)
            self._zips[row.split] = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED)
        archive = self._zips[row.split]
        for kind, picture in pictures.items():
            archive.writestr(zipfile.ZipInfo(row.files[kind]), bytes_of(picture))
        archive.writestr(zipfile.ZipInfo(f"{row.number}.txt"), row.caption.encode())


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    page = train_page(
        context,
        "Upload `train.zip` to a trainer for edits: at fal `qwen-image-edit-2509-trainer` or a "
        f"newer one of its kind (set the count of reference images to {context.controls}), at "
        "Replicate `prunaai/p-image-edit-trainer`. `validation.zip`, where there is one, is for "
        "you.\n",
        "fal states 1000 steps as the default and what a step costs; both crop by rules of their "
        "own that are not published, so pictures of one size near 1024x1024 pixels' area are the "
        "safe choice.",
        "The service hands out a link to the LoRA.",
    )
    return {"TRAIN.md": page}


def _read(folder: Path, reading: Reading) -> None:
    """Entries `<number>_start`, `<number>_start2`, `<number>_end` and `<number>.txt`."""
    zips = sorted(folder.glob("*.zip"))
    if not zips:
        name = ZIP_NAME.format(split=TRAIN)
        reading.faults.append(f"{folder}: found no zip, need one like {name}")
    for path in zips:
        try:
            reading.rows += _rows(path)
        except (OSError, RuntimeError, zipfile.BadZipFile) as error:
            reading.faults.append(f"{path}: cannot be read as a zip ({error})")


def _rows(path: Path) -> list[TrainerRow]:
    members: dict[str, dict[str, Member | None]] = defaultdict(lambda: dict.fromkeys(TRIPLET))
    captions = {}
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            match = re.fullmatch(r"(\d+)(?:_(start\d?|end))?\.(\w+)", entry.filename)
            if match is None:
                continue
            number, place, extension = match.groups()
            if place is None and extension == "txt":
                captions[number] = archive.read(entry).decode(errors="replace")
            elif place in KINDS and extension in PICTURE_EXTENSIONS:
                offset = _data_offset(path, entry.header_offset)
                members[number][KINDS[place]] = PackedFile(path, offset, entry.file_size)
    return [
        TrainerRow(f"{path.name}/{number}", files, captions.get(number))
        for number, files in members.items()
    ]


def _data_offset(path: Path, header_offset: int) -> int:
    """Where an entry's bytes begin: after local header, name and extra field (APPNOTE 4.3.7)."""
    with path.open("rb") as file:
        file.seek(header_offset + 26)
        lengths = file.read(4)
    return (
        header_offset
        + 30
        + int.from_bytes(lengths[:2], "little")
        + int.from_bytes(lengths[2:], "little")
    )


TRAINER = Trainer(
    "zip",
    "fal and Replicate",
    {kind: f"{{number}}_{place}.{{extension}}" for place, kind in KINDS.items()},
    _read,
    Consequences(missing="the service takes a start without an end for no pair, or fails"),
    _describe,
    caption="{number}.txt",
    caption_always=True,
    sides=("",),
    pack=PairZips,
)
