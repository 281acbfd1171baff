"""SimpleTuner: a data set a picture, and the settings that show the model both controls."""

from __future__ import annotations

import json
import logging
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...building.outputs import FURTHER_REFERENCES
from ..documents import (
    TRAIN,
    VALIDATION,
    Documents,
    ExportContext,
    ExportedRow,
    by_folder,
    fenced,
    train_page,
)
from ..findings import Consequences
from ..grids import Size, Trained, whole
from ..rows import Member, Reading, TrainerRow, below, pictures_in, read_text
from ..trainer import FOLDERS, FURTHER_FOLDERS, MASK_FOLDER, Trainer, Training

log = logging.getLogger(__name__)


class Flavour(NamedTuple):
    """What SimpleTuner calls a base model.

    Attributes:
        family: `--model_family`.
        flavour: `--model_flavour`.
        step_px: Sides of what is trained are multiples of this, `aspect_bucket_alignment`.
        memory: What its quickstart asks for.
        takes_first_alone: Whether it is given the first control for all of them and for the mask:
            where pictures go into the text encoder too, `prepare_batch_conditions` keeps the first
            of what it is handed.
    """

    family: str
    flavour: str
    step_px: int
    memory: str
    takes_first_alone: bool = False


_QWEN = "Its quickstart of Qwen-Image-Edit asks for 24 GB at least (int8 or nf4), better 40 GB."
_FLUX2 = (
    "Its quickstart of FLUX.2 has 12 GB in bf16 for klein 4B, 22 GB for klein 9B, and for dev from "
    "22 GB (int8, the text encoder int4) to 76 GB (bf16)."
)

_KONTEXT = (
    "Its quickstart of Kontext calls 24 GB (int8) the least for 1024 pixels, and 50 GB of RAM."
)

FLAVOURS = {
    "qwen-image-edit-2509": Flavour("qwen_image", "edit-v2", 32, _QWEN, takes_first_alone=True),
    "qwen-image-edit-2511": Flavour("qwen_image", "edit-v3", 32, _QWEN, takes_first_alone=True),
    "flux2-dev": Flavour("flux2", "dev", 16, _FLUX2),
    "flux2-klein-4b": Flavour("flux2", "klein-4b", 16, _FLUX2),
    "flux2-klein-9b": Flavour("flux2", "klein-9b", 16, _FLUX2),
    "kontext": Flavour("flux", "kontext", 64, _KONTEXT),
}
"""By base model."""


FIRST_ALONE = (
    "SimpleTuner as published (4.8 to 4.10, prepare_batch_conditions) hands Qwen-Image-Edit the "
    "latents of the first control alone, the splats, and would take the splats for a mask; FLUX.2 "
    "and Kontext get both controls and the mask"
)
"""Said by exports for these models and every validation: nothing in an export can help it."""

_MASKS = (
    "Masks are a conditioning data set of type `mask`: the loss is multiplied by their brightness, "
    "here 1 in holes and 0.5 elsewhere; leave the data sets `*-mask` and their names in "
    "`conditioning_data` out to weigh all alike, or turn the pictures negative to make the rest "
    "count double."
)


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`multidatabackend.json` for SimpleTuner, and `TRAIN.md` with the settings it wants besides.

    SimpleTuner, "Dataloader configuration file" and "Qwen Image Edit Quickstart": one conditioning
    dataset a control, same file names, `reference_strict` for sizes that match the target's. What
    sticks out of these is cut off at random, for target and controls apart, without
    `crop_style: center`, even where `crop` is off. Of several conditioning datasets it takes one at
    random unless it is told to combine them. The validation side is a dataset of its own in the
    same file, named by `--eval_dataset_id`.
    """
    backends = []
    flavour = FLAVOURS[context.base_model]
    if flavour.takes_first_alone:
        log.warning(f"{FIRST_ALONE}; {context.place}: masks are not listed")
    for folder, members in by_folder(rows).items():
        kinds = members[0].controls
        if "mask" in members[0].files and not flavour.takes_first_alone:
            kinds = [*kinds, "mask"]
        backends += _backends(folder, members[0].split, kinds, context)
    backends.append(
        {
            "id": "captions",
            "type": "local",
            "dataset_type": "text_embeds",
            "default": True,
            "cache_dir": context.path("cache/captions"),
        }
    )
    validates = any(row.split == VALIDATION for row in rows)
    page = train_page(
        context,
        "In a clone of bghira/SimpleTuner, beside the settings of its quickstart for this model:"
        "\n\n" + fenced(simpletuner_command(context, validates)),
        f"{flavour.memory} "
        + (f"{FIRST_ALONE}, so masks are not listed." if flavour.takes_first_alone else _MASKS),
        f"The LoRA lies in `output/{context.job_name}/`.",
    )
    return {"multidatabackend.json": json.dumps(backends, indent=2) + "\n", "TRAIN.md": page}


def simpletuner_command(context: ExportContext, validates: bool) -> str:
    """The flags of SimpleTuner that hang on this data set: both controls at once."""
    flavour = FLAVOURS[context.base_model]
    parts = {
        "model_family": flavour.family,
        "model_flavour": flavour.flavour,
        "data_backend_config": context.path("multidatabackend.json"),
        "conditioning_multidataset_sampling": "combined",
        "caption_dropout_probability": "0",  # the caption may tell how the camera moves
        "output_dir": f"output/{context.job_name}",
    }
    if validates:
        parts["eval_dataset_id"] = f"{VALIDATION}-target"
    flags = [f"--{name} {shlex.quote(value)}" for name, value in parts.items()]
    return " \\\n  ".join(["simpletuner train", *flags])


def _backends(
    folder: str, split: str, kinds: Sequence[str], context: ExportContext
) -> list[dict[str, Any]]:
    def pictures(kind: str, **settings: object) -> dict[str, Any]:
        return {
            "id": f"{split}-{kind}",
            "type": "local",
            **settings,
            "instance_data_dir": context.path(f"{folder}{kind}"),
            "cache_dir_vae": context.path(f"{folder}cache/{kind}"),
            "resolution": max(context.resolutions),
            "resolution_type": "pixel_area",
            "crop": True,
            "crop_aspect": "preserve",
            "crop_style": "center",
        }

    target = pictures(
        "target",
        dataset_type="image" if split == TRAIN else "eval",
        caption_strategy="textfile",
        conditioning_data=[f"{split}-{kind}" for kind in kinds],
    )
    controls = [
        pictures(
            kind,
            dataset_type="conditioning",
            caption_strategy=None,
            conditioning_type="mask" if kind == "mask" else "reference_strict",
            source_dataset_id=f"{split}-target",
        )
        for kind in kinds
    ]
    return [target, *controls]


def trained(picture_wh: Size, training: Training) -> Trained:
    """Where pixels of a picture come to lie in SimpleTuner: target and controls alike.

    SimpleTuner, `calculate_new_size_by_pixel_area`: every picture, small ones too, is scaled to
    cover resolution² pixels of its proportions, of which it keeps two digits.
    """
    step_px = FLAVOURS[training.model].step_px
    edge = _nearest(training.resolution, step_px)
    ratio, proportions = picture_wh[0] / picture_wh[1], round(picture_wh[0] / picture_wh[1], 2)
    width, height = (
        _nearest(side, step_px)
        for side in (edge * math.sqrt(proportions), edge / math.sqrt(proportions))
    )
    if width < height:
        scaled_wh = width, int(width / ratio)
    else:
        scaled_wh = int(height * ratio), height
    if (short := width - scaled_wh[0]) > 0:
        scaled_wh = width, scaled_wh[1] + int(short / ratio)
    elif (short := height - scaled_wh[1]) > 0:
        scaled_wh = scaled_wh[0] + int(short * ratio), height
    cut = whole(picture_wh).stretched(scaled_wh).cropped((width, height))
    return Trained(cut, cut)


def _nearest(side: float, step_px: int) -> int:
    return max(round(side / step_px), 1) * step_px


def _read(folder: Path, reading: Reading) -> None:
    """SimpleTuner, "Qwen Image Edit Quickstart": the very same file name in each dataset."""
    for target in pictures_in(folder / "target"):
        members: dict[str, Member | None] = {"target": target}
        if_there = [kind for kind in (*FURTHER_REFERENCES, "mask") if (folder / kind).is_dir()]
        kinds = ["splats", "reference", *if_there]
        for kind in kinds:
            members[kind] = below(folder / kind, target.name)
        caption = read_text(target.with_suffix(".txt"))
        reading.rows.append(TrainerRow(f"target/{target.name}", members, caption))


TRAINER = Trainer(
    "simpletuner",
    "SimpleTuner",
    {**FOLDERS, **FURTHER_FOLDERS, **MASK_FOLDER},
    _read,
    Consequences(missing="SimpleTuner stops: control tensors do not match the batch size"),
    _describe,
    trained,
    caption="target/{number}.txt",
    caption_always=True,
    models=tuple(FLAVOURS),
    notes=(FIRST_ALONE,),
    caches=("cache", "aspect_ratio_bucket_*"),
    seen_weight=128,
)
