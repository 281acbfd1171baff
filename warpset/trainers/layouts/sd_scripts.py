"""sd-scripts: targets with captions, and splats as the condition of a ControlNet."""

from __future__ import annotations

import math
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
from ..grids import Size, Trained, whole
from ..rows import Reading, read_folders
from ..trainer import FOLDERS, Trainer, Training

STEP_PX = 32
"""Sides of buckets are multiples of this; SDXL takes no less."""


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`dataset.toml` a side after "ControlNet-LLLite", and `TRAIN.md`.

    sd-scripts knows one condition, `conditioning_data_dir`, and trains it as a ControlNet of SDXL;
    the reference lies beside for whoever extends it. It stops where `max_bucket_reso`, 1024 if not
    given, is below the resolution, although it uses the first of them alone here.
    """
    side = max(context.resolutions)
    documents = {
        f"{folder}dataset.toml": (
            f"[general]\nresolution = {side}\nenable_bucket = true\nbucket_no_upscale = true\n"
            f"max_bucket_reso = {side}\n"
            f'bucket_reso_steps = {STEP_PX}\ncaption_extension = ".txt"\n\n'
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


def trained(picture_wh: Size, training: Training) -> Trained:
    """Where pixels of a picture come to lie in sd-scripts: targets are cut, conditions are not.

    sd-scripts, `BucketManager.select_bucket` with `bucket_no_upscale`: above resolution² pixels the
    target is scaled so that one side is a multiple of the step, and what sticks out of multiples of
    it is cut off. `ControlNetDataset` brings the whole condition to that size.
    """
    scaled_wh = _scaled(picture_wh, training.resolution)
    bucket_wh = _steps(scaled_wh[0]), _steps(scaled_wh[1])
    target = whole(picture_wh).stretched(scaled_wh).cropped(bucket_wh)
    return Trained(target, whole(picture_wh).stretched(bucket_wh))


def _scaled(picture_wh: Size, resolution: int) -> Size:
    """What a target is scaled to: a whole number of steps on the side where that fits better."""
    ratio = picture_wh[0] / picture_wh[1]
    if picture_wh[0] * picture_wh[1] <= resolution**2:
        return picture_wh
    width = math.sqrt(resolution**2 * ratio)
    by_width = _steps(width + 0.5)
    by_height = _steps(resolution**2 / width + 0.5)
    ratio_by_width = by_width / _steps(by_width / ratio + 0.5)
    ratio_by_height = _steps(by_height * ratio + 0.5) / by_height
    if abs(ratio_by_width - ratio) < abs(ratio_by_height - ratio):
        return by_width, int(by_width / ratio + 0.5)
    return int(by_height * ratio + 0.5), by_height


def _steps(side: float) -> int:
    return int(side) // STEP_PX * STEP_PX


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
    trained,
    caption="target/{number}.txt",
    caption_always=True,
    caches=("*.npz", "metadata_cache.json"),
)
