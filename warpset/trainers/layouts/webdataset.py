"""WebDataset: tar files whose neighbours are a sample."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from ...building.outputs import FURTHER_REFERENCES, TRIPLET
from ...core.errors import InputError, Remedy
from ...files.json_files import open_regular
from ..documents import TRAIN, Documents, ExportContext, ExportedRow
from ..export_folder import ExportFolder
from ..export_pictures import PICTURE_EXTENSIONS, Picture, bytes_of
from ..findings import Consequences
from ..publishing.card import CardFacts, dataset_card
from ..rows import Member, PackedFile, Reading, TrainerRow
from ..trainer import Trainer

SHARD_BYTES = 1e9
SHARD_PATTERN = "{split}-%06d.tar"


class ShardWriters:
    """One series of shards for each side of the split, written through `webdataset`.

    A sample's key is the pair's number; its fields are `splats.<ext>`, `reference.<ext>`,
    `target.<ext>`, `mask.png`, `txt` and `json` (webdataset, "The WebDataset Format": what follows
    the first dot of a name is the field). Times are left at 0, so that shards are reproducible.

    Args:
        folder: The export they go to.
        shard_bytes: A shard that has reached so many is followed by the next one.

    Raises:
        InputError: `webdataset` is not installed.
    """

    def __init__(self, folder: ExportFolder, shard_bytes: float = SHARD_BYTES):
        try:
            from webdataset.writer import ShardWriter
        except ImportError as error:
            raise InputError(
                "webdataset: not installed, need it to write shards", Remedy.WEBDATASET_GROUP
            ) from error
        self._make, self._folder, self._shard_bytes = ShardWriter, folder, shard_bytes
        self._writers: dict[str, Any] = {}
        self._files: dict[str, IO[bytes]] = {}

    def __enter__(self) -> ShardWriters:
        """Nothing to prepare: a series starts with its first row."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        """Finish the last shards."""
        for writer in self._writers.values():
            writer.close()

    def write(self, row: ExportedRow, pictures: Mapping[str, Picture]) -> None:
        """Append a row."""
        sample: dict[str, Any] = {"__key__": row.number, "txt": row.caption, "json": row.facts()}
        for kind, picture in pictures.items():
            sample[row.files[kind].split(".", 1)[1]] = bytes_of(picture)
        self._writer(row.split).write(sample)

    def _writer(self, split: str) -> Any:
        if split not in self._writers:
            pattern = str(self._folder.building).replace("%", "%%")
            self._writers[split] = self._make(
                f"{pattern}/{SHARD_PATTERN.format(split=split)}",
                maxsize=self._shard_bytes,
                verbose=0,
                opener=self._open,
                post=self._close,
                mtime=0,
            )
        return self._writers[split]

    def _open(self, path: str) -> IO[bytes]:
        self._files[path] = self._folder.new_path(Path(path).name).open("wb")
        return self._files[path]

    def _close(self, path: str) -> None:
        self._files.pop(path).close()


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """The card that has the Hub find each split's shards."""
    files = {split: f"{split}-*.tar" for split in sorted({row.split for row in rows})}
    return {"README.md": dataset_card(rows, CardFacts(files, context.photo_licence))}


def _read(folder: Path, reading: Reading) -> None:
    """webdataset, "The WebDataset Format": neighbours in a tar that share a key are a sample."""
    shards = sorted(folder.glob("*.tar"))
    if not shards:
        reading.faults.append(f"{folder}: found no shards, need files like {TRAIN}-000000.tar")
    for shard in shards:
        try:
            reading.rows += _samples(shard)
        except (OSError, tarfile.TarError) as error:
            reading.faults.append(f"{shard}: cannot be read as a tar file ({error})")


def _samples(shard: Path) -> Iterator[TrainerRow]:
    key, fields = "", dict[str, PackedFile]()
    with open_regular(shard) as file, tarfile.open(fileobj=file) as archive:
        for entry in archive:
            entry_key, _, name = entry.name.partition(".")
            if fields and entry_key != key:
                yield _sample(shard, key, fields)
                fields = {}
            key, fields[name] = entry_key, PackedFile(shard, entry.offset_data, entry.size)
    if fields:
        yield _sample(shard, key, fields)


def _sample(shard: Path, key: str, fields: Mapping[str, PackedFile]) -> TrainerRow:
    members: dict[str, Member | None] = dict.fromkeys(("target", "splats", "reference"))
    for name, file in fields.items():
        kind, _, extension = name.partition(".")
        if extension in PICTURE_EXTENSIONS:
            members[kind] = file
    caption = fields["txt"].read_bytes().decode(errors="replace") if "txt" in fields else None
    return TrainerRow(f"{shard.name}/{key}", members, caption)


TRAINER = Trainer(
    "webdataset",
    "WebDataset",
    {
        **{kind: f"{{number}}.{kind}.{{extension}}" for kind in (*TRIPLET, *FURTHER_REFERENCES)},
        "mask": "{number}.mask.png",
    },
    _read,
    Consequences(missing="the sample lacks a field and to_tuple stops"),
    _describe,
    caption="{number}.txt",
    caption_always=True,
    sides=("",),
    pack=ShardWriters,
)
