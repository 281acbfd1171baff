"""What the corridor asks of a renderer; the doors hand one in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class RenderedView(Protocol):
    """What a renderer answers, see `hole_filling_renderer.RenderedView`."""

    @property
    def rgb(self) -> Any: ...  # noqa: D102
    @property
    def hole(self) -> Any: ...  # noqa: D102
    @property
    def depth(self) -> Any: ...  # noqa: D102
    @property
    def confidence(self) -> Any: ...  # noqa: D102


class Renderer(Protocol):
    """What draws points, see `hole_filling_renderer.HoleFillingRenderer`."""

    s0: float

    def render_view(  # noqa: PLR0913, PLR0917 -- the renderer's public call
        self,
        points: Any,
        colors: Any,
        confidences: Any,
        view_mat: Any,
        proj_mat: Any,
        fov_y: float,
        footprints: Any = None,
    ) -> RenderedView:
        """Draw points for a camera."""
        ...


MakeRenderer = Callable[[tuple[int, int], float], Renderer]
"""A renderer for a size (width, height) and a `sigma_px`."""
