"""How a camera moves from the reference of a pair to its target: measured, and in words."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.cameras import Camera, invert_rigid

PARALLEL_DEG = 0.5
"""Optical axes closer to parallel than this meet too far away to circle around."""

SAME_DISTANCE = 0.02
"""Relative change of distance that is not worth a word."""

MOSTLY = 0.5
"""Share of the way in one direction that is worth a word."""


class CameraMotion(NamedTuple):
    """How the camera gets from the reference to the target.

    Attributes:
        azimuth_deg: Degrees to the right (negative: left) around the reference's vertical axis.
        elevation_deg: Degrees up (negative: down).
        closer: Share of the distance to what is looked at that is given up (negative: gained).
            Where the axes do not meet, the share of the way that leads ahead.
        rightward: Share of the way that leads right (negative: left) in the reference's view.
        upward: Share of the way that leads up (negative: down) in the reference's view.
    """

    azimuth_deg: float
    elevation_deg: float
    closer: float
    rightward: float
    upward: float

    def fields(self) -> dict[str, str]:
        """What a template may name: words, and whole degrees with a sign."""
        azimuth, elevation = round(self.azimuth_deg), round(self.elevation_deg)
        return {
            "azimuth": _turn_words(azimuth, self.rightward, ("left", "straight", "right")),
            "elevation": _turn_words(elevation, self.upward, ("down", "level", "up")),
            "distance": _distance_words(self.closer),
            "azimuth_deg": str(azimuth),
            "elevation_deg": str(elevation),
        }


def _turn_words(degrees: int, share_of_way: float, words: tuple[str, str, str]) -> str:
    """`12 degrees left`, or where nothing turns, where the way mostly leads."""
    if degrees:
        unit = "degree" if abs(degrees) == 1 else "degrees"
        return f"{abs(degrees)} {unit} {words[2] if degrees > 0 else words[0]}"
    mostly = abs(share_of_way) > MOSTLY
    return words[1 + mostly * (1 if share_of_way > 0 else -1)]


def _distance_words(closer: float) -> str:
    if abs(closer) <= SAME_DISTANCE:
        return "at the same distance"
    return "closer" if closer > 0 else "farther"


NO_MOTION = CameraMotion(0.0, 0.0, 0.0, 0.0, 0.0)
TEMPLATE_FIELDS = tuple(NO_MOTION.fields())


def camera_motion(reference: Camera, target: Camera) -> CameraMotion:
    """Measure the way from the reference's camera to the target's.

    Where the optical axes meet in front of both cameras, the camera circles around that point
    (the middle of the axes' shortest connection), and the angles are those of its position seen
    from there. Elsewhere (a pan, a walk) the angles are those of the view.
    """
    reference_from_target = reference.cam_from_world @ np.linalg.inv(target.cam_from_world)
    center, axis = reference_from_target[:3, 3], reference_from_target[:3, 2]
    way = center / (float(np.linalg.norm(center)) or 1.0)
    meeting = _meeting_distances(center, axis)
    if meeting is None:
        return CameraMotion(*_angles(axis), closer=way[2], rightward=way[0], upward=-way[1])
    from_reference, from_target = meeting
    pivot = (np.array([0.0, 0.0, from_reference]) + center + from_target * axis) / 2
    seen_from_pivot = (center - pivot) * [1.0, 1.0, -1.0]
    closer = 1.0 - float(np.linalg.norm(seen_from_pivot) / np.linalg.norm(pivot))
    return CameraMotion(*_angles(seen_from_pivot), closer, rightward=way[0], upward=-way[1])


def turn_deg(reference: Camera, target: Camera) -> float:
    """Angle in degrees between the axes of two cameras."""
    rotation = (target.cam_from_world @ invert_rigid(reference.cam_from_world))[:3, :3]
    cosine = (np.trace(rotation) - 1.0) / 2.0
    return math.degrees(math.acos(np.clip(cosine, -1.0, 1.0)))


def step_length(reference: Camera, target: Camera) -> float:
    """Distance in world units from one camera's centre to the other's."""
    target_from_reference = target.cam_from_world @ invert_rigid(reference.cam_from_world)
    return float(np.linalg.norm(target_from_reference[:3, 3]))


def _meeting_distances(
    center: NDArray[np.float64], axis: NDArray[np.float64]
) -> tuple[float, float] | None:
    """How far along each axis the two come closest; None where not in front of both cameras.

    The reference's axis is z through the origin; the target's is `axis` through `center`.
    """
    sine_squared = 1.0 - axis[2] ** 2
    if sine_squared < math.sin(math.radians(PARALLEL_DEG)) ** 2:
        return None
    along_target = float(axis[2] * center[2] - axis @ center) / sine_squared
    along_reference = float(center[2] + along_target * axis[2])
    nearest = float(np.linalg.norm(center)) / 2
    if nearest == 0 or min(along_reference, along_target) < nearest:
        return None
    return along_reference, along_target


def _angles(direction: NDArray[np.float64]) -> tuple[float, float]:
    """Degrees to the right and up of a direction in camera axes (x right, y down, z ahead)."""
    x, y, z = direction
    return math.degrees(math.atan2(x, z)), math.degrees(math.atan2(-y, math.hypot(x, z)))
