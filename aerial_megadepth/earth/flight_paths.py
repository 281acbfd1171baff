"""Flights over a place: where the camera is and how it is turned to look at it; no file formats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from .earth_models import (
    SPHERE_RADIUS_M,
    ecef_from_geographic,
    enu_from_ecef_rotation,
    spherical_from_ecef,
)

PathKind = Literal["orbit", "grid"]
PATH_KINDS: tuple[PathKind, ...] = get_args(PathKind)


@dataclass(frozen=True)
class Flight:
    """A flight over a place.

    Attributes:
        latitude_deg: Of the place.
        longitude_deg: Of the place.
        radius_m: Of the orbit; half the side of the grid.
        altitude_m: Of the camera, over the sea.
        target_altitude_m: Of what the camera looks at, over the sea.
        frames: Pictures of the flight.
        kind: `orbit` goes once around, `grid` back and forth over a square.
    """

    latitude_deg: float
    longitude_deg: float
    radius_m: float
    altitude_m: float
    target_altitude_m: float = 0.0
    frames: int = 120
    kind: PathKind = "orbit"


class Pose(NamedTuple):
    """Where a camera is and looks.

    Attributes:
        latitude_deg: Of the camera.
        longitude_deg: Of the camera.
        altitude_m: Over the sea.
        pan_deg: Heading, clockwise from north, 0 to 360.
        tilt_deg: From straight down (0) over the horizon (90) to straight up (180).
    """

    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    pan_deg: float
    tilt_deg: float


def fly(flight: Flight) -> list[Pose]:
    """The poses of a flight: one a frame, and one more for the end of the last, as Studio counts.

    Every pose looks at the place.
    """
    offsets = _orbit(flight) if flight.kind == "orbit" else _grid(flight)
    return [_looking_at_place(flight, east, north) for east, north in offsets.tolist()]


def _orbit(flight: Flight) -> NDArray[np.float64]:
    """(frames + 1, 2) metres east and north of the place, clockwise from the south."""
    angle = math.pi + 2 * math.pi * np.arange(flight.frames + 1) / flight.frames
    return flight.radius_m * np.column_stack([np.sin(angle), np.cos(angle)])


def _grid(flight: Flight) -> NDArray[np.float64]:
    """(frames + 1, 2) metres east and north of the place, row by row from the south-west."""
    columns = math.ceil(math.sqrt(flight.frames))
    rows = max(2, math.ceil(flight.frames / columns))
    row, column = np.divmod(np.arange(flight.frames), columns)
    column = np.where(row % 2, columns - 1 - column, column)
    east, north = (2 * column / (columns - 1) - 1), (2 * row / (rows - 1) - 1)
    offsets = flight.radius_m * np.column_stack([east, north])
    return np.vstack([offsets, offsets[-1:]])


def _looking_at_place(flight: Flight, east_m: float, north_m: float) -> Pose:
    place = flight.latitude_deg, flight.longitude_deg
    offset = np.array([east_m, north_m, SPHERE_RADIUS_M])
    latitude, longitude, _ = spherical_from_ecef(offset @ enu_from_ecef_rotation(*place))
    camera = ecef_from_geographic(latitude, longitude, flight.altitude_m, "sphere")
    target = ecef_from_geographic(*place, flight.target_altitude_m, "sphere")
    east, north, up = enu_from_ecef_rotation(latitude, longitude) @ (target - camera)
    across = math.hypot(east, north)
    is_overhead = across < 1e-6 * abs(up)
    pan = 0.0 if is_overhead else (math.degrees(math.atan2(east, north)) + 360.0) % 360.0
    tilt = 90.0 + math.degrees(math.atan2(up, across))
    return Pose(latitude, longitude, flight.altitude_m, pan, tilt)
