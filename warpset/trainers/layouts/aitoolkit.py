"""AI Toolkit: control folders, targets, captions and a configuration to run."""

from __future__ import annotations

import itertools
import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ...building.outputs import TRIPLET
from ...core.errors import MAX_REASON
from ..base_models import BASE_MODELS
from ..documents import (
    TRAIN,
    VALIDATION,
    Documents,
    ExportContext,
    ExportedRow,
    fenced,
    quoted,
    train_page,
)
from ..findings import Consequences
from ..grids import Raster, Size, Trained, area_size, whole
from ..rows import CONTROL_EXTENSIONS, Member, Reading, TrainerRow, pictures_in, read_text
from ..trainer import MASK_FOLDER, Trainer, Training

log = logging.getLogger(__name__)

SAMPLES = 3
"""How many pairs are shown during training."""

CONTROL_AREA_PX = 1024**2
"""What controls are brought to, or kept below, unless `match_target_res` is set."""

CONTROL_FOLDERS = {"splats": "control1", "reference": "control2", "reference2": "control3"}
"""Samples take three pictures, `ctrl_img_1` to `ctrl_img_3`, so more are no use in training."""


class Architecture(NamedTuple):
    """How AI Toolkit trains a base model.

    Attributes:
        arch: What it calls it.
        step_px: Sides of a target are multiples of this (`get_bucket_divisibility`).
        controls: `area`: scaled to an area, both sides rounded; `capped`: shrunk to an area, the
            centre cut to steps; `shrunk`: shrunk to an area, both sides rounded; `target`: brought
            to the target's raster.
        qtype: What the transformer is quantised to.
        timesteps: How noise levels are weighted.
        kwargs: What `model_kwargs` needs besides.
        takes: The controls it can take, as far as pairs have them.
    """

    arch: str
    step_px: int
    controls: str
    qtype: str = "qfloat8"
    timesteps: str = "weighted"
    kwargs: Mapping[str, object] = {}
    takes: Sequence[str] = tuple(CONTROL_FOLDERS)

    def shown(self, row: ExportedRow) -> list[str]:
        """The controls of a pair that it is shown."""
        return [kind for kind in self.takes if kind in row.files]


_THREE_BITS = (
    "uint3|ostris/accuracy_recovery_adapters/qwen_image_edit_2509_torchao_uint3.safetensors"
)

ARCHITECTURES = {
    "qwen-image-edit-2509": Architecture("qwen_image_edit_plus", 32, "area", _THREE_BITS),
    "qwen-image-edit-2511": Architecture("qwen_image_edit_plus", 32, "area"),
    "flux2-dev": Architecture("flux2", 16, "capped"),
    "flux2-klein-4b": Architecture("flux2_klein_4b", 16, "capped"),
    "flux2-klein-9b": Architecture("flux2_klein_9b", 16, "capped"),
    "kontext": Architecture("flux_kontext", 16, "target", takes=("splats",)),
    "krea-2": Architecture("krea2", 16, "shrunk", timesteps="linear", kwargs={"edit": True}),
}
"""By base model; AI Toolkit's model classes and the defaults of its job form."""


def trained(picture_wh: Size, training: Training) -> Trained:
    """Where pixels of a picture come to lie, by `setup_buckets` and the model's own resizing."""
    model = ARCHITECTURES[training.model]
    target = _bucketed(picture_wh, aitoolkit_bucket(picture_wh, training.resolution, model.step_px))
    if model.controls == "target":
        return Trained(target, target)
    width, height = target.size_wh
    area = width * height if training.matches_target else CONTROL_AREA_PX
    control = whole(picture_wh)
    if training.matches_target or model.controls == "area":
        step_px = model.step_px if model.controls == "shrunk" else 32
        control = control.stretched(area_size(picture_wh, area, step_px))
    elif model.controls == "shrunk":
        area = min(area, picture_wh[0] * picture_wh[1])
        control = control.stretched(area_size(picture_wh, area, model.step_px))
    if model.controls == "capped":
        control = _capped(control, area, model.step_px)
    return Trained(target, control)


def _bucketed(picture_wh: Size, bucket_wh: Size) -> Raster:
    """Scaled to cover its bucket, sides rounded up, the centre cut out."""
    scale = max(bucket_wh[0] / picture_wh[0], bucket_wh[1] / picture_wh[1])
    width, height = (math.ceil(side * scale) for side in picture_wh)
    return whole(picture_wh).stretched((width, height)).cropped(bucket_wh)


def _capped(control: Raster, area: int, step_px: int) -> Raster:
    """FLUX.2, `default_prep`: shrink to an area, then cut the centre to steps."""
    width, height = control.size_wh
    if width * height > area:
        scale = math.sqrt(area / (width * height))
        width, height = int(width * scale), int(height * scale)
    cut = width // step_px * step_px, height // step_px * step_px
    return control.stretched((width, height)).cropped(cut)


def aitoolkit_bucket(size_wh: Size, resolution: int, step_px: int) -> Size:
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


def matching_helps(sizes_wh: Sequence[Size], context: ExportContext) -> bool:
    """Whether controls fit their targets better at the target's area, over all resolutions."""

    def misfit(matches: bool) -> tuple[int, float]:
        asked = [Training(side, context.base_model, matches) for side in context.resolutions]
        found = [trained(size_wh, training) for size_wh in sizes_wh for training in asked]
        return sum(not fit.same_grid for fit in found), max(fit.shift_px for fit in found)

    return misfit(True) < misfit(False)


def written_caption(caption: str) -> str:
    """A caption as it has to be written: AI Toolkit splits at commas and joins with `, `."""
    return caption.replace(", ", ",")


def read_caption(text: str) -> str:
    """What AI Toolkit makes of a caption (`CaptionProcessingDTOMixin.get_caption`)."""
    return ", ".join(text.split(","))


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`config.yaml` as AI Toolkit's `DatasetConfig` and `SampleItem` name the fields, `TRAIN.md`.

    Keys and values are those of its example for Qwen-Image-Edit-2509 but where a comment says why.
    """
    _say_changed_captions({row.caption for row in rows})
    return {"config.yaml": _config_text(rows, context), "TRAIN.md": _train_page(context)}


def _config_text(rows: Sequence[ExportedRow], context: ExportContext) -> str:
    model = ARCHITECTURES[context.base_model]
    train = [row for row in rows if row.split == TRAIN]
    shown = [row for row in rows if row.split == VALIDATION] or train
    controls = (quoted(context.path(CONTROL_FOLDERS[kind])) for kind in model.shown(rows[0]))
    return _CONFIG.format(
        target=quoted(context.path("target")),
        controls="\n".join(f"            - {folder}" for folder in controls),
        masks=_mask_lines(train, context),
        caption=quoted(written_caption(context.default_prompt)),
        resolutions=json.dumps(list(context.resolutions)),
        side=max(context.resolutions),
        samples="\n".join(_sample_lines(shown[:SAMPLES], model, context)),
        name=quoted(context.job_name),
        repository=quoted(BASE_MODELS[context.base_model].repository),
        arch=quoted(model.arch),
        qtype=quoted(model.qtype),
        timesteps=quoted(model.timesteps),
        kwargs=json.dumps(_model_kwargs(rows, context)),
    )


def _model_kwargs(rows: Sequence[ExportedRow], context: ExportContext) -> dict[str, object]:
    sizes = sorted({row.size_wh for row in rows})
    matches = {"match_target_res": True} if matching_helps(sizes, context) else {}
    return {**ARCHITECTURES[context.base_model].kwargs, **matches}


def _say_changed_captions(captions: set[str]) -> None:
    changed = sorted(text for text in captions if read_caption(written_caption(text)) != text)
    if changed:
        log.warning(
            f"{len(changed)} captions have commas without a blank after them, and AI Toolkit adds "
            f"one, such as {read_caption(written_caption(changed[0]))[:MAX_REASON]!r}"
        )


def _mask_lines(train: Sequence[ExportedRow], context: ExportContext) -> str:
    if not train or "mask" not in train[0].files:
        return ""
    return (
        f"          mask_path: {quoted(context.path('mask'))}\n"
        "          mask_min_value: 0.5  # weight of what is no hole, so that holes count double\n"
    )


def _sample_lines(
    rows: Sequence[ExportedRow], model: Architecture, context: ExportContext
) -> list[str]:
    lines = []
    for row in rows:
        lines.append(f"          - prompt: {quoted(_sample_prompt(row.caption))}")
        for number, kind in enumerate(model.shown(row), 1):
            lines.append(f"            ctrl_img_{number}: {quoted(context.path(row.place(kind)))}")
        lines.append(f"            width: {row.size_wh[0]}")
        lines.append(f"            height: {row.size_wh[1]}")
    return lines


def _sample_prompt(caption: str) -> str:
    """A caption as the prompt of a sample, where AI Toolkit takes what follows -- for flags."""
    return caption.replace("--", "- -")


def _train_page(context: ExportContext) -> str:
    command = f"python run.py {quoted(context.path('config.yaml'))}"
    return train_page(
        context,
        "In a clone of ostris/ai-toolkit:\n\n" + fenced(command),
        "The configuration is the toolkit's own example for Qwen-Image-Edit-2509, which fits "
        "32 GB at 3 bits; the other models have the 8 bits of its job form, with `low_vram`. The "
        "example calls 500 to 4000 steps at 1e-4 a good range. Masks weigh the loss: holes count "
        "twice as much as the rest (`mask_min_value: 0.5`); 1.0 makes all the same, and pictures "
        "in `mask/` turned negative make the rest count double.",
        f"The LoRA lies in `output/{context.job_name}/`.",
    )


_CONFIG = """\
# Run in a clone of AI Toolkit: python run.py <this file>
job: extension
config:
  name: {name}
  process:
    - type: "diffusion_trainer"
      training_folder: "output"
      device: "cuda:0"
      network:
        type: "lora"
        linear: 16
        linear_alpha: 16
      save:
        dtype: "float16"
        save_every: 250
        max_step_saves_to_keep: 4
      datasets:
        - folder_path: {target}
          control_path:
{controls}
{masks}          caption_ext: "txt"
          default_caption: {caption}  # pairs without a caption file
          caption_dropout_rate: 0.0  # the caption may tell how the camera moves
          resolution: {resolutions}  # where target and controls lie on one grid; see --validate
          flip_x: false  # mirrored, left and right in captions would be untrue
          flip_y: false
      train:
        batch_size: 1
        cache_text_embeddings: true  # else the VAE gets controls shrunk to 384x384 pixels' area
        steps: 3000
        gradient_accumulation: 1
        timestep_type: {timesteps}
        train_unet: true
        train_text_encoder: false
        gradient_checkpointing: true
        noise_scheduler: "flowmatch"
        optimizer: "adamw8bit"
        lr: 0.0001
        dtype: "bf16"
      model:
        name_or_path: {repository}
        arch: {arch}
        quantize: true
        qtype: {qtype}
        quantize_te: true
        qtype_te: "qfloat8"
        low_vram: true
        model_kwargs: {kwargs}
      sample:
        sampler: "flowmatch"
        sample_every: 250
        sample_start_step: 0
        width: {side}
        height: {side}
        samples:
{samples}
        neg: ""
        seed: 42
        walk_seed: false  # the same noise each time, so that samples can be compared
        guidance_scale: 3
        sample_steps: 25
meta:
  name: "[name]"
  version: "1.0"
"""


def _read(folder: Path, reading: Reading) -> None:
    """AI Toolkit, `AiToolkitDataset`: targets in any case, the rest by the target's stem."""
    config = _config(folder)
    reading.matches_target = '"match_target_res": true' in config
    default = _default_caption(config)
    folders = {
        kind: folder / name
        for kind, name in CONTROL_FOLDERS.items()
        if kind in TRIPLET or (folder / name).is_dir()
    }
    if (folder / "mask").is_dir():
        folders["mask"] = folder / "mask"
    names = {kind: {path.name for path in pictures_in(place)} for kind, place in folders.items()}
    for target in pictures_in(folder / "target"):
        members: dict[str, Member | None] = {"target": target}
        for kind, place in folders.items():
            tried = (f"{target.stem}{extension}" for extension in CONTROL_EXTENSIONS)
            found = next((name for name in tried if name in names[kind]), None)
            members[kind] = place / found if found else None
        text = read_text(target.with_suffix(".txt"))
        caption = default if text is None else read_caption(text)
        reading.rows.append(TrainerRow(f"target/{target.name}", members, caption))


def _config(folder: Path) -> str:
    """The configuration of a side; the validation side has none of its own."""
    return read_text(folder / "config.yaml") or read_text(folder.parent / "config.yaml") or ""


def _default_caption(config: str) -> str | None:
    for line in config.splitlines():
        key, _, value = line.strip().partition(": ")
        if key == "default_caption":
            return read_caption(value.rpartition("  #")[0].strip('"'))
    return None


TRAINER = Trainer(
    "aitoolkit",
    "AI Toolkit",
    {
        **{kind: f"{name}/{{number}}.{{extension}}" for kind, name in CONTROL_FOLDERS.items()},
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
    trained,
    models=tuple(ARCHITECTURES),
    without_further_references=frozenset({"kontext"}),
    caption="target/{number}.txt",
    written_caption=written_caption,
    caches=("_latent_cache", "_t_e_cache", "_clip_vision_cache", "_controls", ".aitk_size.json"),
)
