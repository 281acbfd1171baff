"""Sparse scene points and the photos that see them: depth ranges, which photos to compare.

It knows neither how the points were found nor what is done with the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.cameras import Camera, FloatArray, project

# Angle at a point between the rays to two photos, where depth is precise enough and both still look
# alike. Raised, photos from farther apart are preferred, in which less of a surface matches.
BEST_TRIANGULATION_ANGLE_DEG = 8.0

# Standard deviation of the preference for angles, in units of their natural logarithm: 3.6 and 17.8
# degrees weigh 0.6 of what 8 do. Raised, the number of shared points alone decides.
ANGLE_SPREAD = 0.8

# Two photos that share fewer points are not compared, and a photo that sees fewer gets no range of
# depths. Lowered, a few false matches decide both.
MIN_SHARED_POINTS = 8

# How far the searched range reaches beyond the nearest and the farthest sparse points, as factors
# of depth: near things may have no texture, and a far wall may. Wider ranges need more planes; the
# far end costs little, since planes are evenly spaced in inverse depth.
NEAREST_FACTOR, FARTHEST_FACTOR = 0.7, 2.0


@dataclass(frozen=True, eq=False)
class SparsePoints:
    """Scene points with the photos that saw them, one observation an entry of two arrays.

    Attributes:
        xyz_world: (n, 3) positions in scene units.
        point_index: (m,) index into `xyz_world` of each observation.
        photo_index: (m,) index of the photo that made it.
    """

    xyz_world: FloatArray
    point_index: NDArray[np.intp]
    photo_index: NDArray[np.intp]

    def seen_by(self, photo: int) -> FloatArray:
        """(k, 3) the points that a photo saw."""
        return self.xyz_world[self.point_index[self.photo_index == photo]]


class SourceView(NamedTuple):
    """A photo that another one is compared with.

    Attributes:
        photo: Its index.
        zoom: How many times larger it shows the scene than the photo it is compared with.
    """

    photo: int
    zoom: float


def inverse_depth_range(
    points: SparsePoints, photo: int, camera: Camera
) -> tuple[float, float] | None:
    """Far and near end (1 / scene unit) of what a photo shows, or None where too little is known.

    Points that other photos saw count where they fall inside the raster: a photo with few points
    of its own still knows its range.
    """
    uv, z = project(camera, points.xyz_world)
    inside = (z > 0) & np.all((uv > 0) & (uv < camera.size_wh), axis=-1)
    own = points.point_index[points.photo_index == photo]
    inside[own] = z[own] > 0
    if np.count_nonzero(inside) < MIN_SHARED_POINTS:
        return None
    # not the extremes: a false match can lie anywhere
    far, near = np.percentile(1.0 / z[inside], [2.0, 98.0])
    return float(far / FARTHEST_FACTOR), float(near / NEAREST_FACTOR)


def choose_sources(
    points: SparsePoints, cameras: Sequence[Camera], photo: int, count: int
) -> tuple[SourceView, ...]:
    """The photos that tell most about a photo's depth, best first.

    Every shared point votes for the other photo by its triangulation angle: too small says
    little about depth, too large no longer looks alike.

    Args:
        points: The scene's points.
        cameras: The cameras of all photos.
        photo: Index of the photo whose depth is wanted.
        count: The largest number of sources.
    """
    is_shared = np.zeros(len(points.xyz_world), bool)
    is_shared[points.point_index[points.photo_index == photo]] = True
    shared = is_shared[points.point_index] & (points.photo_index != photo)
    photos, xyz = points.photo_index[shared], points.xyz_world[points.point_index[shared]]
    centers = np.array([camera.center_world for camera in cameras])
    angles_deg = _angles_deg(centers[photo] - xyz, centers[photos] - xyz)
    weights = _angle_weights(angles_deg)
    votes = np.bincount(photos, weights, minlength=len(cameras))
    votes[np.bincount(photos, minlength=len(cameras)) < MIN_SHARED_POINTS] = 0.0
    best = np.argsort(-votes, kind="stable")[:count]  # stable: equal votes keep the photos' order
    return tuple(
        SourceView(int(other), _zoom(cameras[photo], cameras[other], xyz[photos == other]))
        for other in best
        if votes[other] > 0.0
    )


def _angles_deg(first: FloatArray, second: FloatArray) -> FloatArray:
    cosine = np.einsum("ij,ij->i", first, second)
    # by the tangent: the cosine of a small angle has lost its digits
    sine = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.degrees(np.arctan2(sine, cosine))


def _angle_weights(angles_deg: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        off = np.log(angles_deg / BEST_TRIANGULATION_ANGLE_DEG) / ANGLE_SPREAD
    return np.exp(-0.5 * off**2)


def _zoom(camera: Camera, other: Camera, xyz_world: FloatArray) -> float:
    """Pixels of `other` per pixel of `camera` on the shared points, median."""
    _, z = project(camera, xyz_world)
    _, z_other = project(other, xyz_world)
    return float(np.median((other.K[0, 0] / z_other) / (camera.K[0, 0] / z)))
