"""A renderer that draws every point, imported only when something has to be rendered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .hole_filling import HoleFillingRenderer


def make_renderer(
    size_wh: tuple[int, int], sigma_px: float, device: str | None = None, **settings: Any
) -> HoleFillingRenderer:
    """The hole-filling renderer, for points that were chosen before.

    Args:
        size_wh: Size of its pictures.
        sigma_px: Distance over which filled holes fade.
        device: `cuda` or `cpu`, as torch names them; None takes CUDA where there is one.
        settings: Further arguments of `HoleFillingRenderer`.
    """
    from .hole_filling import HoleFillingRenderer

    return HoleFillingRenderer(
        *size_wh, confidence_threshold=0.0, jfa_mask_sigma=sigma_px, device=device, **settings
    )


def frames_at_once(device: str | None, threads: int) -> int:
    """How many frames so many threads best render at once, each with a renderer of one thread.

    On the CPU, splitting a frame costs work that rendering whole frames side by side does not; on
    CUDA one frame fills the card.

    Args:
        device: See `make_renderer`.
        threads: How many there are.
    """
    from .launcher import kernel_device

    return threads if kernel_device(device) == "cpu" else 1


def kernel_cache_folder() -> Path:
    """Where the renderer's compiled kernels are kept."""
    from .launcher import kernel_cache_folder

    return kernel_cache_folder()
