"""How hard pairs are to match: by overlap, difference of pitch, and scale; no files, no pictures.

The grades are those of AerialExtreMatch's evaluation pairs: four of overlap, four of the difference
of pitch from 50 degrees on, two of scale, 32 levels together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from warpset.core.cameras import Camera, project, unproject
from warpset.core.geometry import DepthMap

OVERLAP_EDGES = (0.2, 0.4, 0.6)
PITCH_EDGES_DEG = (50.0, 55.0, 60.0, 65.0, 70.0)
SCALE_EDGE = 2.0

OUTSIDE = 0
"""The level of pairs whose pitches differ by less or more than any grade holds."""

POINTS = 200
"""So many points of a view, evenly spaced, tell at which scale another view shows them."""


class PairGrades(NamedTuple):
    """Grades of pairs, an entry a pair.

    Attributes:
        pitch_deg: (n,) float32, by how much the optical axes' angles to the horizon differ.
        scale: (n,) float32, one or more: how many times larger one view shows the surface.
        level: (n,) int32, 1 to 32 from easy to hard: the less overlap the harder, then the more
            pitch, then the more scale; `OUTSIDE` where the pitches differ by less than 50 degrees
            or 70 and more.
    """

    pitch_deg: NDArray[np.float32]
    scale: NDArray[np.float32]
    level: NDArray[np.int32]

    def of(self, rows: NDArray[np.intp]) -> PairGrades:
        """The grades of some of the pairs."""
        return PairGrades(self.pitch_deg[rows], self.scale[rows], self.level[rows])


def grade_pairs(
    views: Sequence[DepthMap], pairs: NDArray[np.intp], scores: NDArray[np.float32]
) -> PairGrades:
    """Grade pairs.

    Args:
        views: Views of one world whose z is up, small ones (see `small_view`).
        pairs: (n, 2) indices of views.
        scores: (n,) overlap of each pair, in 0..1.
    """
    pitches = np.array([pitch_deg(view.camera) for view in views])
    points = [_some_points(view) for view in views]
    apart = np.abs(pitches[pairs[:, 0]] - pitches[pairs[:, 1]]).astype(np.float32)
    scale = np.array(
        [_scale(points[i], views[i].camera, views[j].camera) for i, j in pairs.tolist()], np.float32
    )
    return PairGrades(apart, scale, levels_of(apart, scale, scores))


def pitch_deg(camera: Camera) -> float:
    """Angle of the optical axis to the horizon, -90 straight down, where the world's z is up."""
    return float(np.degrees(np.arcsin(np.clip(camera.cam_from_world[2, 2], -1.0, 1.0))))


def _some_points(view: DepthMap) -> NDArray[np.floating]:
    xyz_world = unproject(view.camera, view.depth)[view.depth > 0]
    return xyz_world[:: max(1, -(-len(xyz_world) // POINTS))]


def _scale(xyz_world: NDArray[np.floating], one: Camera, other: Camera) -> float:
    """How many times larger one of two views shows points that fall on both rasters; 1 if none."""
    _, own_z = project(one, xyz_world)
    uv, z = project(other, xyz_world)
    shared = (z > 0) & np.all((uv >= 0) & (uv < other.size_wh), axis=1)
    if not shared.any():
        return 1.0
    # share of the picture's width that a metre takes up, so that the rasters' sizes do not count
    metre_in_one = one.K[0, 0] / one.size_wh[0] / own_z[shared]
    metre_in_other = other.K[0, 0] / other.size_wh[0] / z[shared]
    ratio = float(np.median(metre_in_one / metre_in_other))
    return max(ratio, 1 / ratio)


def levels_of(
    pitch: NDArray[np.float32], scale: NDArray[np.float32], overlap: NDArray[np.float32]
) -> NDArray[np.int32]:
    """(n,) levels, see `PairGrades`."""
    low = len(OVERLAP_EDGES) - np.searchsorted(OVERLAP_EDGES, overlap, side="right")
    steep = np.searchsorted(PITCH_EDGES_DEG, pitch, side="right") - 1
    far = scale > SCALE_EDGE
    graded = (steep >= 0) & (steep < len(PITCH_EDGES_DEG) - 1)
    level = 1 + (low * (len(PITCH_EDGES_DEG) - 1) + steep) * 2 + far
    return np.where(graded, level, OUTSIDE).astype(np.int32)


def level_name(level: int) -> str:
    """A level in words."""
    if level == OUTSIDE:
        return f"pitch under {PITCH_EDGES_DEG[0]:.0f} or from {PITCH_EDGES_DEG[-1]:.0f} degrees"
    low, rest = divmod(level - 1, 2 * (len(PITCH_EDGES_DEG) - 1))
    steep, far = divmod(rest, 2)
    edges = (0.0, *OVERLAP_EDGES, 1.0)
    most = len(OVERLAP_EDGES) - low
    return (
        f"overlap {edges[most]:.0%} to {edges[most + 1]:.0%}, pitch {PITCH_EDGES_DEG[steep]:.0f} to"
        f" {PITCH_EDGES_DEG[steep + 1]:.0f} degrees, scale {'over 2' if far else '1 to 2'}"
    )
