"""The configuration that AI Toolkit is run with; it knows rows by their file names."""

from __future__ import annotations

import json
from collections.abc import Sequence

from .layout_documents import TRAIN, VALIDATION, Documents, ExportContext, ExportedRow, quoted

SAMPLES = 3
"""How many pairs are shown during training."""


def describe_aitoolkit(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`config.yaml` for AI Toolkit, as its `DatasetConfig` and `SampleItem` name the fields."""
    train = [row for row in rows if row.split == TRAIN]
    shown = [row for row in rows if row.split == VALIDATION] or train
    with_masks = bool(train) and "mask" in train[0].files
    masks = [f"          mask_path: {quoted(context.path('mask'))}"] if with_masks else []
    masks += ["          mask_min_value: 0.5  # weight of what is no hole"] if with_masks else []
    samples = []
    for row in shown[:SAMPLES]:
        samples += [
            f"            - prompt: {quoted(_sample_prompt(row.caption))}",
            f"              ctrl_img_1: {quoted(context.path(row.place('splats')))}",
            f"              ctrl_img_2: {quoted(context.path(row.place('reference')))}",
            f"              width: {row.size_wh[0]}",
            f"              height: {row.size_wh[1]}",
        ]
    config = _AITOOLKIT_CONFIG.format(
        target=quoted(context.path("target")),
        control1=quoted(context.path("control1")),
        control2=quoted(context.path("control2")),
        masks="".join(f"{line}\n" for line in masks),
        caption=quoted(context.default_prompt),
        resolutions=json.dumps(list(context.resolutions)),
        side=max(context.resolutions),
        samples="\n".join(samples),
        name=quoted(context.job_name),
    )
    return {"config.yaml": config}


def _sample_prompt(caption: str) -> str:
    """A caption as the prompt of a sample, where AI Toolkit takes what follows -- for flags."""
    return caption.replace("--", "- -")


_AITOOLKIT_CONFIG = """\
# Run in a clone of AI Toolkit: python run.py <this file>
job: extension
config:
  name: {name}
  process:
    - type: "diffusion_trainer"
      training_folder: "output"
      device: "cuda"
      network:
        type: "lora"
        linear: 32
        linear_alpha: 32
      save:
        dtype: "bf16"
        save_every: 250
        max_step_saves_to_keep: 4
      datasets:
        - folder_path: {target}
          control_path_1: {control1}
          control_path_2: {control2}
{masks}          caption_ext: "txt"
          default_caption: {caption}
          caption_dropout_rate: 0.0
          resolution: {resolutions}
          flip_x: false  # mirrored, left and right in captions would be untrue
          flip_y: false
      train:
        batch_size: 1
        steps: 3000
        gradient_accumulation: 1
        train_unet: true
        train_text_encoder: false
        gradient_checkpointing: true
        noise_scheduler: "flowmatch"
        optimizer: "adamw8bit"
        lr: 0.0001
        dtype: "bf16"
      model:
        name_or_path: "Qwen/Qwen-Image-Edit-2509"
        arch: "qwen_image_edit_plus"
        quantize: true
        quantize_te: true
        low_vram: true
      sample:
        sampler: "flowmatch"
        sample_every: 250
        neg: ""  # without one the first sample stops the run
        width: {side}
        height: {side}
        guidance_scale: 4
        sample_steps: 25
        seed: 42
        samples:
{samples}
meta:
  name: "[name]"
  version: "1.0"
"""
