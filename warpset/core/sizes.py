"""Picture sizes that trainers keep whole, and the choice of one; no pixels, no files.

AI Toolkit brings a target to a bucket whose sides are multiples of a step (32 for
Qwen-Image-Edit-2509, 16 for FLUX.2 and FLUX.1 Kontext) and whose area is at most resolution²; what
sticks out is cut off. Qwen-Image-Edit-2509 besides brings controls to about 1024² pixels, sides
rounded to 32. The sizes below pass both unchanged (AI Toolkit: `toolkit/buckets.py` and
`qwen_image_edit_plus.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .cameras import Camera, FloatArray, raster_transform

MAXIMUM_ASPECT = 2.3

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

DEFAULT_RESOLUTION = 1024


MINIMUM_FILL = 0.94
"""Least share of the area to train at: smaller leaves pixels unused, larger leaves aspects out."""


def loss_free_sizes(resolution: int) -> tuple[tuple[int, int], ...]:
    """Sizes that trainers keep whole at a resolution, controls brought to the target's area.

    Both sides are multiples of 32, the area is `MINIMUM_FILL` to 1 of resolution²; aspects up to
    2.3. At 1024 `LOSS_FREE_SIZES_WH` is stricter: controls that are brought to 1024² pixels
    whatever the target stay whole as well.

    Args:
        resolution: Side of the square that has the area to train at, in pixels.
    """
    sides = range(32, int(resolution * math.sqrt(MAXIMUM_ASPECT)) + 1, 32)
    wide = [
        (width, height)
        for width in sides
        for height in sides
        if height <= width <= MAXIMUM_ASPECT * height
        and MINIMUM_FILL <= width * height / resolution**2 <= 1
    ]
    return tuple(dict.fromkeys((*wide, *((height, width) for width, height in wide))))


SIZE_PRESETS = {
    "qwen": LOSS_FREE_SIZES_WH,
    "flux2": LOSS_FREE_SIZES_WH,
    "kontext": LOSS_FREE_SIZES_WH,
    "auto": LOSS_FREE_SIZES_WH,
    "auto-512": loss_free_sizes(512),
    "auto-768": loss_free_sizes(768),
    "auto-1328": loss_free_sizes(1328),
}
"""Sizes by the model or the resolution they are for; those without a resolution are for 1024.

One set serves all models: multiples of 32 are multiples of 16.
"""


def preset_resolution(preset: object) -> int:
    """The resolution that a key of `SIZE_PRESETS` is for; the default for anything else."""
    number = str(preset).rpartition("-")[2]
    return int(number) if preset in SIZE_PRESETS and number.isdecimal() else DEFAULT_RESOLUTION


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


@dataclass(frozen=True)
class SizeRule:
    """The size of what is written.

    Attributes:
        max_megapixels: No more pixels than this many million; None for no bound.
        resize_wh: Explicit width and height, still bounded by `max_megapixels`; None keeps the
            photo's.
        preset: A key of `SIZE_PRESETS`: the nearest of its sizes, without any other bound.
    """

    max_megapixels: float | None = 1.0
    resize_wh: tuple[int, int] | None = None
    preset: str | None = None

    def size_of(self, photo_wh: tuple[int, int]) -> tuple[int, int]:
        """Output size (width, height) of a photo."""
        if self.preset is not None:
            return preset_size(self.preset, photo_wh)
        width, height = self.resize_wh or photo_wh
        if self.max_megapixels is None:
            return width, height
        scale = min(1.0, math.sqrt(self.max_megapixels * 1e6 / (width * height)))
        return max(1, round(width * scale)), max(1, round(height * scale))

    def common_size(self, photos_wh: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """One output size for several photos: that of their least width and least height."""
        sizes = [photo_wh if self.preset else self.size_of(photo_wh) for photo_wh in photos_wh]
        width, height = np.array(sizes).min(axis=0)
        return self.size_of((int(width), int(height)))


def fit_camera(camera: Camera, size_wh: tuple[int, int]) -> Camera:
    """The camera on a raster of another size: scaled to cover it, what sticks out cut off evenly.

    Pixels stay as square as they were: no picture is stretched.
    """
    (width, height), (old_width, old_height) = size_wh, camera.size_wh
    scale = max(width / old_width, height / old_height)
    to_raster = np.diag([scale, scale, 1.0])
    to_raster[:2, 2] = (width - scale * old_width) / 2.0, (height - scale * old_height) / 2.0
    return camera.on_raster(size_wh, to_raster)


def photo_box(photo: Camera, view: Camera) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a view's raster in pixel positions of the photo."""
    to_photo: FloatArray = raster_transform(view, photo)
    corners = np.array([[0.0, 0.0, 1.0], [*view.size_wh, 1.0]]) @ to_photo.T
    left, top, right, bottom = np.round(corners[:, :2].reshape(4), 9)
    return float(left), float(top), float(right), float(bottom)


def shrunk(camera: Camera, max_side_px: int) -> Camera:
    """The camera on a raster none of whose sides is longer than `max_side_px`."""
    return camera.resized(shrunk_size(camera.size_wh, max_side_px))


def shrunk_size(size_wh: tuple[int, int], max_side_px: int) -> tuple[int, int]:
    """The size with its aspect kept, so that no side is longer than `max_side_px`."""
    scale = min(1.0, max_side_px / max(size_wh))
    return max(1, round(size_wh[0] * scale)), max(1, round(size_wh[1] * scale))
