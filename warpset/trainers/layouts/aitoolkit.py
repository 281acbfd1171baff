"""AI Toolkit: control folders, targets, captions and a configuration to run."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from pathlib import Path

from ..documents import TRAIN, VALIDATION, Documents, ExportContext, ExportedRow, quoted
from ..findings import Consequences, Findings
from ..grids import by, lost_share
from ..rows import CONTROL_EXTENSIONS, Member, Reading, TrainerRow, pictures_in, read_text
from ..trainer import MASK_FOLDER, SizeGroup, Trainer

AITOOLKIT_STEPS_PX = {"Qwen-Image-Edit-2509": 32, "FLUX.2": 16}
"""Models whose controls AI Toolkit leaves whole while it crops the target, and their bucket step.

AI Toolkit: `use_raw_control_images` and `get_bucket_divisibility` of the model.
"""


SAMPLES = 3
"""How many pairs are shown during training."""


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
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


def aitoolkit_bucket(size_wh: tuple[int, int], resolution: int, step_px: int) -> tuple[int, int]:
    """Width and height that AI Toolkit cuts a target to.

    AI Toolkit, `toolkit/buckets.py`: shrink to at most resolution² pixels, never enlarge; of the
    four roundings of both sides to steps, take the one nearest to that area, not above resolution².
    """
    most = resolution**2
    area = min(size_wh[0] * size_wh[1], most)
    scale = math.sqrt(area / (size_wh[0] * size_wh[1]))
    widths, heights = (
        [rounded(side * scale / step_px) * step_px for rounded in (math.floor, math.ceil)]
        for side in size_wh
    )
    roundings = [wh for wh in itertools.product(widths, heights) if 0 < wh[0] * wh[1] <= most]
    smallest = (max(widths[0], step_px), max(heights[0], step_px))
    return min(roundings, key=lambda wh: abs(wh[0] * wh[1] - area), default=smallest)


def _read(folder: Path, reading: Reading) -> None:
    """AI Toolkit, `AiToolkitDataset`: targets in any case, the rest by the target's stem."""
    default = _default_caption(folder)
    folders = {"splats": folder / "control1", "reference": folder / "control2"}
    if (folder / "mask").is_dir():
        folders["mask"] = folder / "mask"
    names = {kind: {path.name for path in pictures_in(place)} for kind, place in folders.items()}
    for target in pictures_in(folder / "target"):
        members: dict[str, Member | None] = {"target": target}
        for kind, place in folders.items():
            tried = (f"{target.stem}{extension}" for extension in CONTROL_EXTENSIONS)
            found = next((name for name in tried if name in names[kind]), None)
            members[kind] = place / found if found else None
        caption = read_text(target.with_suffix(".txt"))
        reading.rows.append(
            TrainerRow(f"target/{target.name}", members, default if caption is None else caption)
        )


def _default_caption(folder: Path) -> str | None:
    config = folder / "config.yaml"
    if not config.is_file():
        config = folder.parent / "config.yaml"
    for line in (read_text(config) or "").splitlines():
        key, _, value = line.strip().partition(": ")
        if key == "default_caption":
            return value.strip('"')
    return None


def _judge_size(group: SizeGroup, findings: Findings) -> None:
    for model, step_px in AITOOLKIT_STEPS_PX.items():
        bucket_wh = aitoolkit_bucket(group.size_wh, group.resolution, step_px)
        if lost := lost_share(group.size_wh, bucket_wh):
            findings.faults.append(
                f"{group.pairs}: AI Toolkit at resolution {group.resolution} crops targets of "
                f"{by(group.size_wh)} to {by(bucket_wh)} for {model} ({lost}) and leaves "
                "controls whole, so that the warp no longer lines up; see --resize"
            )


TRAINER = Trainer(
    "aitoolkit",
    "AI Toolkit",
    {
        "splats": "control1/{number}.{extension}",
        "reference": "control2/{number}.{extension}",
        "target": "target/{number}.{extension}",
        **MASK_FOLDER,
    },
    _read,
    Consequences(
        missing="AI Toolkit trains the pair without it and says nothing",
        upper_case="AI Toolkit looks for .jpg, .jpeg, .png and .webp only and says nothing",
        rotated="AI Toolkit chooses the bucket before it turns the picture",
        uncaptioned="AI Toolkit trains the pair on an empty prompt and says nothing",
    ),
    _describe,
    _judge_size,
    caption="target/{number}.txt",
    caches=("_latent_cache",),
)
