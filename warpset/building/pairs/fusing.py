"""Several photos' points in one view: the nearest surface wins, and colours blend within it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.cameras import Camera
from ...core.drawing import draw, drawable
from ...core.masks import Mask
from ...core.points import FramePoints, joined
from ...core.protocols import Renderer
from ...core.scoring.exposure import Gain, apply_gain, exposure_gain

Rgb = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Reference:
    """A photo that is warped with others into one view.

    Attributes:
        picture: (h, w, 3) uint8.
        points: What it shows, as points.
        camera: Its camera on the pictures' raster.
    """

    picture: Rgb
    points: FramePoints
    camera: Camera

    def with_gain(self, gain: Gain) -> Reference:
        """The same in other light."""
        cloud = self.points.cloud
        lit = cloud._replace(rgb=apply_gain(cloud.rgb, gain))
        picture = apply_gain(self.picture, gain)
        return replace(self, picture=picture, points=self.points._replace(cloud=lit))


class View(NamedTuple):
    """What a camera sees, see `core.protocols.RenderedView`."""

    rgb: Rgb
    hole: Mask
    depth: NDArray[np.float32]
    confidence: NDArray[np.float32]


class Comparison(NamedTuple):
    """What references are compared with to tell how bright they are.

    Attributes:
        target: (h, w, 3) uint8.
        kept: (h, w), which of its pixels count; None for all.
    """

    target: Rgb
    kept: Mask | None


class Fused(NamedTuple):
    """Several references in one view.

    Attributes:
        view: What the camera sees of them.
        first: What it sees of the first alone.
        references: They, in the light in which they were fused.
    """

    view: View
    first: View
    references: Sequence[Reference]


def fused(
    references: Sequence[Reference],
    camera: Camera,
    renderer: Renderer,
    with_own_splats: bool = False,
    comparison: Comparison | None = None,
) -> Fused:
    """What a camera sees of all references' points; the order of the references does not matter.

    All points are drawn at once: the renderer keeps the nearest surface and blends what lies on it,
    in integers. Covered is what at least one reference covers alone, so that another one never
    takes anything away. Drawn together they may cover less, where the ragged edge of a nearer
    surface hides what it does not cover, or in a gap that the points of two close; see `_covered`.

    Args:
        references: At least one.
        camera: The target's.
        renderer: Draws on its raster.
        with_own_splats: Whether splats have the size that the points ask for.
        comparison: Makes the others as bright as the first, where given.
    """
    seen = partial(_seen, camera=camera, renderer=renderer, with_own_splats=with_own_splats)
    alone = [seen([one]) for one in references]
    if comparison is not None:
        gains = _gains_to_the_first(alone, comparison)
        references = [one.with_gain(gain) for one, gain in zip(references, gains, strict=True)]
        alone = [
            view._replace(rgb=apply_gain(view.rgb, gain))
            for view, gain in zip(alone, gains, strict=True)
        ]
    return Fused(_covered(seen(references), alone), alone[0], references)


def _seen(
    references: Sequence[Reference], camera: Camera, renderer: Renderer, with_own_splats: bool
) -> View:
    if with_own_splats:  # those of the coarsest, which has to close as well
        renderer.s0 = max(one.points.splat_size for one in references)
    view = draw(renderer, drawable(joined([one.points.cloud for one in references])), camera)
    return View(view.rgb, np.asarray(view.hole, bool), view.depth, view.confidence)


def _gains_to_the_first(alone: Sequence[View], comparison: Comparison) -> list[Gain]:
    """What makes each view as bright as the first; 1 where that cannot be told."""
    target, kept = comparison
    counted = np.ones(target.shape[:2], bool) if kept is None else kept
    gains = [exposure_gain(view.rgb, target, ~view.hole & counted) for view in alone]
    first = gains[0]
    return [
        Gain(1.0, 1.0, 1.0)
        if first is None or gain is None
        else Gain(*(to_target / of_first for to_target, of_first in zip(gain, first, strict=True)))
        for gain in gains
    ]


def _covered(together: View, alone: Sequence[View]) -> View:
    """The view with just those pixels covered that some reference covers alone.

    What it lost is taken from the nearest of these. What it has beyond them, in gaps between the
    points of two (0.02 to 0.05 % of the picture on the recorded scenes), counts as a hole: which
    gaps are closed changes with each further reference.
    """
    hole = np.logical_and.reduce([view.hole for view in alone])
    lost = together.hole & ~hole
    depth = np.stack([np.where(view.hole, np.inf, view.depth)[lost] for view in alone])
    is_nearest = depth == depth.min(axis=0)

    def taken(pixels: NDArray, of_each: Sequence[NDArray]) -> NDArray:
        found = np.stack([each[lost] for each in of_each])
        nearest = is_nearest.reshape(*is_nearest.shape, *[1] * (found.ndim - 2))
        pixels = pixels.copy()
        pixels[lost] = np.where(nearest, found, 0).max(axis=0)  # of equals, in no order
        return pixels

    return View(
        taken(together.rgb, [view.rgb for view in alone]),
        hole,
        np.where(hole, 0, taken(together.depth, [view.depth for view in alone])),
        np.where(hole, 0, taken(together.confidence, [view.confidence for view in alone])),
    )
