"""OneTrainer: targets, their condition and mask beside them by postfix, and its concepts."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from ..documents import TRAIN, Documents, ExportContext, ExportedRow, by_folder, train_page
from ..findings import Consequences
from ..grids import Size, Trained, whole
from ..rows import Member, Reading, TrainerRow, below, pictures_in, read_text
from ..trainer import Trainer, Training

CONDITION, MASK = "-condlabel", "-masklabel"

STEP_PX = 64
"""Sides of buckets are multiples of this for FLUX Fill and SDXL, of 8 for Stable Diffusion 1.5."""

ASPECTS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0)
"""Proportions of buckets, the long side to the short one."""


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`concepts.json`: a concept a side, as `ConceptConfig` reads it, and `TRAIN.md`."""
    concepts = [
        {
            "__version": 2,
            "name": members[0].split,
            "path": context.path(folder),
            "type": "STANDARD" if members[0].split == TRAIN else "VALIDATION",
            "seed": 0,
            "image": {
                "enable_crop_jitter": False,
                "enable_random_flip": False,
            },
            "text": {"prompt_source": "sample"},
        }
        for folder, members in by_folder(rows).items()
    ]
    page = train_page(
        context,
        "In OneTrainer choose a model that takes a conditioning image, FLUX Fill or an inpainting "
        "one of Stable Diffusion: it trains all others on the targets alone and says nothing. Load "
        "`concepts.json` as the list of concepts, switch on *custom conditioning image*, and "
        "*masked training* where there are masks. It takes one condition, the splats; the "
        "reference is left out.\n",
        "Masks weigh the loss: 1 in holes, 0.5 elsewhere (its *unmasked weight* lifts black only); "
        "turn the pictures negative to make the rest count double. The concept of type VALIDATION "
        "is what it validates on. Its presets name 16 and 24 GB.",
        "The LoRA lies where its *model output destination* says.",
    )
    return {"concepts.json": json.dumps(concepts, indent=1) + "\n", "TRAIN.md": page}


def trained(picture_wh: Size, training: Training) -> Trained:
    """Where pixels of a picture come to lie in OneTrainer: target, condition and mask alike.

    mgds, `AspectBucketing` and `ScaleCropImage`: every picture, small ones too, is scaled to cover
    the bucket whose height to width is nearest.
    """
    long_short = [
        tuple(
            round(training.resolution * side / STEP_PX) * STEP_PX
            for side in (math.sqrt(aspect), 1 / math.sqrt(aspect))
        )
        for aspect in ASPECTS
    ]
    buckets = [*long_short, *((short, long) for long, short in long_short)]
    ratio = picture_wh[1] / picture_wh[0]
    bucket_wh = min(buckets, key=lambda wh: abs(wh[1] / wh[0] - ratio))
    cut = whole(picture_wh).covered(bucket_wh, round, math.floor)
    return Trained(cut, cut)


def _read(folder: Path, reading: Reading) -> None:
    """OneTrainer, `DataLoaderText2ImageMixin`: `<stem>-condlabel.png` and `-masklabel.png`."""
    pictures = pictures_in(folder)
    with_masks = any(path.stem.endswith(MASK) for path in pictures)
    for target in pictures:
        if target.stem.endswith((CONDITION, MASK)):
            continue
        members: dict[str, Member | None] = {"target": target}
        members["splats"] = below(folder, f"{target.stem}{CONDITION}.png")
        if with_masks:
            members["mask"] = below(folder, f"{target.stem}{MASK}.png")
        caption = read_text(target.with_suffix(".txt"))
        reading.rows.append(TrainerRow(target.name, members, caption))


TRAINER = Trainer(
    "onetrainer",
    "OneTrainer",
    {
        "target": "{number}.{extension}",
        "splats": f"{{number}}{CONDITION}.png",
        "mask": f"{{number}}{MASK}.png",
    },
    _read,
    Consequences(missing="OneTrainer fails to load the condition and stops"),
    _describe,
    trained,
    caption="{number}.txt",
    caption_always=True,
    seen_weight=128,
    png_kinds=frozenset({"splats"}),
    caches=("cache",),
)
