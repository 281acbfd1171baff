"""A pair's pictures before they are files."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...core.cameras import Camera
from ...core.masks import Mask
from ...core.points import PointCloud
from ...core.scoring.exposure import Gain, apply_gain, exposure_gain
from ...core.scoring.motion import moved_pixels
from .fusing import View

Rgb = NDArray[np.uint8]

HOLE_FILLS = ("fade", "black", "grey", "noise", "none")
"""What holes of the splats are filled with: what lies behind them, faded to black with distance
(`fade`) or not (`none`), or nothing of the scene at all."""

GREY = 127
"""Half of white in the file, near the middle of what a network's encoder takes."""


@dataclass(frozen=True, eq=False)
class Warp:
    """A pair's pictures, all on one raster.

    Attributes:
        splats: (h, w, 3) uint8, the reference's points seen from the target.
        target: (h, w, 3) uint8.
        reference: (h, w, 3) uint8.
        hole: (h, w) bool, True where no visible point lies.
        depth: (h, w) float32 z-depth of the points in the target's view, 0 = unknown.
        confidence: (h, w) float32 of the points in the target's view, in the estimator's units;
            None where the depth came without.
        cloud: The reference's points.
        cameras: Cameras of target and reference on the pictures' raster.
        gain: What makes the reference as bright as the target, see `exposure_gain`; None where it
            is not known, or not yet.
        target_kept: (h, w) bool, which target pixels its mask keeps; None for all.
        contradicted: Share of the reference's depth that other views contradicted and that is
            dropped; None where nobody asked.
        covisibility: Share of the reference's surface that the target sees, by both depths; None
            where the target's is unknown.
        moved: (h, w) bool, which seen pixels show what moved, see `moved_pixels`; None where it is
            not known yet.
        others: (h, w, 3) uint8 each, further references whose points are among the splats.
        alone: What the reference's points alone show where there are others; else None.
    """

    splats: Rgb
    target: Rgb
    reference: Rgb
    hole: Mask
    depth: NDArray[np.float32]
    confidence: NDArray[np.float32] | None
    cloud: PointCloud
    cameras: dict[str, Camera]
    gain: Gain | None = None
    target_kept: Mask | None = None
    contradicted: float | None = None
    covisibility: float | None = None
    moved: Mask | None = None
    others: tuple[Rgb, ...] = ()
    alone: View | None = None

    @property
    def counted(self) -> Mask:
        """(h, w) bool, which target pixels count: those that no mask leaves out."""
        return np.ones_like(self.hole) if self.target_kept is None else self.target_kept

    @property
    def seen(self) -> Mask:
        """(h, w) bool, which target pixels count and are covered by a visible point."""
        return ~self.hole if self.target_kept is None else ~self.hole & self.target_kept

    def with_holes_filled(self, hole_fill: str) -> Warp:
        """The same, holes of the splats filled as one of `HOLE_FILLS` says."""
        return replace(self, splats=fill_holes(self.splats, self.hole, hole_fill))

    def compared(self) -> Warp:
        """The same, its gain found, and then what moved."""
        gain = exposure_gain(self.splats, self.target, self.seen)
        splats = self.splats if gain is None else apply_gain(self.splats, gain)
        return replace(self, gain=gain, moved=moved_pixels(splats, self.target, self.seen))

    def matched(self) -> Warp:
        """The same, splats and references as bright as the target where the gain is known."""
        if self.gain is None:
            return self
        splats, *pictures = (
            apply_gain(picture, self.gain)
            for picture in (self.splats, self.reference, *self.others)
        )
        return replace(self, splats=splats, reference=pictures[0], others=tuple(pictures[1:]))


def fill_holes(splats: Rgb, hole: Mask, hole_fill: str) -> Rgb:
    """Splats (h, w, 3) whose holes (h, w) are as one of `HOLE_FILLS` says.

    What the renderer fills, faded or not, stays. The noise hangs on the holes alone: one picture
    always has the same, two have not.
    """
    if hole_fill in ("fade", "none"):
        return splats
    if hole_fill == "noise":
        seed = hashlib.sha256(np.packbits(hole).tobytes()).digest()
        noise = hashlib.shake_256(seed).digest(splats.size)
        filling = np.frombuffer(noise, np.uint8).reshape(splats.shape)
    else:
        filling = np.full_like(splats, {"black": 0, "grey": GREY}[hole_fill])
    return np.where(hole[..., None], filling, splats)


def fade_px(sigma_px: float, hole_fill: str) -> float:
    """The distance over which the renderer fades holes: none at all where they shall not fade."""
    return math.inf if hole_fill == "none" else sigma_px
