"""Earth models: latitude, longitude, altitude to earth-centred positions, and local axes; no files.

Earth-centred axes (ECEF) go from the earth's centre through latitude and longitude (0, 0), (0, 90)
and the north pole. Angles are degrees, lengths metres.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

EarthModel = Literal["sphere", "wgs84"]
EARTH_MODELS: tuple[EarthModel, ...] = get_args(EarthModel)

SPHERE_RADIUS_M = 6_371_010.0
"""Radius of the sphere that Earth Studio's positions lie on."""

WGS84_SEMI_MAJOR_M = 6_378_137.0
WGS84_FLATTENING = 1 / 298.257223563


def ecef_from_geographic(
    latitude_deg: float, longitude_deg: float, altitude_m: float, earth: EarthModel
) -> NDArray[np.float64]:
    """(3,) earth-centred position in metres.

    On the sphere latitude is the angle at its centre. On WGS84 it is the geodetic latitude: the
    normal of the ellipsoid is met at N = a / sqrt(1 - e^2 sin^2(latitude)), e^2 = f (2 - f)
    (NGA.STND.0036, section 4).
    """
    up = enu_from_ecef_rotation(latitude_deg, longitude_deg)[2]
    if earth == "sphere":
        return (SPHERE_RADIUS_M + altitude_m) * up
    eccentricity_squared = WGS84_FLATTENING * (2 - WGS84_FLATTENING)
    normal_m = WGS84_SEMI_MAJOR_M / math.sqrt(1 - eccentricity_squared * up[2] ** 2)
    return normal_m * up * [1, 1, 1 - eccentricity_squared] + altitude_m * up


def enu_from_ecef_rotation(latitude_deg: float, longitude_deg: float) -> NDArray[np.float64]:
    """(3, 3) rotation from earth-centred axes to east, north and up at a place."""
    latitude, longitude = math.radians(latitude_deg), math.radians(longitude_deg)
    sin_lat, cos_lat = math.sin(latitude), math.cos(latitude)
    sin_lon, cos_lon = math.sin(longitude), math.cos(longitude)
    return np.array(
        [
            [-sin_lon, cos_lon, 0.0],
            [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
            [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
        ]
    )


def spherical_from_ecef(position_m: ArrayLike) -> tuple[float, float, float]:
    """Latitude and longitude in degrees, altitude over the sphere in metres."""
    x, y, z = np.asarray(position_m, np.float64)
    latitude = math.degrees(math.atan2(z, math.hypot(x, y)))
    longitude = math.degrees(math.atan2(y, x))
    return latitude, longitude, math.sqrt(x * x + y * y + z * z) - SPHERE_RADIUS_M
