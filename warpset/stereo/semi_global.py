"""Semi-global aggregation of a cost volume in torch; no cameras, no photos, no depth.

Hirschmueller, "Stereo processing by semiglobal matching and mutual information" (2008): along
each of eight directions a path pays `small_step` to move one label and `jump` to move further;
the sum over the directions replaces the cost.
"""

from __future__ import annotations

import torch
from torch import Tensor


def aggregate(cost: Tensor, small_step: float, jump: Tensor) -> Tensor:
    """Sum of the eight path costs of every pixel and label.

    Args:
        cost: (h, w, n) matching cost, label last.
        small_step: Price of a change by one label between neighbouring pixels.
        jump: (h, w) price of a larger change on entering a pixel; lower where the photo has edges.

    Returns:
        (h, w, n), eight times the scale of `cost`.
    """
    total = _vertical_paths(cost, small_step, jump, (-1, 0, 1))
    # the two ways along a row are those along a column of the turned image
    sideways = _vertical_paths(cost.transpose(0, 1), small_step, jump.T, (0,))
    return total.add_(sideways.transpose(0, 1))


def _vertical_paths(
    cost: Tensor, small_step: float, jump: Tensor, slopes: tuple[int, ...]
) -> Tensor:
    """Down and up paths, each with the given sideways moves per row; both ways in one pass."""
    height, width, labels = cost.shape
    # one row at a time: a row needs the one before it, but all its pixels, labels, slopes and both
    # ways can be worked on at once, so that a GPU is busy and no loop runs over pixels
    total = torch.zeros(height, width, labels, device=cost.device)
    paths = cost.new_zeros(2, len(slopes), width, labels)
    for row in range(height):
        rows = (row, height - 1 - row)
        entering = torch.stack([cost[rows[0]], cost[rows[1]]])[:, None]
        price = torch.stack([jump[rows[0]], jump[rows[1]]])[:, None, :, None]
        paths = _step(_moved_sideways(paths, slopes), entering, small_step, price)
        total[rows[0]] += paths[0].sum(0)
        total[rows[1]] += paths[1].sum(0)
    return total


def _moved_sideways(paths: Tensor, slopes: tuple[int, ...]) -> Tensor:
    """Each slope's paths moved to the pixel they enter; those from outside start anew at zero."""
    moved = torch.zeros_like(paths)  # zero: a path from outside prefers no label
    width = paths.shape[2]
    for index, slope in enumerate(slopes):
        start, end = max(slope, 0), width + min(slope, 0)
        moved[:, index, start:end] = paths[:, index, start - slope : end - slope]
    return moved


def _step(previous: Tensor, entering: Tensor, small_step: float, jump: Tensor) -> Tensor:
    """Path costs after one pixel, kept small by subtracting the best of the previous pixel."""
    best = previous.amin(-1, keepdim=True)
    cheapest = torch.minimum(previous, best + jump)
    neighbour = previous + small_step
    # equation (13) of the paper: stay, step one label up or down, or jump from the best one
    cheapest[..., 1:] = torch.minimum(cheapest[..., 1:], neighbour[..., :-1])
    cheapest[..., :-1] = torch.minimum(cheapest[..., :-1], neighbour[..., 1:])
    # without `best` costs would grow along a path and float32 would lose their differences
    return cheapest.add_(entering).sub_(best)
