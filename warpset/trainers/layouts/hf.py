"""Hugging Face `datasets`: an ImageFolder a split, with scores and a card."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...building.outputs import FURTHER_REFERENCES
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
from ..rows import Reading, read_table
from ..trainer import FOLDERS, FURTHER_FOLDERS, MASK_FOLDER, Trainer


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`metadata.jsonl` a split and a dataset card for Hugging Face's ImageFolder.

    datasets, "Create an image dataset": columns named `*_file_name` become image columns; paths
    are relative to the `metadata.jsonl`; folders `train` and `validation` are splits. Types are
    told from the values, split by split: a scene named like a date would become one, so scene and
    pair share a column.
    """
    documents = {"README.md": _card(rows)}
    folders = by_folder(rows)
    scores = _scores_of_every(folders.values())
    for folder, members in folders.items():
        documents[f"{folder}metadata.jsonl"] = json_lines(
            {f"{kind}_file_name": path for kind, path in row.files.items()}
            | {"prompt": row.caption, "pair": f"{row.scene}/{row.name}"}
            | {score: row.scores[score] for score in scores}
            for row in members
        )
    return documents


def _scores_of_every(splits: Iterable[Sequence[ExportedRow]]) -> list[str]:
    """Scores that some row of every split has: a column of nulls would have another type there."""
    known = [
        {name for row in rows for name, score in row.scores.items() if score is not None}
        for rows in splits
    ]
    return sorted(set.intersection(*known))


def _card(rows: Sequence[ExportedRow]) -> str:
    splits = sorted({row.split for row in rows})
    configs = "".join(f"  - split: {split}\n    path: {split}/**\n" for split in splits)
    counts = "".join(
        f"| {split} | {sum(row.split == split for row in rows)} | "
        f"{len({row.scene for row in rows if row.split == split})} |\n"
        for split in splits
    )
    columns = [f"`{kind}`" for kind in rows[0].controls[2:]]
    further = f" The points of {' and '.join(columns)} are among the splats." if columns else ""
    return (
        "---\npretty_name: Warp pairs\ntask_categories:\n- image-to-image\n"
        f"configs:\n- config_name: default\n  data_files:\n{configs}---\n\n"
        "# Warp pairs\n\n"
        "Each row holds three pictures of one place: `splats` (the points of `reference` seen from "
        "the target's camera), `reference` and `target`, what the camera saw. The scores compare "
        f"`splats` with `target` where points cover it.{further}\n\n"
        f"| split | pairs | scenes |\n|---|---|---|\n{counts}" + _licence_section(rows)
    )


def _licence_section(rows: Sequence[ExportedRow]) -> str:
    licences = sorted({row.licence for row in rows} - {""})
    if not licences:
        return ""
    return (
        "\n## Licence\n\nDepth and cameras come from a network whose licence may bind what is made "
        "with it:\n\n" + "".join(f"- {_as_text(licence)}\n" for licence in licences)
    )


def _as_text(value: str) -> str:
    """A value from a file as one line that Markdown and HTML show as it is."""
    return re.sub(r"([\\`*\[\]|#~!])", r"\\\1", html.escape(" ".join(value.split()), quote=False))


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
