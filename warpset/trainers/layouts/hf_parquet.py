"""Hugging Face `datasets` in Parquet shards of a bounded size, pictures and scores in each row."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from ...building.scores import SCORES
from ...core.errors import InputError
from ..documents import Documents, ExportContext, ExportedRow
from ..export_folder import ExportFolder
from ..export_pictures import Picture, bytes_of
from ..publishing.card import CardFacts, dataset_card
from ..publishing.index import pyarrow_modules
from ..rows import Member, Reading, TrainerRow
from ..trainer import MASK_FOLDER, Trainer
from . import hf

FOLDER = "data"
GROUP_ROWS = 64
"""Rows of a group, which readers take into memory at once: some 50 MB of 1-megapixel pictures."""

TEXTS = ("prompt", "pair")
NUMBERS = tuple(score.name for score in SCORES)


class ParquetShards:
    """Takes rows into `data/<split>-00000.parquet` and so on.

    Pictures are what `datasets.Image` stores, `{bytes, path}`; the schema's metadata says so, as
    `datasets` itself writes it (datasets, `Features.arrow_schema`).

    Args:
        folder: The export they go to.
        shard_bytes: Pictures of a shard; one that has reached so many is followed by the next.

    Raises:
        InputError: pyarrow is not installed.
    """

    def __init__(self, folder: ExportFolder, shard_bytes: float):
        self._pa, self._pq = pyarrow_modules()
        self._folder, self._shard_bytes = folder, shard_bytes
        self._shards: dict[str, _Shard] = {}
        self._counts: dict[str, int] = {}

    def __enter__(self) -> ParquetShards:
        """Nothing to prepare: a series starts with its first row."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        """Finish the last shards."""
        for split in [*self._shards]:
            self._finish(split)

    def write(self, row: ExportedRow, pictures: Mapping[str, Picture]) -> None:
        """Append a row."""
        content = {kind: bytes_of(picture) for kind, picture in pictures.items()}
        shard = self._shards.get(row.split) or self._begin(row.split, [*content])
        shard.rows.append(
            {
                **{k: {"bytes": c, "path": Path(row.files[k]).name} for k, c in content.items()},
                "prompt": row.caption,
                "pair": f"{row.scene}/{row.name}",
                **{name: row.scores.get(name) for name in NUMBERS},
            }
        )
        shard.size += sum(map(len, content.values()))
        if len(shard.rows) >= GROUP_ROWS:
            self._flush(shard)
        if shard.size >= self._shard_bytes:
            self._finish(row.split)

    def _begin(self, split: str, kinds: Sequence[str]) -> _Shard:
        number = self._counts.get(split, 0)
        self._counts[split] = number + 1
        path = self._folder.new_path(f"{FOLDER}/{split}-{number:05}.parquet")
        schema = _schema(self._pa, kinds)
        self._shards[split] = _Shard(self._pq.ParquetWriter(path, schema), schema)
        return self._shards[split]

    def _flush(self, shard: _Shard) -> None:
        if shard.rows:
            shard.writer.write_table(self._pa.Table.from_pylist(shard.rows, shard.schema))
            shard.rows.clear()

    def _finish(self, split: str) -> None:
        shard = self._shards.pop(split)
        self._flush(shard)
        shard.writer.close()


@dataclasses.dataclass
class _Shard:
    writer: Any
    schema: Any
    rows: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    size: int = 0


def _schema(pa: Any, kinds: Sequence[str]) -> Any:
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    features: dict[str, Any] = {kind: {"_type": "Image"} for kind in kinds}
    features |= {name: {"dtype": "string", "_type": "Value"} for name in TEXTS}
    features |= {name: {"dtype": "float64", "_type": "Value"} for name in NUMBERS}
    fields = [(kind, picture) for kind in kinds]
    fields += [(name, pa.string()) for name in TEXTS]
    fields += [(name, pa.float64()) for name in NUMBERS]
    told = json.dumps({"info": {"features": features}})
    return pa.schema(fields, {"huggingface": told})


class ParquetCell(NamedTuple):
    """A picture in a shard.

    Attributes:
        shard: The Parquet file.
        row: Which row, from 0 on.
        column: Which kind of picture.
    """

    shard: Path
    row: int
    column: str

    def read_bytes(self) -> bytes:
        """Its content; one group of rows is read for it."""
        _, pq = pyarrow_modules()
        with pq.ParquetFile(self.shard) as file:
            row = self.row
            for group in range(file.num_row_groups):
                count = file.metadata.row_group(group).num_rows
                if row < count:
                    column = file.read_row_group(group, columns=[self.column]).column(0)
                    return column[row].as_py()["bytes"]
                row -= count
        raise InputError(f"{self.shard}: found no row {self.row}")


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    files = {split: f"{FOLDER}/{split}-*.parquet" for split in sorted({r.split for r in rows})}
    return {"README.md": dataset_card(rows, CardFacts(files, context.photo_licence))}


def _read(folder: Path, reading: Reading) -> None:
    """datasets, "Load": the rows of each Parquet file, one after the other."""
    _, pq = pyarrow_modules()
    for shard in sorted((folder / FOLDER).glob("*.parquet")):
        try:
            with pq.ParquetFile(shard) as file:
                kinds = [name for name in hf.TRAINER.members if name in file.schema_arrow.names]
                texts = file.read(columns=[*TEXTS]).to_pylist()
        except (OSError, ValueError) as error:
            reading.faults.append(f"{shard}: cannot be read as Parquet ({error})")
            continue
        for number, text in enumerate(texts):
            members: dict[str, Member | None] = {
                kind: ParquetCell(shard, number, kind) for kind in kinds
            }
            reading.rows.append(TrainerRow(text["pair"], members, text["prompt"]))


def in_shards(shard_bytes: float) -> Trainer:
    """The layout with shards of a size."""
    return dataclasses.replace(
        hf.TRAINER,
        name="hf-parquet",
        members={**hf.TRAINER.members, **MASK_FOLDER},
        read=_read,
        describe=_describe,
        train_folder="",
        sides=("",),
        pack=partial(ParquetShards, shard_bytes=shard_bytes),
    )
