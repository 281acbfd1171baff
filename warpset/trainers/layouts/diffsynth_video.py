"""DiffSynth-Studio's video models: clips, a table with a column a role, commands that train."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...building.clips.plan import CLIPS_NAME
from ..documents import Documents, ExportContext, ExportedRow, by_folder, fenced, train_page
from ..findings import Consequences
from ..grids import Size, Trained, whole
from ..rows import Reading, TrainerRow, below, dicts, read_json, text_of
from ..trainer import Trainer, Training
from .modelscope import diffsynth_raster

COLUMNS = {
    "video": "target",
    "vace_video": "splats",
    "vace_video_mask": "mask",
    "vace_reference_image": "reference",
    "control_video": "splats",
    "reference_image": "reference",
}
"""What the table calls each kind of file.

DiffSynth-Studio, `examples/wanvideo/model_training/train.py`: Wan's VACE models take the three
that say so, Fun-Control models the last two; white in the mask is what VACE shall make.
"""


class Model(NamedTuple):
    """How DiffSynth-Studio trains a video model; its examples below `model_training/lora`.

    Attributes:
        inputs: Columns besides `video`.
        part: What the LoRA is put on.
        weights: Files of the model.
    """

    inputs: str
    part: str
    weights: Sequence[str]


_TEXT_AND_VAE = ("models_t5_umt5-xxl-enc-bf16.pth", "Wan2.1_VAE.pth")
_WEIGHTS = ("diffusion_pytorch_model*.safetensors", *_TEXT_AND_VAE)
_CLIP = "models_clip_open-clip-xlm-roberta-large-vit-huge-14.pth"

MODELS = (
    Model(
        "vace_video,vace_video_mask,vace_reference_image",
        "vace",
        [f"Wan-AI/Wan2.1-VACE-1.3B:{name}" for name in _WEIGHTS],
    ),
    Model(
        "control_video,reference_image",
        "dit",
        [f"PAI/Wan2.1-Fun-V1.1-1.3B-Control:{name}" for name in (*_WEIGHTS, _CLIP)],
    ),
)


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`metadata.json` of each side, and `TRAIN.md` with a command a model.

    DiffSynth-Studio, `UnifiedDataset`: paths are relative to `--dataset_base_path`; a picture in a
    column of `--data_file_keys` becomes a list of one.
    """
    documents = {}
    for folder, members in by_folder(rows).items():
        table = [
            {column: row.files[kind] for column, kind in COLUMNS.items()} | {"prompt": row.caption}
            for row in members
        ]
        documents[f"{folder}metadata.json"] = json.dumps(table, indent=1) + "\n"
    frames = max(row.frames for row in rows)
    commands = "\n".join(fenced(_command(context, frames, model)) for model in MODELS)
    documents["TRAIN.md"] = train_page(
        context,
        f"In a clone of modelscope/DiffSynth-Studio, for VACE or for Fun-Control:\n\n{commands}",
        f"Clips of up to {frames} frames, cut to the area of {max(context.resolutions)} by "
        f"{max(context.resolutions)} pixels; the clone's own examples train at 832x480. It has no "
        "validation split: `validation/` is a data set of its own.",
        f"The LoRA lies in `./models/train/{context.job_name}/`.",
    )
    return documents


def _command(context: ExportContext, frames: int, model: Model) -> str:
    """The command line that trains a LoRA of one model, after DiffSynth-Studio's own example."""
    parts = {
        "dataset_base_path": context.path(""),
        "dataset_metadata_path": context.path("metadata.json"),
        "data_file_keys": f"video,{model.inputs}",
        "extra_inputs": model.inputs,
        "max_pixels": str(max(context.resolutions) ** 2),
        "num_frames": str(frames),
        "dataset_repeat": "100",
        "model_id_with_origin_paths": ",".join(model.weights),
        "learning_rate": "1e-4",
        "num_epochs": "5",
        "remove_prefix_in_ckpt": f"pipe.{model.part}.",
        "output_path": f"./models/train/{context.job_name}",
        "lora_base_model": model.part,
        "lora_target_modules": "q,k,v,o,ffn.0,ffn.2",
        "lora_rank": "32",
    }
    flags = [f"--{name} {shlex.quote(value)}" for name, value in parts.items()]
    script = "accelerate launch examples/wanvideo/model_training/train.py"
    return " \\\n  ".join([script, *flags, "--use_gradient_checkpointing_offload"])


def trained(size_wh: Size, training: Training) -> Trained:
    """Where pixels come to lie: every frame, mask and reference is cut alike."""
    raster = diffsynth_raster(size_wh, training.resolution)
    cut = whole(size_wh).covered(raster, round, round)
    return Trained(cut, cut)


def _read(folder: Path, reading: Reading) -> None:
    """DiffSynth-Studio, `UnifiedDataset`: paths of `metadata.json` below the base path."""
    for row in dicts(read_json(folder / "metadata.json", reading)):
        members = {kind: below(folder, row.get(column)) for column, kind in COLUMNS.items()}
        reading.rows.append(TrainerRow(str(row.get("video")), members, text_of(row.get("prompt"))))


TRAINER = Trainer(
    "diffsynth-video",
    "DiffSynth-Studio (video)",
    {
        "target": "{number}_video.{extension}",
        "splats": "{number}_splats.{extension}",
        "mask": "{number}_mask.{extension}",
        "reference": "{number}_reference.{extension}",
    },
    _read,
    Consequences(missing="DiffSynth-Studio stops with FileNotFoundError when the row comes up"),
    _describe,
    trained,
    records_name=CLIPS_NAME,
)
