"""Difix3D+: a folder a picture and one JSON file."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..documents import TRAIN, Documents, ExportContext, ExportedRow, fenced, train_page
from ..findings import Consequences
from ..grids import Size, Trained, whole
from ..rows import Reading, TrainerRow, below, read_json, text_of
from ..trainer import FOLDERS, Trainer, Training

DIFIX_SIZE_WH = (1024, 576)

UPSTREAM = (
    "Difix3D+ as published (nv-tlabs/Difix3D, issue 24) trains on no data at all: src/dataset.py "
    "turns img_t, output_t and ref_t into tensors before they are set (input_img, output_img and "
    "ref_img are meant), and src/train_difix.py shuffles dataset_val.img_names (img_ids is meant); "
    "mend both in the clone, the rows here are as its README asks"
)
"""Said by every validation, because nothing in an export can help it."""


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
    page = train_page(
        context,
        f"{UPSTREAM}.\n\nThen in the clone of nv-tlabs/Difix3D:\n\n" + fenced(_command(context)),
        "The command is the one of its README, with this data set in place of theirs; `test` is "
        "what the split puts into validation, and is what it evaluates on. It reports to wandb; "
        "`WANDB_MODE=offline` does without an account.",
        f"The weights lie in `./outputs/{context.job_name}/`.",
    )
    return {"data.json": json.dumps(data, indent=1) + "\n", "TRAIN.md": page}


def _command(context: ExportContext) -> str:
    parts = {
        "output_dir": f"./outputs/{context.job_name}",
        "dataset_path": context.path("data.json"),
        "max_train_steps": "10000",
        "resolution": "512",
        "learning_rate": "2e-5",
        "train_batch_size": "1",
        "dataloader_num_workers": "8",
        "checkpointing_steps": "1000",
        "eval_freq": "1000",
        "viz_freq": "100",
        "lambda_lpips": "1.0",
        "lambda_l2": "1.0",
        "lambda_gram": "1.0",
        "gram_loss_warmup_steps": "2000",
        "timestep": "199",
        "report_to": "wandb",
        "tracker_project_name": "difix",
        "tracker_run_name": context.job_name,  # its parser requires one
    }
    flags = [f"--{name} {shlex.quote(value)}" for name, value in parts.items()]
    script = "accelerate launch --mixed_precision=bf16 src/train_difix.py"
    return " \\\n  ".join([script, *flags, "--enable_xformers_memory_efficient_attention"])


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


def trained(picture_wh: Size, training: Training) -> Trained:
    """Difix3D+, `PairedDataset`: every picture is stretched to one size."""
    stretched = whole(picture_wh).stretched(DIFIX_SIZE_WH)
    return Trained(stretched, stretched)


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
    trained,
    notes=(UPSTREAM,),
    sides=("",),
    default_prompt="remove degradation",
)
