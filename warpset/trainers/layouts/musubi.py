"""musubi-tuner: a folder a picture, JSON lines and a data set configuration."""

from __future__ import annotations

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
    quoted,
    train_page,
)
from ..findings import Consequences
from ..grids import Size, Trained, whole
from ..rows import Reading, read_table
from ..trainer import FOLDERS, FURTHER_FOLDERS, Trainer, Training

MUSUBI_STEP_PX = 16


class Model(NamedTuple):
    """How musubi-tuner trains a base model.

    Attributes:
        name: Its scripts' names start with this.
        version: What `--model_version` says; empty where there is one version.
        network: The module of the LoRA.
        timesteps: What `--timestep_sampling` says.
        rate: Learning rate of its example.
        rank: Rank of its example.
        weights: Flags that name weights.
    """

    name: str
    version: str
    network: str
    timesteps: str
    rate: str
    rank: int
    weights: Sequence[str] = ("dit", "vae", "text_encoder")


def _qwen(version: str) -> Model:
    timesteps = "shift --discrete_flow_shift 2.2"
    return Model("qwen_image", version, "lora_qwen_image", timesteps, "5e-5", 16)


def _flux2(version: str) -> Model:
    return Model("flux_2", version, "lora_flux_2", "flux2_shift", "1e-4", 32)


MODELS = {
    "qwen-image-edit-2509": _qwen("edit-2509"),
    "qwen-image-edit-2511": _qwen("edit-2511"),
    "flux2-dev": _flux2("dev"),
    "flux2-klein-4b": _flux2("klein-base-4b"),
    "flux2-klein-9b": _flux2("klein-base-9b"),
}
"""By base model. FLUX.1 Kontext takes one control there and is left out."""


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`metadata.jsonl` and `dataset.toml` for musubi-tuner.

    musubi-tuner, "Dataset Configuration": numbered `control_path_0`, `control_path_1`; a cache
    folder of its own is required. Without `control_resolution` controls are cut to the target's
    bucket, with it to one of their own, where the warp no longer lines up. Relative paths are
    looked for in the working folder first, so these are absolute.
    """
    documents = {}
    for folder, members in by_folder(rows).items():
        documents[f"{folder}metadata.jsonl"] = json_lines(
            {
                "image_path": context.path(row.place("target")),
                **{
                    f"control_path_{number}": context.path(row.place(kind))
                    for number, kind in enumerate(row.controls)
                },
                "caption": row.caption,
            }
            for row in members
        )
        side = max(context.resolutions)
        documents[f"{folder}dataset.toml"] = (
            f"[general]\nresolution = [{side}, {side}]\nbatch_size = 1\n"
            "enable_bucket = true\nbucket_no_upscale = true\n\n[[datasets]]\n"
            f"image_jsonl_file = {quoted(context.path(f'{folder}metadata.jsonl'))}\n"
            f"cache_directory = {quoted(context.path(f'{folder}cache'))}\n"
        )
    documents["TRAIN.md"] = _train_page(context)
    return documents


def _train_page(context: ExportContext) -> str:
    model = MODELS[context.base_model]
    version = f"--model_version {model.version}"
    toml = shlex.quote(context.path("dataset.toml"))
    script = f"src/musubi_tuner/{model.name}"
    weights = {flag: f"--{flag} path/to/{flag}" for flag in model.weights}
    latents = f"python {script}_cache_latents.py --dataset_config {toml} {weights['vae']} {version}"
    texts = (
        f"python {script}_cache_text_encoder_outputs.py --dataset_config {toml} "
        f"{weights['text_encoder']} {version} --batch_size 1"
    )
    train = " \\\n  ".join(
        (
            "accelerate launch --num_cpu_threads_per_process 1 --mixed_precision bf16 "
            f"{script}_train_network.py",
            version,
            *weights.values(),
            f"--dataset_config {toml}",
            "--sdpa --mixed_precision bf16",
            f"--timestep_sampling {model.timesteps} --weighting_scheme none",
            f"--optimizer_type adamw8bit --learning_rate {model.rate} --gradient_checkpointing",
            "--max_data_loader_n_workers 2 --persistent_data_loader_workers",
            f"--network_module networks.{model.network} --network_dim {model.rank}",
            "--max_train_epochs 16 --save_every_n_epochs 1 --seed 42",
            f"--output_dir output --output_name {context.job_name}",
        )
    )
    return train_page(
        context,
        "In a clone of kohya-ss/musubi-tuner, with weights as its documentation names them:\n\n"
        + fenced("\n".join((latents, texts, train))),
        f"Rank {model.rank} at {model.rate} over 16 epochs is its own example; `--fp8_base "
        "--fp8_scaled` and `--blocks_to_swap` bring memory down, for "
        "Qwen-Image from 42 GB to 12 GB by its own table. It has neither masks nor a "
        "validation split for these models: `validation/dataset.toml` is a data set of its own.",
        f"The LoRA lies in `output/{context.job_name}.safetensors`.",
    )


def trained(picture_wh: Size, training: Training) -> Trained:
    """Where pixels of a picture come to lie in musubi-tuner: target and controls alike.

    musubi-tuner, `resize_image_to_bucket`: scaled to cover the bucket, sides rounded half up.
    """
    bucket_wh = musubi_bucket(picture_wh, training.resolution)
    cut = whole(picture_wh).covered(bucket_wh, lambda side: int(side + 0.5), math.floor)
    return Trained(cut, cut)


def musubi_bucket(size_wh: Size, resolution: int) -> Size:
    """Width and height that musubi-tuner cuts each picture to, with `bucket_no_upscale`.

    musubi-tuner, `BucketSelector`: up to resolution² pixels both sides go down to multiples of 16;
    above, the bucket of that area with the nearest proportions is taken.
    """
    width, height = size_wh
    if width * height <= resolution**2:
        return width // MUSUBI_STEP_PX * MUSUBI_STEP_PX, height // MUSUBI_STEP_PX * MUSUBI_STEP_PX
    least = resolution // 2 // MUSUBI_STEP_PX * MUSUBI_STEP_PX
    sides = range(least, resolution + MUSUBI_STEP_PX, MUSUBI_STEP_PX)
    shapes = [(side, resolution**2 // side // MUSUBI_STEP_PX * MUSUBI_STEP_PX) for side in sides]
    buckets = sorted({*shapes, *((height, width) for width, height in shapes)})
    return min(buckets, key=lambda wh: abs(wh[0] / wh[1] - width / height))


def _read(folder: Path, reading: Reading) -> None:
    """musubi-tuner, "Dataset Configuration": numbered control paths in a JSON line."""
    controls = enumerate(("splats", "reference", *FURTHER_REFERENCES))
    keys = {"target": "image_path"} | {kind: f"control_path_{n}" for n, kind in controls}
    read_table(folder, "metadata.jsonl", keys, "caption", reading)


TRAINER = Trainer(
    "musubi",
    "musubi-tuner",
    {**FOLDERS, **FURTHER_FOLDERS},
    _read,
    Consequences(missing="musubi-tuner stops while it caches latents"),
    _describe,
    trained,
    models=tuple(MODELS),
    caches=("cache",),
)
