"""Pictures whose colours say where their pixels are, and where those of a trained raster lie."""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

LOW, SPAN = 28, 200
"""Red and green go from LOW to LOW + SPAN, away from where values are cut off."""

INNER = 0.1, 0.9
"""The part of a raster that is fitted: at its edges interpolation bends the ramp."""


class Fit(NamedTuple):
    """What of a source lies on a raster: its size, and left, top, right, bottom of the source."""

    size_wh: tuple[int, int]
    box: tuple[float, float, float, float]


def a_coordinate_picture(size_wh) -> np.ndarray:
    """Red rises to the right, green downwards, blue falls to the right; dithered."""
    width, height = size_wh
    x = ((np.arange(width) + 0.5) / width * SPAN + LOW)[None].repeat(height, 0)
    y = ((np.arange(height) + 0.5) / height * SPAN + LOW)[:, None].repeat(width, 1)
    noise = np.random.default_rng(0).random((height, width, 3)) - 0.5
    ramps = np.stack([x, y, 2 * LOW + SPAN - x], -1)
    return (ramps + noise).round().astype(np.uint8)


def fitted(picture, size_wh) -> Fit:
    """Where a trained picture (3, H, W), 0..1, lies in the coordinate picture it came from."""
    values = np.asarray(picture, float) * 255
    # Scaled values are rounded up at one half: what that adds shows where red and blue, which run
    # against each other, are more than they were together.
    values -= (values[0] + values[2]).mean() / 2 - LOW - SPAN / 2
    (left, right), (top, bottom) = (
        _edges(values[0].mean(0), size_wh[0]),
        _edges(values[1].mean(1), size_wh[1]),
    )
    return Fit(values.shape[:0:-1], (left, top, right, bottom))


def _edges(profile, source_px) -> tuple[float, float]:
    count = len(profile)
    inner = slice(*(int(count * part) for part in INNER))
    positions = (np.arange(count) + 0.5)[inner]
    scale, start = np.polyfit(positions, (profile[inner] - LOW) / SPAN * source_px, 1)
    return start, start + scale * count


def shift_px(target: Fit, control: Fit) -> float:
    """How far two rasters' edges are apart at worst, in pixels of the source."""
    return max(abs(one - other) for one, other in zip(target.box, control.box, strict=True))


def unlike(picture, path) -> float:
    """How far a trained picture (3, H, W), 0..1, is from a file brought to its raster, 0..1."""
    source = torch.from_numpy(np.asarray(Image.open(path).convert("RGB"), np.float32) / 255)
    size = tuple(picture.shape[1:])
    want = source.permute(2, 0, 1)[None]
    if want.shape[2:] != size:
        want = torch.nn.functional.interpolate(want, size=size, mode="bilinear")
    return float((want[0] - picture).abs().max())
