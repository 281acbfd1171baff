"""SimpleTuner: a data set a picture, and the settings that show the model both controls."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..documents import Documents, ExportContext, ExportedRow, by_folder, fenced
from ..findings import Consequences
from ..rows import Member, Reading, TrainerRow, below, pictures_in, read_text
from ..trainer import FOLDERS, Trainer


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`multidatabackend.json` for SimpleTuner, and `TRAIN.md` with the settings it wants besides.

    SimpleTuner, "Dataloader configuration file" and "Qwen Image Edit Quickstart": one conditioning
    dataset a control, same file names, `reference_strict` for crops that match the target's. Of
    several conditioning datasets it takes one at random unless it is told to combine them.
    """
    documents = {
        f"{folder}multidatabackend.json": json.dumps(
            _simpletuner_backends(folder, members[0].split, context), indent=2
        )
        + "\n"
        for folder, members in by_folder(rows).items()
    }
    command = simpletuner_command(context)
    documents["TRAIN.md"] = (
        "# Train on this dataset\n\nIn a clone of SimpleTuner, beside the settings of its Qwen "
        "Image Edit Quickstart:\n\n" + fenced(command)
    )
    return documents


def simpletuner_command(context: ExportContext) -> str:
    """The flags of SimpleTuner that hang on this data set: both controls at once, for edit-v2."""
    parts = {
        "model_family": "qwen_image",
        "model_flavour": "edit-v2",
        "data_backend_config": context.path("multidatabackend.json"),
        "conditioning_multidataset_sampling": "combined",
        "output_dir": f"output/{context.job_name}",
    }
    flags = [f"--{name} {shlex.quote(value)}" for name, value in parts.items()]
    return " \\\n  ".join(["simpletuner train", *flags])


def _simpletuner_backends(folder: str, split: str, context: ExportContext) -> list[dict[str, Any]]:
    def pictures(kind: str, **settings: object) -> dict[str, Any]:
        return {
            "id": f"{split}-{kind}",
            "type": "local",
            **settings,
            "instance_data_dir": context.path(f"{folder}{kind}"),
            "cache_dir_vae": context.path(f"{folder}cache/{kind}"),
            "resolution": max(context.resolutions),
            "resolution_type": "pixel_area",
            "crop": False,
        }

    control = {
        "dataset_type": "conditioning",
        "caption_strategy": None,
        "conditioning_type": "reference_strict",
        "source_dataset_id": f"{split}-target",
    }
    captions = {
        "id": f"{split}-captions",
        "type": "local",
        "dataset_type": "text_embeds",
        "default": True,
        "cache_dir": context.path(f"{folder}cache/captions"),
    }
    conditioning = [f"{split}-splats", f"{split}-reference"]
    return [
        pictures(
            "target",
            dataset_type="image",
            caption_strategy="textfile",
            conditioning_data=conditioning,
        ),
        pictures("splats", **control),
        pictures("reference", **control),
        captions,
    ]


def _read(folder: Path, reading: Reading) -> None:
    """SimpleTuner, "Qwen Image Edit Quickstart": the very same file name in each dataset."""
    for target in pictures_in(folder / "target"):
        members: dict[str, Member | None] = {"target": target}
        for kind in ("splats", "reference"):
            members[kind] = below(folder / kind, target.name)
        caption = read_text(target.with_suffix(".txt"))
        reading.rows.append(TrainerRow(f"target/{target.name}", members, caption))


TRAINER = Trainer(
    "simpletuner",
    "SimpleTuner",
    FOLDERS,
    _read,
    Consequences(missing="SimpleTuner stops: control tensors do not match the batch size"),
    _describe,
    caption="target/{number}.txt",
    caption_always=True,
    caches=("cache",),
)
