"""sd-scripts: targets with captions, and splats as the condition of a ControlNet."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ..documents import (
    Documents,
    ExportContext,
    ExportedRow,
    by_folder,
    fenced,
    quoted,
    train_page,
)
from ..findings import Consequences
from ..rows import Reading, read_folders
from ..trainer import FOLDERS, Trainer


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`dataset.toml` a side after "ControlNet-LLLite", and `TRAIN.md`.

    sd-scripts knows one condition, `conditioning_data_dir`, and trains it as a ControlNet of SDXL;
    the reference lies beside for whoever extends it.
    """
    side = max(context.resolutions)
    documents = {
        f"{folder}dataset.toml": (
            f"[general]\nresolution = {side}\nenable_bucket = true\nbucket_no_upscale = true\n"
            'bucket_reso_steps = 32\ncaption_extension = ".txt"\n\n'
            "[[datasets]]\nbatch_size = 1\n\n  [[datasets.subsets]]\n"
            f"  image_dir = {quoted(context.path(f'{folder}target'))}\n"
            f"  conditioning_data_dir = {quoted(context.path(f'{folder}splats'))}\n"
            "  num_repeats = 1\n"
        )
        for folder in by_folder(rows)
    }
    command = " \\\n  ".join(
        (
            "accelerate launch --mixed_precision bf16 sdxl_train_control_net_lllite.py",
            "--pretrained_model_name_or_path path/to/sdxl.safetensors",
            f"--dataset_config {shlex.quote(context.path('dataset.toml'))}",
            "--cond_emb_dim 32 --network_dim 64 --learning_rate 2e-4 --max_train_epochs 16",
            "--gradient_checkpointing --cache_latents --full_bf16",
            f"--output_dir output --output_name {context.job_name}",
        )
    )
    documents["TRAIN.md"] = train_page(
        context,
        "In a clone of kohya-ss/sd-scripts:\n\n" + fenced(command),
        "Its documentation confirms 24 GB. What comes out is a ControlNet-LLLite, not a LoRA: it "
        "is fed the splats; the reference picture is not used.",
        f"It lies in `output/{context.job_name}.safetensors`.",
    )
    return documents


def _read(folder: Path, reading: Reading) -> None:
    """sd-scripts, `ControlNetDataset`: conditions by the target's stem."""
    read_folders(folder, ("splats", "reference"), reading)


TRAINER = Trainer(
    "sd-scripts",
    "sd-scripts",
    FOLDERS,
    _read,
    Consequences(missing="sd-scripts stops: missing conditioning data for images"),
    _describe,
    caption="target/{number}.txt",
    caption_always=True,
    caches=("*.npz", "metadata_cache.json"),
)
