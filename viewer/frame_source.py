"""Points and a renderer -> what a camera sees; files, windows and keys are unknown."""

from __future__ import annotations

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
    """A camera's picture (h, w, 3) uint8, holes filled, and where the holes are (h, w) bool."""

    rgb: Rgb
    hole: NDArray[np.bool_]


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
        s0: Diameter of a point's splat in world units; None leaves the renderer's own.
        sigma: Distance in pixels over which filled holes fade.
        make_renderer: Where renderers come from.
        device: Where they keep their points.
    """

    def __init__(
        self,
        cloud: PointCloud,
        s0: float | None,
        sigma: float,
        make_renderer: MakeRenderer,
        device: str,
    ) -> None:
        self._s0, self._sigma, self._make_renderer = s0, sigma, make_renderer
        self._cloud, self._device = cloud, device
        self._renderer = lru_cache(maxsize=len(DETAILS))(self._new_renderer)
        self._points = lru_cache(maxsize=len(DETAILS))(self._some_points)

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
        return DrawnView(rendered.rgb.cpu().numpy(), rendered.hole.cpu().numpy())

    def _new_renderer(self, size_wh: tuple[int, int], detail: float) -> Renderer:
        renderer = self._make_renderer(size_wh, self._sigma * detail)
        renderer.s0 = (renderer.s0 if self._s0 is None else self._s0) / detail
        return renderer

    def _some_points(self, detail: float) -> Drawable:
        """As many points as there are pixels less, on the device."""
        import torch  # takes seconds, which a wrong command line need not wait for

        cloud = thinned(self._cloud, round(detail**2 * len(self._cloud.xyz_world)))
        arrays = drawable(cloud._replace(confidence=None))
        return Drawable(
            *(None if one is None else torch.from_numpy(one).to(self._device) for one in arrays)
        )
