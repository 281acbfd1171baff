"""Where a mesh is looked at from: a flight over it, and people who walk around on it; no pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from renderer.mesh import MeshSurface
from warpset.core.cameras import Camera, FloatArray, focal_from_fov, intrinsics

from ..earth.earth_models import ecef_from_geographic, enu_from_ecef_rotation
from ..earth.flight_paths import Flight, Pose, fly

PLACE_DEG = (0.0, 0.0)
"""Where on the globe a mesh is put for its flight. Only its own frame is kept, so any will do."""

RINGS = (0.25, 0.5, 0.75)
"""People walk on rings of these shares of the mesh's extent."""

CLEARANCE_M = 2.5
"""Something at most so high over the ground may be where a person stands, such as a kerb or bush;
under a bridge or in a house nobody stands."""

FACES_AT_ONCE = 200_000


@dataclass(frozen=True)
class Lens:
    """What every picture of a kind is taken with.

    Attributes:
        size_wh: Size of the pictures.
        fov_y_deg: Vertical field of view.
    """

    size_wh: tuple[int, int]
    fov_y_deg: float

    @property
    def K(self) -> FloatArray:
        """(3, 3) intrinsics, pixel centres at +0.5."""
        width, height = self.size_wh
        focal = focal_from_fov(math.radians(self.fov_y_deg), height)
        return intrinsics(focal, focal, width / 2, height / 2)


def flight_cameras(flight: Flight, lens: Lens) -> list[Camera]:
    """The cameras of a flight, in metres east, north and up of its place.

    Earth Studio's one camera more, for the end of the last picture, is left out.
    """
    place = flight.latitude_deg, flight.longitude_deg
    origin, enu_from_ecef = (
        ecef_from_geographic(*place, 0.0, "sphere"),
        enu_from_ecef_rotation(*place),
    )
    return [_flown(pose, origin, enu_from_ecef, lens) for pose in fly(flight)[:-1]]


def _flown(pose: Pose, origin: FloatArray, enu_from_ecef: FloatArray, lens: Lens) -> Camera:
    geographic = pose.latitude_deg, pose.longitude_deg
    position = ecef_from_geographic(*geographic, pose.altitude_m, "sphere")
    there = enu_from_ecef_rotation(*geographic)
    pan, tilt = math.radians(pose.pan_deg), math.radians(pose.tilt_deg)
    right = np.array([math.cos(pan), -math.sin(pan), 0.0])
    ahead = np.array([math.sin(pan), math.cos(pan), 0.0])
    forward = math.sin(tilt) * ahead - math.cos(tilt) * np.array([0.0, 0.0, 1.0])
    turn = enu_from_ecef @ there.T
    return _standing(enu_from_ecef @ (position - origin), turn @ right, turn @ forward, lens)


def ground_cameras(
    surface: MeshSurface, count: int, eye_height_m: float, lens: Lens
) -> list[Camera]:
    """Cameras of people on the ground, who look to the middle of the mesh.

    They stand on rings around it, evenly turned, where the sky is over them.

    Args:
        surface: The mesh, the middle of its ground the origin.
        count: How many there shall be; fewer where there is no room.
        eye_height_m: Of the cameras over the ground.
        lens: What they take their pictures with.
    """
    xy = _on_rings(np.ptp(surface.vertices[:, :2], axis=0) / 2, -(-count // len(RINGS)))
    low, high = heights_at(surface, xy)
    free = np.flatnonzero(np.isfinite(low) & (high - low < CLEARANCE_M))
    cameras = []
    for n in free[:count].tolist():
        center = np.array([*xy[n], high[n] + eye_height_m])
        forward = np.array([*(-xy[n] / np.linalg.norm(xy[n])), 0.0])
        right = np.array([forward[1], -forward[0], 0.0])
        cameras.append(_standing(center, right, forward, lens))
    return cameras


def _on_rings(extent: FloatArray, a_ring: int) -> FloatArray:
    """(n, 2) places around the origin, so many on each ring."""
    turns = 2 * np.pi * (np.arange(a_ring * len(RINGS)) / max(a_ring, 1) % 1)
    shares = np.repeat(RINGS, a_ring)
    return shares[:, None] * extent * np.stack([np.sin(turns), np.cos(turns)], axis=1)


def _standing(center: FloatArray, right: FloatArray, forward: FloatArray, lens: Lens) -> Camera:
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    pose[:3, 3] = -pose[:3, :3] @ center
    return Camera(lens.K, pose, lens.size_wh)


def heights_at(
    surface: MeshSurface, xy: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest point of a mesh over places.

    Args:
        surface: The mesh.
        xy: (n, 2) places.

    Returns:
        (n,) and (n,) heights; infinite, of contrary sign, where there is no mesh.
    """
    low, high = np.full(len(xy), np.inf), np.full(len(xy), -np.inf)
    for first in range(0, len(surface.faces), FACES_AT_ONCE):
        corners = surface.vertices[surface.faces[first : first + FACES_AT_ONCE]].astype(np.float64)
        one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
        area = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
        lying = area != 0  # what stands upright is over no place
        corners, one, other, area = corners[lying], one[lying], other[lying], area[lying]
        for n, place in enumerate(xy):
            off = place - corners[:, 0, :2]
            u = (off[:, 0] * other[:, 1] - off[:, 1] * other[:, 0]) / area
            v = (one[:, 0] * off[:, 1] - one[:, 1] * off[:, 0]) / area
            over = (u >= 0) & (v >= 0) & (u + v <= 1)
            z = (corners[:, 0, 2] + u * one[:, 2] + v * other[:, 2])[over]
            if len(z):
                low[n], high[n] = min(low[n], z.min()), max(high[n], z.max())
    return low, high
