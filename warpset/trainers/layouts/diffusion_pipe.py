"""diffusion-pipe: a folder a picture and a data set configuration for each side of a split."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..documents import (
    VALIDATION,
    Documents,
    ExportContext,
    ExportedRow,
    by_folder,
    fenced,
    quoted,
    train_page,
)
from ..findings import Consequences
from ..grids import Raster, Size, Trained
from ..rows import Reading, read_folders
from ..trainer import FOLDERS, MASK_FOLDER, Trainer, Training

STEP_PX = 16
"""Sides of what is trained are multiples of this."""

ASPECT_DIGITS = 3
"""Digits that diffusion-pipe keeps of proportions."""

MODELS = {
    "qwen-image-edit-2509": "qwen_image",
    "qwen-image-edit-2511": "qwen_image",
    "flux2-dev": "flux2",
    "flux2-klein-4b": "flux2",
    "flux2-klein-9b": "flux2",
    "kontext": "flux",
}
"""What `[model] type` says, by base model."""

MEMORY = {
    "qwen_image": "Its page on models has 24 GB for Qwen-Image with blocks swapped, and says that "
    "edits take more.",
    "flux2": "Its page on models asks for 48 GB at least for FLUX.2 dev without swapping blocks, "
    "and has the klein models at 8 bits or, the small one, without.",
    "flux": "Its page on models has no figure for Kontext.",
}
"""What `docs/supported_models.md` says of memory, by `[model] type`."""


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`dataset.toml` a side after `examples/flux_kontext_dataset.toml`, and `TRAIN.md`.

    Size buckets are the pictures' own: of `ar_buckets` three digits are kept, so that 1152x896
    pixels would be trained as 1168x896. Published versions take one control, the splats; pull
    request 529 takes both by `control_paths`.
    """
    documents = {}
    for folder, members in by_folder(rows).items():
        buckets = _buckets((row.size_wh for row in members), max(context.resolutions))
        masks = "mask" in members[0].files
        documents[f"{folder}dataset.toml"] = (
            f"size_buckets = {json.dumps(buckets)}\n\n"
            "[[directory]]\n"
            f"path = {quoted(context.path(f'{folder}target'))}\n"
            f"control_path = {quoted(context.path(f'{folder}splats'))}\n"
            "# With pull request 529, instead of control_path:\n"
            f"# control_paths = [{quoted(context.path(f'{folder}splats'))}, "
            f"{quoted(context.path(f'{folder}reference'))}]\n"
            + (f"mask_path = {quoted(context.path(f'{folder}mask'))}\n" if masks else "")
            + "num_repeats = 1\n"
        )
    documents["TRAIN.md"] = _train_page(context, any(row.split == VALIDATION for row in rows))
    return documents


def _buckets(sizes_wh: Iterable[Size], resolution: int) -> list[tuple[int, int, int]]:
    """`size_buckets`: width, height and a frame each.

    diffusion-pipe, `_find_closest_size_bucket`: found by their places among the sorted proportions
    of three digits, so that they have to be in that order and each has to have its own; of several
    the largest is taken.
    """
    buckets = sorted(bucket(size_wh, resolution) for size_wh in sizes_wh)
    by_aspect = {round(width / height, ASPECT_DIGITS): (width, height) for width, height in buckets}
    return [(*by_aspect[aspect], 1) for aspect in sorted(by_aspect)]


def _train_page(context: ExportContext, validates: bool) -> str:
    evaluated = (
        f"eval_datasets = [{{name = {quoted(VALIDATION)}, "
        f"config = {quoted(context.path(f'{VALIDATION}/dataset.toml'))}}}]\n"
        if validates
        else ""
    )
    main = (
        f"output_dir = {quoted(f'runs/{context.job_name}')}\n"
        f"dataset = {quoted(context.path('dataset.toml'))}\n{evaluated}"
        f"[model]\ntype = {quoted(MODELS[context.base_model])}\n"
    )
    command = f"deepspeed --num_gpus=1 train.py --deepspeed --config {shlex.quote('main.toml')}"
    return train_page(
        context,
        "In a clone of tdrussell/diffusion-pipe, a copy of `examples/main_example.toml` as "
        "`main.toml` with these lines, and the model's paths from `docs/supported_models.md`:\n\n"
        f"{fenced(main.rstrip())}\n{fenced(command)}",
        f"Its example trains rank 32 at 2e-5. {MEMORY[MODELS[context.base_model]]} Masks weigh the "
        "loss by their red channel: 1 in holes, 0.5 elsewhere; drop `mask_path` to weigh all "
        "alike, or turn the pictures negative to make the rest count double.",
        f"The LoRA lies in `runs/{context.job_name}/`.",
    )


def trained(picture_wh: Size, training: Training) -> Trained:
    """Where pixels of a picture come to lie in diffusion-pipe: target and control alike.

    diffusion-pipe, `convert_crop_and_resize`: scaled to the bucket after the centre was cut to its
    proportions.
    """
    bucket_wh = bucket(picture_wh, training.resolution)
    scale = max(bucket_wh[0] / picture_wh[0], bucket_wh[1] / picture_wh[1])
    left, top = (
        (side - kept / scale) / 2 for side, kept in zip(picture_wh, bucket_wh, strict=True)
    )
    cut = Raster(bucket_wh, (left, top, picture_wh[0] - left, picture_wh[1] - top))
    return Trained(cut, cut)


def bucket(picture_wh: Size, resolution: int) -> Size:
    """The size to train at: the picture's, in steps, or resolution² pixels where it has more."""
    width, height = picture_wh
    if width * height <= resolution**2:
        return width // STEP_PX * STEP_PX, height // STEP_PX * STEP_PX
    wide, high = (resolution * math.sqrt(ratio) for ratio in (width / height, height / width))
    return round(wide / STEP_PX) * STEP_PX, round(high / STEP_PX) * STEP_PX


def _read(folder: Path, reading: Reading) -> None:
    """diffusion-pipe, `DirectoryDataset`: controls and masks by the target's stem."""
    read_folders(folder, ("splats", "reference"), reading)


TRAINER = Trainer(
    "diffusion-pipe",
    "diffusion-pipe",
    {**FOLDERS, **MASK_FOLDER},
    _read,
    Consequences(
        missing="diffusion-pipe stops: no control file exists for the image",
        uncaptioned="diffusion-pipe trains the pair on an empty caption, or skips it",
    ),
    _describe,
    trained,
    models=tuple(MODELS),
    caption="target/{number}.txt",
    caption_always=True,
    seen_weight=128,
    caches=("cache",),
)
