"""musubi-tuner's video models with a control video: a folder each, captions beside the targets."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ...building.clips.plan import CLIPS_NAME
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
from ..rows import Member, Reading, TrainerRow, read_text
from ..trainer import Trainer
from .musubi import trained

TASK = "t2v-1.3B-FC"


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`dataset.toml` of each side, and `TRAIN.md`.

    musubi-tuner, "Sample for Video Dataset with Control Images": the control video of
    `video_directory/1.mp4` is `control_directory/1.mp4`, its caption `video_directory/1.txt`.
    Without `source_fps` every frame is taken.
    """
    documents = {}
    for folder, members in by_folder(rows).items():
        side = max(context.resolutions)
        documents[f"{folder}dataset.toml"] = (
            f'[general]\nresolution = [{side}, {side}]\ncaption_extension = ".txt"\n'
            "batch_size = 1\nenable_bucket = true\nbucket_no_upscale = true\n\n[[datasets]]\n"
            f"video_directory = {quoted(context.path(f'{folder}target'))}\n"
            f"control_directory = {quoted(context.path(f'{folder}control'))}\n"
            f"cache_directory = {quoted(context.path(f'{folder}cache'))}\n"
            f"target_frames = {sorted({row.frames for row in members})}\n"
            'frame_extraction = "head"\n'
        )
    documents["TRAIN.md"] = _train_page(context)
    return documents


def _train_page(context: ExportContext) -> str:
    toml = shlex.quote(context.path("dataset.toml"))
    script = "src/musubi_tuner/wan"
    latents = f"python {script}_cache_latents.py --dataset_config {toml} --vae path/to/vae"
    texts = (
        f"python {script}_cache_text_encoder_outputs.py --dataset_config {toml} --t5 path/to/t5 "
        "--batch_size 1"
    )
    train = " \\\n  ".join(
        (
            "accelerate launch --num_cpu_threads_per_process 1 --mixed_precision bf16 "
            f"{script}_train_network.py",
            f"--task {TASK} --dit path/to/dit --vae path/to/vae --t5 path/to/t5",
            f"--dataset_config {toml}",
            "--sdpa --mixed_precision bf16 --fp8_base --gradient_checkpointing",
            "--optimizer_type adamw8bit --learning_rate 2e-4",
            "--timestep_sampling shift --discrete_flow_shift 3.0",
            "--max_data_loader_n_workers 2 --persistent_data_loader_workers",
            "--network_module networks.lora_wan --network_dim 32",
            "--max_train_epochs 16 --save_every_n_epochs 1 --seed 42",
            f"--output_dir output --output_name {context.job_name}",
        )
    )
    return train_page(
        context,
        "In a clone of kohya-ss/musubi-tuner, with weights of Wan2.1 Fun-Control as its "
        "documentation names them:\n\n" + fenced("\n".join((latents, texts, train))),
        f"`{TASK}` stands for the model; `i2v-14B-FC` also takes the first frame, which is the "
        "reference photo here. It takes neither masks nor reference pictures, so the layout has "
        "none; `validation/dataset.toml` is a data set of its own.",
        f"The LoRA lies in `output/{context.job_name}.safetensors`.",
    )


def _read(folder: Path, reading: Reading) -> None:
    """musubi-tuner, `VideoDirectoryDatasource`: control and caption have the video's name."""
    for target in sorted((folder / "target").glob("*.mp4")):
        control = folder / "control" / target.name
        members: dict[str, Member | None] = {"target": target}
        members["splats"] = control if control.is_file() else None
        caption = read_text(target.with_suffix(".txt"))
        reading.rows.append(TrainerRow(f"target/{target.name}", members, caption))


TRAINER = Trainer(
    "musubi-video",
    "musubi-tuner (video)",
    {"target": "target/{number}.{extension}", "splats": "control/{number}.{extension}"},
    _read,
    Consequences(
        missing="musubi-tuner stops while it looks for control videos",
        uncaptioned="musubi-tuner stops where a video has no caption file",
    ),
    _describe,
    trained,
    caption="target/{number}.txt",
    caption_always=True,
    records_name=CLIPS_NAME,
    caches=("cache",),
)
