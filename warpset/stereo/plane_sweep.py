"""Inverse depth of one view by plane sweep in torch, coarse to fine; no files, no other depths.

One source for CPU and CUDA. A hypothesis is an inverse depth a pixel; it is worth what the
normalised cross-correlation of the view with its sources says when they are warped by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..core.cameras import Camera
from ..core.reprojection import Reprojection, epipolar_geometry, sample
from .semi_global import aggregate

# What is said below of a larger number was seen on the example room, with what others confirm alone
# and no planes: as it stands 64 % of the pixels get depth then, off by 0.12 % (median), 91.7 % of
# them by less than 1 %.

# Radius in pixels of the windows that are correlated: 3x3 and 9x9 pixels. Larger ones match more of
# a surface, and more wrongly at its rim: at 2 the small one gives depth to 66 %, 90.0 % of it
# within 1 %; at 7 the large one gives 64 %, 89.9 % of it.
SMALL_WINDOW_PX, LARGE_WINDOW_PX = 1, 4

# Standard deviation of a small window, 0 to 1, at which it counts as much as the large one: twice a
# camera's noise. Three times as much gives depth to 67 %, but 88.2 % of it within 1 %: large
# windows smear.
TEXTURE_CONTRAST = 2.0 / 255.0

# Added to variances, one level of 255 squared: what varies less than the camera's noise correlates
# with nothing, instead of with anything. Nine times as much leaves depth to 57 %, 89.9 % of it
# within 1 %.
NOISE_VARIANCE = (1.0 / 255.0) ** 2

# Planes of the coarse level. Fewer than eight leave a parabola nothing to fit where a scene is
# flat; more than 192 do not pay, since one more halving of the image makes them half as many.
MIN_PLANES, MAX_PLANES = 8, 192

# Pixels that the image moves between two planes, at the coarse level and in the source it moves
# most in. One pixel is as fine as bilinear samples tell apart.
COARSE_PLANE_STEP_PX = 1.0

# Finer levels try four half pixels to either side of what the coarser one found, which is two
# pixels here and one there: an error of one coarse pixel can be made good. With two steps 90.4 %
# are within 1 %; with steps of a whole pixel 63 % get depth, 93.3 % of it.
FINE_STEP_PX, FINE_STEPS = 0.5, 4

# Price, in units of correlation, of moving one plane between neighbours: raised, slanted surfaces
# turn into stairs. Three times as much: 62 %, 90.1 % of it within 1 %.
SMALL_STEP = 0.08

# Price of moving any further: raised, thin things melt into what is behind them. Twice as much: 66
# %, 91.0 % of it within 1 %.
JUMP = 0.6

# How much a pixel differs from the mean of its 3x3 neighbours, 0 to 1, where `JUMP` costs half:
# depth breaks where colours break. Four times as much: 65 %, 91.3 % of it within 1 %.
EDGE_CONTRAST = 0.03

# Hypotheses times pixels that are worked on at once, 2 MB of float32 an array: they fit the
# processor's cache. More only take more memory.
CHUNK_SAMPLES = 1 << 19

# Marks pixels outside a source. Any number below -1, the least correlation there is.
UNSEEN = -2.0


@dataclass(frozen=True, eq=False)
class GrayView:
    """An image and its camera.

    Attributes:
        gray: (h, w) float32 luminance, 0 to 1.
        camera: Its camera, of the same size.
    """

    gray: Tensor
    camera: Camera

    def scaled(self, factor: float) -> GrayView:
        """The view with `factor` times the pixels along each side."""
        width, height = self.camera.size_wh
        size_wh = max(1, round(width * factor)), max(1, round(height * factor))
        if size_wh == self.camera.size_wh:
            return self
        gray = F.interpolate(self.gray[None, None], size_wh[::-1], mode="bilinear", antialias=True)
        return GrayView(gray[0, 0], self.camera.resized(size_wh))


class Sweep(NamedTuple):
    """What a plane sweep found.

    Attributes:
        inverse_depth: (h, w) float32, 1 / scene unit.
        correlation: (h, w) float32, -1 to 1, of the photo with its best sources there.
        distinctness: (h, w) float32, by how much they correlate worse a pixel off and more; about
            0 where nothing tells one depth from the next.
    """

    inverse_depth: Tensor
    correlation: Tensor
    distinctness: Tensor


def sweep(
    reference: GrayView, sources: Sequence[GrayView], depth_range: tuple[float, float]
) -> Sweep:
    """Inverse depth of every pixel of the reference.

    Args:
        reference: The view whose depth is wanted.
        sources: Views to compare it with, about as large as they show the scene.
        depth_range: Inverse depths to search, far end first.
    """
    level, planes = _coarsest_level(reference.camera, sources, depth_range)
    coarsest = _swept(*_at_level(reference, sources, level), depth_range, planes)
    found = _refined(coarsest, *_at_level(reference, sources, level - 1))
    for finer in range(level - 2, -1, -1):
        found = _refined(found.inverse_depth, *_at_level(reference, sources, finer))
    return found


def _swept(
    reference: GrayView, sources: Sequence[GrayView], depth_range: tuple[float, float], planes: int
) -> Tensor:
    """(h, w) the best of evenly spaced planes for every pixel."""
    far, near = depth_range
    inverse_depths = torch.linspace(far, near, planes, device=reference.gray.device)
    volume = correlation_volume(reference, sources, inverse_depths[:, None, None])
    return far + _best_label(reference, volume) * (near - far) / (planes - 1)


def _at_level(
    reference: GrayView, sources: Sequence[GrayView], level: int
) -> tuple[GrayView, list[GrayView]]:
    factor = 0.5**level
    return reference.scaled(factor), [source.scaled(factor) for source in sources]


def _coarsest_level(
    reference: Camera, sources: Sequence[GrayView], depth_range: tuple[float, float]
) -> tuple[int, int]:
    """Halvings of the image, and the number of planes that sample its disparities there."""
    extent_px = max(_disparity_extent(reference, view.camera, depth_range) for view in sources)
    # at least one halving: the full image is only searched around what a coarser one found
    level = max(1, math.ceil(math.log2(extent_px / COARSE_PLANE_STEP_PX / MAX_PLANES)))
    planes = math.ceil(extent_px / 2**level / COARSE_PLANE_STEP_PX) + 1
    return level, int(np.clip(planes, MIN_PLANES, MAX_PLANES))


def _disparity_extent(reference: Camera, source: Camera, depth_range: tuple[float, float]) -> float:
    """Mean length in pixels of a reference pixel's path through the source over the range.

    Measured on a few pixels, where the source sees them, as if it saw the whole range: behind
    the source's camera paths run to infinity. At least one pixel.
    """
    steps = 64  # of the path, which is walked unevenly: what is near moves more
    rays, shift = epipolar_geometry(reference, source)
    # nine pixels a quarter of the image apart stand for all; corners see the least of a source
    parts = np.array([[x, y, 4.0] for x in (1, 2, 3) for y in (1, 2, 3)]) / 4.0
    pixels = parts * [*reference.size_wh, 1.0]
    inverse_depths = np.linspace(*depth_range, steps + 1)[:, None, None]
    positions = pixels @ rays.T + inverse_depths * shift
    uv = positions[..., :2] / positions[..., 2:]
    seen = (positions[..., 2] > 0) & np.all((uv > 0) & (uv < source.size_wh), axis=-1)
    moves_px = np.linalg.norm(np.diff(uv, axis=0), axis=-1)[seen[1:] & seen[:-1]]
    return max(1.0, steps * float(moves_px.mean())) if len(moves_px) else 1.0


def correlation_volume(
    reference: GrayView, sources: Sequence[GrayView], inverse_depth: Tensor
) -> Tensor:
    """How well the sources agree with the reference under each hypothesis.

    Args:
        reference: The view whose depth is wanted.
        sources: Views to compare it with.
        inverse_depth: (n, h, w) or (n, 1, 1) hypotheses.

    Returns:
        (n, h, w) mean of the best two sources' correlations;
        0 where no source sees the pixel.
    """
    height, width = reference.gray.shape
    chunk = max(1, CHUNK_SAMPLES // (height * width))
    windows = _Windows(reference.gray)
    paths = [Reprojection(reference.camera, source.camera, source.gray) for source in sources]
    volume = reference.gray.new_empty(len(inverse_depth), height, width)
    for start in range(0, len(inverse_depth), chunk):
        part = inverse_depth[start : start + chunk]
        best = second = reference.gray.new_tensor(UNSEEN)
        for source, path in zip(sources, paths, strict=True):
            there = path.at(part)
            warped = sample(source.gray, there)
            score = torch.where(there.seen, windows.correlation(warped), UNSEEN)
            # the best two, not the mean of all: where something hides a point from a source, that
            # source must not count against it
            second = torch.maximum(second, torch.minimum(best, score))
            best = torch.maximum(best, score)
        volume[start : start + chunk] = _mean_of_seen(best, second)
    return volume


def _mean_of_seen(best: Tensor, second: Tensor) -> Tensor:
    mean = torch.where(second > UNSEEN, (best + second) / 2, best)
    return torch.where(best > UNSEEN, mean, 0.0)


class _Windows:
    """Correlation with one image over two window sizes: small where it has texture, else large.

    Small windows keep depth edges sharp; without texture they would compare noise.
    """

    def __init__(self, gray: Tensor):
        self.small, self.large = _Window(gray, SMALL_WINDOW_PX), _Window(gray, LARGE_WINDOW_PX)
        self.share = self.small.variance / (self.small.variance + TEXTURE_CONTRAST**2)

    def correlation(self, warped: Tensor) -> Tensor:
        """(n, h, w) zero-mean normalised cross-correlation; 0 where there is no texture."""
        return torch.lerp(
            self.large.correlation(warped), self.small.correlation(warped), self.share
        )


class _Window:
    """Correlation with one image over square windows; what depends on it alone is kept."""

    def __init__(self, gray: Tensor, radius: int):
        self.radius, self.gray = radius, gray
        self.mean = _box_mean(gray[None], radius)
        variance = _box_mean(gray[None] ** 2, radius) - self.mean**2
        self.variance = variance.clamp_min(0) + NOISE_VARIANCE

    def correlation(self, warped: Tensor) -> Tensor:
        """(n, h, w) zero-mean normalised cross-correlation; 0 where there is no texture."""
        mean = _box_mean(warped, self.radius)
        variance = (_box_mean(warped * warped, self.radius) - mean**2).clamp_min(0)
        covariance = _box_mean(warped * self.gray, self.radius) - mean * self.mean
        return covariance * ((variance + NOISE_VARIANCE) * self.variance).rsqrt()


def _box_mean(volume: Tensor, radius: int) -> Tensor:
    """Mean over (2 radius + 1) squared pixels of each image (n, h, w), borders repeated."""
    padded = F.pad(volume[None], (radius,) * 4, mode="replicate")[0]
    height, width = volume.shape[-2:]
    rows = padded[:, :height].clone()
    # rows, then columns: 4 radius additions instead of 4 radius^2, and no sums that lose digits as
    # they grow, as running sums over the whole image would
    for offset in range(1, 2 * radius + 1):
        rows += padded[:, offset : offset + height]
    total = rows[..., :width].clone()
    for offset in range(1, 2 * radius + 1):
        total += rows[..., offset : offset + width]
    return total.div_((2 * radius + 1) ** 2)


def _best_label(reference: GrayView, correlation: Tensor) -> Tensor:
    """(h, w) label of the best hypothesis after aggregation, to a fraction of a label."""
    gray = reference.gray
    contrast = (_box_mean(gray[None], 1)[0] - gray).abs()
    jump = JUMP / (1.0 + contrast / EDGE_CONTRAST)
    cost = (1.0 - correlation).permute(1, 2, 0).contiguous()
    # a jump must cost more than a step, or paths would jump where they could walk
    return _parabola_minimum(aggregate(cost, SMALL_STEP, jump.clamp_min(2 * SMALL_STEP)))


def _parabola_minimum(cost: Tensor) -> Tensor:
    """(h, w) position of the least of (h, w, n) costs, between samples by a parabola."""
    lowest = cost.argmin(-1, keepdim=True)
    center = lowest.clamp(1, cost.shape[-1] - 2)  # both ends need a neighbour on either side
    before, at, after = (cost.gather(-1, center + step)[..., 0] for step in (-1, 0, 1))
    curvature = (before - 2 * at + after).clamp_min(1e-6)  # three equal costs have none
    offset = (0.5 * (before - after) / curvature).clamp(-1, 1)
    return center[..., 0] + offset


def _refined(coarse: Tensor, reference: GrayView, sources: Sequence[GrayView]) -> Sweep:
    """What the next finer level finds around the inverse depths of the coarser one."""
    size_hw = reference.gray.shape
    base = F.interpolate(coarse[None, None], size_hw, mode="bilinear")[0, 0]
    step = _fine_step(reference.camera, sources, base)
    offsets = torch.arange(-FINE_STEPS, FINE_STEPS + 1, device=base.device) * step
    farthest = float(base.min()) / 2  # steps below zero would lie behind the camera
    volume = correlation_volume(
        reference, sources, (base + offsets[:, None, None]).clamp_min(farthest)
    )
    label = _best_label(reference, volume)
    nearest = label.round().long().clamp(0, len(offsets) - 1)
    inverse_depth = (base + (label - FINE_STEPS) * step).clamp_min(farthest)
    correlation = volume.gather(0, nearest[None])[0]
    return Sweep(inverse_depth, correlation, correlation - _mean_far_from(volume, nearest))


def _mean_far_from(volume: Tensor, nearest: Tensor) -> Tensor:
    """(h, w) mean over (n, h, w) of the entries a pixel and more from an index (h, w)."""
    steps_per_px = round(1.0 / FINE_STEP_PX)
    total, count = torch.zeros_like(volume[0]), torch.zeros_like(volume[0])
    for index, entry in enumerate(volume):
        is_far = (nearest - index).abs() >= steps_per_px
        total += torch.where(is_far, entry, 0.0)
        count += is_far
    return total / count


def _fine_step(camera: Camera, sources: Sequence[GrayView], inverse_depth: Tensor) -> float:
    """Inverse depth that moves the image by `FINE_STEP_PX` in the source it moves most in."""
    middle = float(inverse_depth.median())
    ends = (0.9 * middle, 1.1 * middle)  # so near that the image moves evenly between them
    extent_px = max(_disparity_extent(camera, source.camera, ends) for source in sources)
    return FINE_STEP_PX * (ends[1] - ends[0]) / extent_px
