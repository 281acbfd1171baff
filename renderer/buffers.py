"""What one image size needs between the renderer's kernels; it launches none."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
import warp as wp

from . import raster_kernels, splat_kernels, surface_kernels


class Buffers:
    """What one image size needs between kernels, and the structs that carry it to them."""

    def __init__(self, size_wh: tuple[int, int], coarse_level: int, device: wp.Device) -> None:
        pixels = size_wh[0] * size_wh[1]
        self.sizes = _level_sizes(size_wh)
        ends = np.cumsum([w * h for w, h in self.sizes[: coarse_level + 1]]).tolist()
        starts = [0, *ends[:-1]]
        empty = partial(_empty, device)
        self.keys = wp.full(pixels, raster_kernels.NO_SAMPLE, wp.int64, device)
        self.border, self.walls = empty(pixels, wp.bool), empty(pixels, wp.float32)
        # of samples a pixel outside the image, the four in a row that are read begin two pixels
        # before it and end three after it
        self.exact, self.front = (empty(pixels + 5, dtype)[2:-3] for dtype in (wp.bool, wp.float32))
        self.pyramid = empty(ends[-1], wp.float32)
        self.depths = [self.pyramid[start:end] for start, end in zip(starts, ends, strict=True)]
        self.sums = wp.zeros(pixels, splat_kernels.ColorSums, device)
        self.depth_sums = wp.zeros(pixels, splat_kernels.DepthSums, device)
        self.smooth = empty(pixels, wp.vec4f)
        self.colors = empty(pixels, wp.vec4f)
        self.filled_sizes = self.sizes[1:] or self.sizes  # of levels above the pixels, at least one
        self.filled = [
            (empty(w * h, wp.vec4f), empty(w * h, wp.bool)) for w, h in self.filled_sizes
        ]
        self.whole = empty(len(self.filled[0][0]), wp.bool)
        self.rows = empty(size_wh[1], wp.float32)
        self.nearest, self.farthest = empty(1, wp.float32), empty(1, wp.float32)
        self.distance = empty(pixels, wp.int32)
        self._device = device
        self._level_starts = wp.array(starts, dtype=wp.int32, device=device)
        self._make_room(0)

    def _make_room(self, count: int) -> None:
        """For what as many samples are on the raster."""
        empty = partial(torch.empty, dtype=torch.int32, device=wp.device_to_torch(self._device))
        self._raster, self._cells, self._shrinks = empty(3, count), empty(count, 4), empty(count, 2)

    def samples(self, rgb: torch.Tensor, confidence: torch.Tensor) -> Any:
        """Kernel struct of the points' attributes, with room for their raster positions."""
        count = len(rgb)
        # room grows with the largest cloud and stays: views of one scene are about as large
        if count > len(self._cells):
            self._make_room(count)
        samples = raster_kernels.Samples()
        samples.x = wp.from_torch(self._raster[0, :count])
        samples.y = wp.from_torch(self._raster[1, :count])
        samples.z = wp.from_torch(self._raster[2, :count].view(torch.float32))
        samples.cell = wp.from_torch(self._cells[:count], wp.vec4i)
        samples.shrink = wp.from_torch(self._shrinks[:count], wp.vec2i)
        samples.rgb = wp.from_torch(rgb, wp.vec3f)
        samples.confidence = wp.from_torch(confidence)
        return samples

    def levels(self, splat_px: float) -> Any:
        """Kernel struct of the depth pyramid; `splat_px` is a splat's diameter at depth one."""
        levels = surface_kernels.Levels()
        levels.width, levels.height = self.sizes[0]
        levels.coarsest = len(self.depths) - 1
        levels.starts = self._level_starts
        levels.splat_px, levels.nearest = splat_px, self.nearest
        return levels


def _empty(device: wp.Device, count: int, dtype: Any) -> Any:
    """Uninitialised Warp array."""
    return wp.empty(count, dtype=dtype, device=device)


def _level_sizes(size_wh: tuple[int, int]) -> list[tuple[int, int]]:
    """Width and height of every pyramid level down to 1x1."""
    sizes = [size_wh]
    while sizes[-1] != (1, 1):
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes
