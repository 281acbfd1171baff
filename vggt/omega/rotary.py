"""DINOv3's rotary positions: patch centres scaled by the longer side; knows no tokens' meaning."""

import math

import torch
from torch import Tensor, nn

from ..layers.rotary import RotaryTable


class CentredRotary(nn.Module):
    """Tables of patch grids; the periods are the checkpoint's own.

    Args:
        head_dim: Channels of a head; there is a period for every fourth of them.
    """

    periods: Tensor

    def __init__(self, head_dim: int):
        super().__init__()
        self.register_buffer("periods", torch.ones(head_dim // 4))

    def forward(self, grid_hw: tuple[int, int], leading: int) -> RotaryTable:
        """Table of a patch grid, row-major, behind `leading` tokens that stay unrotated.

        Positions are of patch centres, 2 / the longer side apart, starting at its end -1; the first
        quarter of a head's channels turns with the row, the second with the column, each together
        with the channel half a head further on.
        """
        rows, columns = grid_hw
        y, x = (self._angles(count, max(grid_hw)) for count in grid_hw)
        in_grid = (y[:, None].expand(-1, columns, -1), x[None].expand(rows, -1, -1))
        patches = torch.cat(in_grid, dim=-1).flatten(0, 1)
        angles = torch.cat((patches.new_zeros(leading, patches.shape[1]), patches))[:, None]
        return RotaryTable(angles.cos(), angles.sin())

    def _angles(self, count: int, longer: int) -> Tensor:
        cells = torch.arange(count, device=self.periods.device, dtype=torch.float32)
        centres = 2 * (cells + 0.5) / longer - 1
        return 2 * math.pi * centres[:, None] / self.periods
