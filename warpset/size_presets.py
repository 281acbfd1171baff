"""Picture sizes that trainers keep whole, and the choice of one; no pixels, no files.

AI Toolkit brings a target to a bucket whose sides are multiples of a step (32 for
Qwen-Image-Edit-2509, 16 for FLUX.2 and FLUX.1 Kontext) and whose area is at most resolution²; what
sticks out is cut off. Qwen-Image-Edit-2509 besides brings controls to about 1024² pixels, sides
rounded to 32. The sizes below pass both unchanged (AI Toolkit: `toolkit/buckets.py` and
`qwen_image_edit_plus.py`).
"""

from __future__ import annotations

import math

_LANDSCAPE_SIZES_WH = (
    (1152, 896),
    (1184, 864),
    (1248, 832),
    (1280, 800),
    (1344, 768),
    (1408, 736),
    (1472, 704),
    (1536, 672),
)

LOSS_FREE_SIZES_WH = (
    (1024, 1024),
    *_LANDSCAPE_SIZES_WH,
    *((height, width) for width, height in _LANDSCAPE_SIZES_WH),
)
"""Width and height without loss at resolution 1024.

Only 1024x1024, 1152x896 and its twin stay whole at 512 and at 768 as well.
"""

SIZE_PRESETS = {
    "qwen": LOSS_FREE_SIZES_WH,
    "flux2": LOSS_FREE_SIZES_WH,
    "kontext": LOSS_FREE_SIZES_WH,
    "auto": LOSS_FREE_SIZES_WH,
}
"""Sizes by the model they are for. One set serves all: multiples of 32 are multiples of 16."""


def preset_size(preset: str, photo_wh: tuple[int, int]) -> tuple[int, int]:
    """The preset's size (width, height) that is nearest to a photo by aspect.

    Nearest is the smallest ratio of the two aspects, so that a photo and its portrait twin get
    sizes that are twins as well.

    Args:
        preset: A key of `SIZE_PRESETS`.
        photo_wh: Width and height of the photo.
    """
    aspect = math.log(photo_wh[0] / photo_wh[1])
    return min(SIZE_PRESETS[preset], key=lambda size: abs(math.log(size[0] / size[1]) - aspect))
