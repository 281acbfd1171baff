"""Hugging Face `datasets`: an ImageFolder a split, with scores and a card."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ...building.outputs import FURTHER_REFERENCES
from ...building.pairs.record import TOOL_VERSION
from ...building.scores import SCORES
from ..documents import (
    TRAIN,
    VALIDATION,
    Documents,
    ExportContext,
    ExportedRow,
    by_folder,
    json_lines,
)
from ..findings import Consequences
from ..publishing.card import CardFacts, dataset_card
from ..publishing.croissant import croissant
from ..rows import Reading, read_table
from ..trainer import FOLDERS, FURTHER_FOLDERS, MASK_FOLDER, Trainer


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`metadata.jsonl` a split, a dataset card and Croissant for Hugging Face's ImageFolder.

    datasets, "Create an image dataset": columns named `*_file_name` become image columns; paths
    are relative to the `metadata.jsonl`; folders `train` and `validation` are splits. Types are
    told from the values, split by split: a scene named like a date would become one, so scene and
    pair share a column.
    """
    folders = by_folder(rows)
    scores = scores_of_every(folders.values())
    documents = {
        f"{folder}metadata.jsonl": json_lines(
            {f"{kind}_file_name": path for kind, path in row.files.items()} | told(row, scores)
            for row in members
        )
        for folder, members in folders.items()
    }
    files = {split: f"{split}/**" for split in sorted({row.split for row in rows})}
    card = dataset_card(rows, CardFacts(files, context.photo_licence))
    facts = croissant(documents, context.job_name, context.photo_licence, TOOL_VERSION)
    return {"README.md": card, **documents, "croissant.json": facts}


def told(row: ExportedRow, scores: Sequence[str]) -> dict[str, Any]:
    """What a row says beside its pictures."""
    text = {"prompt": row.caption, "pair": f"{row.scene}/{row.name}"}
    return text | {score: row.scores.get(score) for score in scores}


def scores_of_every(splits: Iterable[Sequence[ExportedRow]]) -> list[str]:
    """Scores that some row of every split has: a column of nulls would have another type there.

    A record may have scores that we do not know, even such as would take a column's name.
    """
    known = [
        {name for row in rows for name, score in row.scores.items() if score is not None}
        for rows in splits
    ]
    return sorted({score.name for score in SCORES}.intersection(*known))


def _read(folder: Path, reading: Reading) -> None:
    """datasets, "Create an image dataset": columns named `*_file_name`."""
    kinds = "target", "splats", "reference", *FURTHER_REFERENCES
    keys = {kind: f"{kind}_file_name" for kind in kinds}
    if (folder / "mask").is_dir():
        keys["mask"] = "mask_file_name"
    read_table(folder, "metadata.jsonl", keys, "prompt", reading)


TRAINER = Trainer(
    "hf",
    "Hugging Face datasets",
    {**FOLDERS, **FURTHER_FOLDERS, **MASK_FOLDER},
    _read,
    Consequences(missing="load_dataset stops with FileNotFoundError"),
    _describe,
    train_folder=f"{TRAIN}/",
    sides=(f"{TRAIN}/", f"{VALIDATION}/"),
)
