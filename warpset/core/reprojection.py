"""Where one view's pixels lie in another, in torch; no matching, no files.

A pixel p at inverse depth w lies in the other view at M (p, 1) + w t, homogeneous, and the third
component over w is its depth there. M and t are all that a pair of cameras has to say.
"""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .cameras import Camera, FloatArray


class Reprojected(NamedTuple):
    """Pixels of one view as another sees them.

    Attributes:
        x: (n, h, w) columns, -1 to 1 from the left to the right border of the other raster.
        y: (n, h, w) rows, -1 to 1 from the top to the bottom border.
        inverse_depth: (n, h, w) inverse depth in the other camera.
        seen: (n, h, w) whether it lies before the other camera and on its raster.
    """

    x: Tensor
    y: Tensor
    inverse_depth: Tensor
    seen: Tensor


def epipolar_geometry(camera: Camera, other: Camera) -> tuple[FloatArray, FloatArray]:
    """M (3, 3) and t (3,) from pixels of `camera` to pixels of `other`."""
    other_from_camera = other.cam_from_world @ camera.world_from_cam
    rays = other.K @ other_from_camera[:3, :3] @ np.linalg.inv(camera.K)
    return rays, other.K @ other_from_camera[:3, 3]


class Reprojection:
    """The pixels of one camera on their way into another; what no depth changes is kept."""

    def __init__(self, camera: Camera, other: Camera, like: Tensor):
        """Prepare every pixel centre of `camera`, with the dtype and device of `like`."""
        width, height = other.size_wh
        to_unit = np.array([[2 / width, 0, -1], [0, 2 / height, -1], [0, 0, 1]])
        rays, shift = (to_unit @ part for part in epipolar_geometry(camera, other))
        columns = torch.arange(camera.size_wh[0], device=like.device) + 0.5
        rows = torch.arange(camera.size_wh[1], device=like.device)[:, None] + 0.5
        self._rays = [(row[0] * columns + row[1] * rows + row[2]) for row in rays.tolist()]
        self._shift = shift.tolist()

    def only(self, pixels: Tensor) -> Reprojection:
        """Some pixels alone, in a row: (n,) their numbers, row by row."""
        part = copy(self)
        part._rays = [ray.flatten().index_select(0, pixels) for ray in self._rays]
        return part

    def at(self, inverse_depth: Tensor) -> Reprojected:
        """The pixels at inverse depths (n, h, w) or (n, 1, 1)."""
        along_x, along_y, along_z = (
            torch.add(ray, inverse_depth, alpha=shift)
            for ray, shift in zip(self._rays, self._shift, strict=True)
        )
        x, y = along_x / along_z, along_y / along_z
        seen = (along_z > 0) & (x.abs() < 1) & (y.abs() < 1)
        return Reprojected(x, y, inverse_depth / along_z, seen)


def sample(image: Tensor, where: Reprojected) -> Tensor:
    """(n, h, w) bilinear samples of the other view's (H, W) image; its border repeats."""
    grid = torch.stack([where.x, where.y], -1).reshape(1, where.x.shape[:-1].numel(), -1, 2)
    samples = F.grid_sample(image[None, None], grid, padding_mode="border", align_corners=False)
    return samples.reshape(where.x.shape)


def corners(image: Tensor, where: Reprojected) -> Tensor:
    """(4, n, h, w) the four pixels of the other view's (H, W) image around each place.

    No mean of two surfaces is among them, as `sample` has them at edges; the border repeats.
    """
    height, width = image.shape
    left = ((where.x + 1.0) * (width / 2) - 0.5).floor().nan_to_num()
    top = ((where.y + 1.0) * (height / 2) - 0.5).floor().nan_to_num()
    columns = [(left + right).clamp(0, width - 1).long() for right in (0, 1)]
    rows = [(top + down).clamp(0, height - 1).long() * width for down in (0, 1)]
    pixels = image.reshape(-1)
    return torch.stack([pixels.take(row + column) for row in rows for column in columns])
