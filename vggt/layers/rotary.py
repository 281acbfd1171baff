"""Rotary position embedding: tables of angles and their application; knows no network."""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

BASE = 100.0


class RotaryTable(NamedTuple):
    """Cosines and sines of one frame's tokens, each (T, groups, half).

    A head's channels are `groups` runs of [u | v], u and v of `half` channels; channel j of u and
    of v turn together by the angle of (token, group, j).
    """

    cos: Tensor
    sin: Tensor


def rotate(heads: Tensor, table: RotaryTable) -> Tensor:
    """Rotate float32 heads (F, T, heads, d) of F frames by the table of T tokens."""
    cos, sin = table.cos[:, None], table.sin[:, None]
    groups, half = cos.shape[-2:]
    u, v = heads.unflatten(-1, (groups, 2, half)).unbind(-2)
    return torch.stack((u * cos - v * sin, v * cos + u * sin), dim=-2).flatten(-3)


@lru_cache(maxsize=8)
def grid_rotary(
    rows: int, columns: int, leading: int, head_dim: int, device: torch.device
) -> RotaryTable:
    """Table of a patch grid, row-major, behind `leading` special tokens.

    Channels: first half of the head turns with the row, second half with the column. Patches
    count from 1; the special tokens sit at (0, 0) and stay unrotated.
    """
    y, x = torch.meshgrid(
        torch.arange(1, rows + 1, device=device),
        torch.arange(1, columns + 1, device=device),
        indexing="ij",
    )
    patches = torch.stack((y, x), dim=-1).reshape(-1, 2)
    return _table(torch.cat((patches.new_zeros(leading, 2), patches)), head_dim)


@lru_cache(maxsize=8)
def level_rotary(patches: int, head_dim: int, device: torch.device) -> RotaryTable:
    """Table of one special token at (0, 0) and of patches that all sit at (1, 1).

    Patches are turned against the special token and not against each other.
    """
    positions = torch.ones(1 + patches, 2, dtype=torch.long, device=device)
    positions[0] = 0
    return _table(positions, head_dim)


def _table(positions: Tensor, head_dim: int) -> RotaryTable:
    """Table of tokens at (row, column), (T, 2)."""
    half = head_dim // 4
    frequencies = BASE ** (-torch.arange(half, device=positions.device) / half)
    angles = positions.float()[..., None] * frequencies
    return RotaryTable(angles.cos(), angles.sin())
