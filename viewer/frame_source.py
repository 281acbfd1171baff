"""Points and a renderer -> what a camera sees; files, windows and keys are unknown."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warpset.core.cameras import Camera
from warpset.core.drawing import Drawable, draw, drawable
from warpset.core.points import PointCloud, thinned
from warpset.core.protocols import MakeRenderer, Renderer

Rgb = NDArray[np.uint8]

DETAILS = (1.0, 0.5, 0.25, 0.125)
"""Sizes of a picture relative to the window's, the full one first."""


class DrawnView(NamedTuple):
    """What a camera sees.

    Attributes:
        rgb: (h, w, 3), holes filled.
        hole: (h, w) where they are.
        depth: (h, w) z-depth in world units, 0 = unknown.
    """

    rgb: Rgb
    hole: NDArray[np.bool_]
    depth: NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """How points become a picture.

    Attributes:
        sigma_px: Distance in pixels over which filled holes fade.
        s0: Diameter of a point's splat in world units; None leaves the renderer's own.
        s0_factor: What that is multiplied by.
        hidden_percent: Share of the points that is left out, the least trusted first.
    """

    sigma_px: float
    s0: float | None = None
    s0_factor: float = 1.0
    hidden_percent: float = 0.0


class DisplayMode(NamedTuple):
    """What of a view is shown: holes filled or black, or the hole mask instead of colours."""

    filled: bool = True
    mask: bool = False


def picture(view: DrawnView, mode: DisplayMode) -> Rgb:
    """The (h, w, 3) picture of a view; the mask is white where the holes are."""
    if mode.mask:
        return np.repeat(np.where(view.hole, np.uint8(255), np.uint8(0))[..., None], 3, axis=2)
    return view.rgb if mode.filled else np.where(view.hole[..., None], np.uint8(0), view.rgb)


class FrameSource:
    """Renders one cloud for any camera, in full or with less detail in less time.

    Args:
        cloud: The points.
        look: How they are drawn.
        make_renderer: Where renderers come from.
        device: Where they keep their points.

    Attributes:
        look: See the argument.
    """

    def __init__(
        self, cloud: PointCloud, look: Look, make_renderer: MakeRenderer, device: str
    ) -> None:
        self.look = look
        self._make_renderer, self._cloud, self._device = make_renderer, cloud, device
        self._renderer = lru_cache(maxsize=len(DETAILS))(self._new_renderer)
        self._points = lru_cache(maxsize=len(DETAILS))(self._some_points)

    def looking(self, look: Look) -> FrameSource:
        """The same cloud drawn otherwise; points that both need are on the device once."""
        other = FrameSource(self._cloud, look, self._make_renderer, self._device)
        if look.hidden_percent == self.look.hidden_percent:
            other._points = self._points
        return other

    def view(self, camera: Camera, detail: float = 1.0) -> DrawnView:
        """What a camera sees.

        Args:
            camera: The camera on the window's raster.
            detail: One of `DETAILS`: the picture is smaller by it, and made of fewer points.
        """
        width, height = camera.size_wh
        camera = camera.resized((max(1, round(width * detail)), max(1, round(height * detail))))
        renderer = self._renderer(camera.size_wh, detail)
        rendered = draw(renderer, self._points(detail), camera)
        arrays = (one.cpu().numpy() for one in (rendered.rgb, rendered.hole, rendered.depth))
        return DrawnView(*arrays)

    def _new_renderer(self, size_wh: tuple[int, int], detail: float) -> Renderer:
        renderer = self._make_renderer(size_wh, self.look.sigma_px * detail)
        s0 = renderer.s0 if self.look.s0 is None else self.look.s0
        renderer.s0 = s0 * self.look.s0_factor / detail
        return renderer

    def _some_points(self, detail: float) -> Drawable:
        """As many points as there are pixels less, on the device."""
        import torch  # takes seconds, which a wrong command line need not wait for

        cloud = most_trusted(self._cloud, self.look.hidden_percent)
        cloud = thinned(cloud, round(detail**2 * len(cloud.xyz_world)))
        arrays = drawable(cloud._replace(confidence=None))
        return Drawable(
            *(None if one is None else torch.from_numpy(one).to(self._device) for one in arrays)
        )


def most_trusted(cloud: PointCloud, hidden_percent: float) -> PointCloud:
    """The cloud without so many per cent of its points, the least confident; all if none has it."""
    if cloud.confidence is None or hidden_percent <= 0:
        return cloud
    least = np.percentile(cloud.confidence, hidden_percent)
    return cloud.chosen(np.flatnonzero(cloud.confidence >= least))
