"""DiffSynth-Studio (ModelScope): numbered triplets, a table and the command that trains."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ...building.outputs import FURTHER_REFERENCES
from ..documents import (
    Documents,
    ExportContext,
    ExportedRow,
    by_folder,
    fenced,
    json_lines,
    train_page,
)
from ..findings import Consequences
from ..grids import Size, Trained, area_size, whole
from ..rows import Reading, TrainerRow, below, dicts, read_json, read_json_lines, text_of
from ..trainer import Trainer, Training

CONTROLS = ("splats", "reference", *FURTHER_REFERENCES)
"""The pictures of a row's list, in order."""

STEP_PX = 16
CONTROL_AREA_PX = 1024**2


class Pipeline(NamedTuple):
    """How DiffSynth-Studio trains a base model; its examples below `model_training/lora`.

    Attributes:
        script: The training script's folder.
        weights: Files of the transformer, the text encoders and the VAE.
        modules: What the LoRA is put on.
        control_key: The column of the table that holds the controls.
        resize_control: `stretch`, `cut` or `none`: how controls come to 1024² pixels.
        flags: Flags besides.
    """

    script: str
    weights: Sequence[str]
    modules: str
    control_key: str = "edit_image"
    resize_control: str = "none"
    flags: Sequence[str] = ()


_QWEN_MODULES = (
    "to_q,to_k,to_v,add_q_proj,add_k_proj,add_v_proj,to_out.0,to_add_out,img_mlp.net.2,img_mod.1,"
    "txt_mlp.net.2,txt_mod.1"
)


def _qwen(version: str, *flags: str) -> Pipeline:
    weights = (
        f"Qwen/Qwen-Image-Edit-{version}:transformer/diffusion_pytorch_model*.safetensors",
        "Qwen/Qwen-Image:text_encoder/model*.safetensors",
        "Qwen/Qwen-Image:vae/diffusion_pytorch_model.safetensors",
    )
    flags = ("--dataset_num_workers 8", "--find_unused_parameters", *flags)
    return Pipeline("qwen_image", weights, _QWEN_MODULES, resize_control="stretch", flags=flags)


def _flux2(name: str, base: str, single_blocks: int, *flags: str) -> Pipeline:
    modules = (
        "to_q,to_k,to_v,to_out.0,add_q_proj,add_k_proj,add_v_proj,to_add_out,linear_in,linear_out,"
        "to_qkv_mlp_proj"
    )
    outs = (f"single_transformer_blocks.{block}.attn.to_out" for block in range(single_blocks))
    repository = "black-forest-labs"
    weights = (
        f"{repository}/{name}:text_encoder/*.safetensors",
        f"{repository}/{base}:transformer/*.safetensors",
        f"{repository}/{name}:vae/diffusion_pytorch_model.safetensors",
    )
    modules = ",".join((modules, *outs))
    return Pipeline("flux2", weights, modules, resize_control="cut", flags=flags)


PIPELINES = {
    "qwen-image-edit-2509": _qwen("2509"),
    "qwen-image-edit-2511": _qwen("2511", "--zero_cond_t"),
    "flux2-dev": _flux2("FLUX.2-dev", "FLUX.2-dev", 48),
    "flux2-klein-4b": _flux2(
        "FLUX.2-klein-4B",
        "FLUX.2-klein-base-4B",
        20,
        "--tokenizer_path black-forest-labs/FLUX.2-klein-4B:tokenizer/",
    ),
    "flux2-klein-9b": _flux2(
        "FLUX.2-klein-9B",
        "FLUX.2-klein-base-9B",
        24,
        "--tokenizer_path black-forest-labs/FLUX.2-klein-9B:tokenizer/",
    ),
    "kontext": Pipeline(
        "flux",
        (
            "black-forest-labs/FLUX.1-Kontext-dev:flux1-kontext-dev.safetensors",
            "black-forest-labs/FLUX.1-dev:text_encoder/model.safetensors",
            "black-forest-labs/FLUX.1-dev:text_encoder_2/*.safetensors",
            "black-forest-labs/FLUX.1-dev:ae.safetensors",
        ),
        "a_to_qkv,b_to_qkv,ff_a.0,ff_a.2,ff_b.0,ff_b.2,a_to_out,b_to_out,proj_out,norm.linear,"
        "norm1_a.linear,norm1_b.linear,to_qkv_mlp",
        "kontext_images",
        flags=("--align_to_opensource_format",),
    ),
}
"""By base model."""


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`metadata.json` and `.jsonl` for DiffSynth-Studio, and `TRAIN.md` with the command.

    DiffSynth-Studio, `UnifiedDataset`: paths are relative to `--dataset_base_path`; a list in
    the column of controls gives several; the `.jsonl` reader stops at a blank line.
    """
    documents = {}
    column = PIPELINES[context.base_model].control_key
    for folder, members in by_folder(rows).items():
        table = [
            {
                "image": row.files["target"],
                column: [row.files[kind] for kind in row.controls],
                "prompt": row.caption,
            }
            for row in members
        ]
        documents[f"{folder}metadata.json"] = json.dumps(table, indent=1) + "\n"
        documents[f"{folder}metadata.jsonl"] = json_lines(table)
    documents["TRAIN.md"] = train_page(
        context,
        "In a clone of modelscope/DiffSynth-Studio:\n\n" + fenced(diffsynth_command(context)),
        "The command is the clone's own example for this model, with this data set in place of "
        "theirs: rank 32, 1e-4, five epochs of fifty repeats; its low-VRAM recipes say how to fit "
        "smaller cards. It has no masks and no validation split: `validation/` is a data "
        "set of its own, to look at afterwards.",
        f"The LoRA lies in `./models/train/{context.job_name}/`.",
    )
    return documents


def diffsynth_command(context: ExportContext) -> str:
    """The command line that trains a LoRA with DiffSynth-Studio, after its own example."""
    pipeline = PIPELINES[context.base_model]
    parts = {
        "dataset_base_path": context.path(""),
        "dataset_metadata_path": context.path("metadata.json"),
        "data_file_keys": f"image,{pipeline.control_key}",
        "extra_inputs": pipeline.control_key,
        "max_pixels": str(max(context.resolutions) ** 2),
        "dataset_repeat": "50",
        "model_id_with_origin_paths": ",".join(pipeline.weights),
        "learning_rate": "1e-4",
        "num_epochs": "5",
        "remove_prefix_in_ckpt": "pipe.dit.",
        "output_path": f"./models/train/{context.job_name}",
        "lora_base_model": "dit",
        "lora_target_modules": pipeline.modules,
        "lora_rank": "32",
    }
    flags = [f"--{name} {shlex.quote(value)}" for name, value in parts.items()]
    flags += ["--use_gradient_checkpointing", *pipeline.flags]
    script = f"accelerate launch examples/{pipeline.script}/model_training/train.py"
    return " \\\n  ".join([script, *flags])


def trained(picture_wh: Size, training: Training) -> Trained:
    """Where pixels of a picture come to lie in DiffSynth-Studio.

    The loader cuts target and controls alike (`ImageCropAndResize`); then the pipeline brings
    controls to 1024² pixels, sides rounded to 32: Qwen-Image stretches, FLUX.2 cuts.
    """
    cut = whole(picture_wh).covered(diffsynth_raster(picture_wh, training.resolution), round, round)
    resize = PIPELINES[training.model].resize_control
    if resize == "none":
        return Trained(cut, cut)
    size_wh = area_size(cut.size_wh, CONTROL_AREA_PX, 32)
    return Trained(
        cut, cut.stretched(size_wh) if resize == "stretch" else cut.covered(size_wh, round, round)
    )


def diffsynth_raster(size_wh: Size, resolution: int) -> Size:
    """Width and height that DiffSynth-Studio's loader cuts each picture to.

    DiffSynth-Studio, `ImageCropAndResize`: shrink to `max_pixels`, then down to multiples of 16.
    """
    scale = max(1.0, math.sqrt(size_wh[0] * size_wh[1] / resolution**2))
    width, height = (int(side / scale) // STEP_PX * STEP_PX for side in size_wh)
    return width, height


def _read(folder: Path, reading: Reading) -> None:
    """DiffSynth-Studio, `UnifiedDataset`: paths of `metadata.json` below the base path."""
    table = read_json(folder / "metadata.json", reading)
    lines = read_json_lines(folder / "metadata.jsonl", reading)
    if table is not None and table != lines:
        reading.faults.append(f"{folder / 'metadata.jsonl'}: says otherwise than metadata.json")
    for row in dicts(table):
        edits = row.get("edit_image", row.get("kontext_images"))
        several = edits if isinstance(edits, list) and len(edits) > 1 else (None, None)
        named = {"target": row.get("image"), **dict(zip(CONTROLS, several, strict=False))}
        members = {kind: below(folder, name) for kind, name in named.items()}
        reading.rows.append(TrainerRow(str(row.get("image")), members, text_of(row.get("prompt"))))


TRAINER = Trainer(
    "modelscope",
    "DiffSynth-Studio",
    {
        "splats": "{number}_start_1.{extension}",
        "reference": "{number}_start_2.{extension}",
        **{kind: f"{{number}}_start_{n}.{{extension}}" for n, kind in enumerate(CONTROLS[2:], 3)},
        "target": "{number}_end.{extension}",
    },
    _read,
    Consequences(
        missing="DiffSynth-Studio stops with FileNotFoundError when the row comes up",
        rotated="DiffSynth-Studio ignores EXIF and trains on it lying on its side",
    ),
    _describe,
    trained,
    caption="{number}.txt",
    command=diffsynth_command,
    models=tuple(PIPELINES),
)
