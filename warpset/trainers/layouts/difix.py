"""Difix3D+: a folder a picture and one JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..documents import TRAIN, Documents, ExportContext, ExportedRow
from ..findings import Consequences, Findings
from ..grids import by
from ..rows import Reading, TrainerRow, below, read_json, text_of
from ..trainer import FOLDERS, SizeGroup, Trainer

DIFIX_SIZE_WH = (1024, 576)


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`data.json` for Difix3D+: `train` and `test`, each by an id of its own.

    Difix3D+, README, "Training", and `PairedDataset`: paths are opened as they stand.
    """
    data: dict[str, dict[str, Any]] = {"train": {}, "test": {}}
    for row in rows:
        data["train" if row.split == TRAIN else "test"][f"{row.scene}/{row.name}"] = {
            "image": context.path(row.place("splats")),
            "target_image": context.path(row.place("target")),
            "ref_image": context.path(row.place("reference")),
            "prompt": row.caption,
        }
    return {"data.json": json.dumps(data, indent=1) + "\n"}


def _read(folder: Path, reading: Reading) -> None:
    """Difix3D+, `PairedDataset`: one JSON file, a split, an id, three paths and a prompt."""
    data = read_json(folder / "data.json", reading)
    keys = {"target": "target_image", "splats": "image", "reference": "ref_image"}
    for split in ("train", "test"):
        rows = data.get(split) if isinstance(data, dict) else None
        for name, row in rows.items() if isinstance(rows, dict) else ():
            if isinstance(row, dict):
                members = {kind: below(folder, row.get(key)) for kind, key in keys.items()}
                reading.rows.append(TrainerRow(name, members, text_of(row.get("prompt"))))


def _judge_size(group: SizeGroup, findings: Findings) -> None:
    (width, height), (wide, high) = group.size_wh, DIFIX_SIZE_WH
    line = (
        f"{group.pairs}: Difix3D+ stretches {by(group.size_wh)} to {by(DIFIX_SIZE_WH)}, all alike"
    )
    if width * high != height * wide and line not in findings.notes:
        findings.notes.append(line)


TRAINER = Trainer(
    "difix",
    "Difix3D+",
    FOLDERS,
    _read,
    Consequences(
        missing="Difix3D+ says 'Error loading image' and takes the next pair, or stops",
        rotated="Difix3D+ ignores EXIF and trains on it lying on its side",
    ),
    _describe,
    _judge_size,
    sides=("",),
    default_prompt="remove degradation",
)
