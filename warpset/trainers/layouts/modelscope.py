"""DiffSynth-Studio (ModelScope): numbered triplets, a table and the command that trains."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from pathlib import Path

from ..documents import Documents, ExportContext, ExportedRow, by_folder, fenced, json_lines
from ..findings import Consequences, Findings
from ..grids import by, lost_share
from ..rows import Reading, TrainerRow, below, dicts, read_json, read_json_lines, text_of
from ..trainer import SizeGroup, Trainer

DIFFSYNTH_STEP_PX = 16


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`metadata.json` and `.jsonl` for DiffSynth-Studio, and `TRAIN.md` with the command.

    DiffSynth-Studio, `UnifiedDataset`: paths are relative to `--dataset_base_path`; a list in
    `edit_image` gives several; the `.jsonl` reader stops at a blank line.
    """
    documents = {}
    for folder, members in by_folder(rows).items():
        table = [
            {
                "image": row.files["target"],
                "edit_image": [row.files["splats"], row.files["reference"]],
                "prompt": row.caption,
            }
            for row in members
        ]
        documents[f"{folder}metadata.json"] = json.dumps(table, indent=1) + "\n"
        documents[f"{folder}metadata.jsonl"] = json_lines(table)
    command = diffsynth_command(context)
    documents["TRAIN.md"] = (
        "# Train on this dataset\n\nIn a clone of DiffSynth-Studio:\n\n" + fenced(command)
    )
    return documents


def diffsynth_command(context: ExportContext) -> str:
    """The command line that trains a LoRA of Qwen-Image-Edit-2509 with DiffSynth-Studio.

    After `examples/qwen_image/model_training/lora/Qwen-Image-Edit-2509.sh` there.
    """
    model = "Qwen/Qwen-Image"
    parts = {
        "dataset_base_path": context.path(""),
        "dataset_metadata_path": context.path("metadata.json"),
        "data_file_keys": "image,edit_image",
        "extra_inputs": "edit_image",
        "max_pixels": str(max(context.resolutions) ** 2),
        "dataset_repeat": "50",
        "model_id_with_origin_paths": ",".join(
            (
                f"{model}-Edit-2509:transformer/diffusion_pytorch_model*.safetensors",
                f"{model}:text_encoder/model*.safetensors",
                f"{model}:vae/diffusion_pytorch_model.safetensors",
            )
        ),
        "learning_rate": "1e-4",
        "num_epochs": "5",
        "remove_prefix_in_ckpt": "pipe.dit.",
        "output_path": f"./models/train/{context.job_name}",
        "lora_base_model": "dit",
        "lora_target_modules": "to_q,to_k,to_v,add_q_proj,add_k_proj,add_v_proj,to_out.0,"
        "to_add_out,img_mlp.net.2,img_mod.1,txt_mlp.net.2,txt_mod.1",
        "lora_rank": "32",
    }
    flags = [f"--{name} {shlex.quote(value)}" for name, value in parts.items()]
    flags += ["--use_gradient_checkpointing", "--find_unused_parameters"]
    script = "accelerate launch examples/qwen_image/model_training/train.py"
    return " \\\n  ".join([script, *flags])


def diffsynth_raster(size_wh: tuple[int, int], resolution: int) -> tuple[int, int]:
    """Width and height that DiffSynth-Studio cuts each picture to.

    DiffSynth-Studio, `ImageCropAndResize`: shrink to `max_pixels`, then down to multiples of 16.
    """
    scale = max(1.0, math.sqrt(size_wh[0] * size_wh[1] / resolution**2))
    width, height = (int(side / scale) // DIFFSYNTH_STEP_PX * DIFFSYNTH_STEP_PX for side in size_wh)
    return width, height


def _read(folder: Path, reading: Reading) -> None:
    """DiffSynth-Studio, `UnifiedDataset`: paths of `metadata.json` below the base path."""
    table = read_json(folder / "metadata.json", reading)
    lines = read_json_lines(folder / "metadata.jsonl", reading)
    if table is not None and table != lines:
        reading.faults.append(f"{folder / 'metadata.jsonl'}: says otherwise than metadata.json")
    for row in dicts(table):
        edits = row.get("edit_image")
        splats, reference = edits if isinstance(edits, list) and len(edits) == 2 else (None, None)
        named = {"target": row.get("image"), "splats": splats, "reference": reference}
        members = {kind: below(folder, name) for kind, name in named.items()}
        reading.rows.append(TrainerRow(str(row.get("image")), members, text_of(row.get("prompt"))))


def _judge_size(group: SizeGroup, findings: Findings) -> None:
    raster_wh = diffsynth_raster(group.size_wh, group.resolution)
    if lost := lost_share(group.size_wh, raster_wh):
        findings.notes.append(
            f"{group.pairs}: DiffSynth-Studio at resolution {group.resolution} crops "
            f"{by(group.size_wh)} to {by(raster_wh)} ({lost}), target and controls alike"
        )


TRAINER = Trainer(
    "modelscope",
    "DiffSynth-Studio",
    {
        "splats": "{number}_start_1.{extension}",
        "reference": "{number}_start_2.{extension}",
        "target": "{number}_end.{extension}",
    },
    _read,
    Consequences(
        missing="DiffSynth-Studio stops with FileNotFoundError when the row comes up",
        rotated="DiffSynth-Studio ignores EXIF and trains on it lying on its side",
    ),
    _describe,
    _judge_size,
    caption="{number}.txt",
    command=diffsynth_command,
)
