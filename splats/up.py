"""Which way is up in splats, and the rotation that brings it up in another world; no stages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import SplatError

Vector = tuple[float, float, float]
Rotation = NDArray[np.float64]

MAX_BYTES = 2**20

LARGEST = 1e100
"""Of a number of up, and its inverse the smallest that counts: their squares can be told."""

Y_DOWN: Vector = (0.0, -1.0, 0.0)
"""Up where nothing says otherwise: photogrammetry's world is its first camera, y down."""

AXES: dict[str, Vector] = {
    "x": (1.0, 0.0, 0.0),
    "-x": (-1.0, 0.0, 0.0),
    "y": (0.0, 1.0, 0.0),
    "-y": Y_DOWN,
    "z": (0.0, 0.0, 1.0),
    "-z": (0.0, 0.0, -1.0),
}
"""The axes by the names that command line and widgets give them."""

FROM_Y_DOWN = {
    "y": np.diag([1.0, -1.0, -1.0]),
    "z": np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, -1.0, 0.0]]),
}
"""(3, 3) rotations of y-down splats by up axis; the z-up one is 3dgrut's, which fvdb writes too."""


def recorded_up(splats: Path) -> Vector | None:
    """Up as the JSON of the same name beside the splats has it, or None where none does.

    Raises:
        SplatError: There is a direction, but not three finite numbers that are not all zero.
    """
    record = splats.with_suffix(".json")
    if not record.is_file() or record.stat().st_size > MAX_BYTES:  # a pipe would never end
        return None
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or "up" not in found:
        return None
    up = found["up"].get("direction") if isinstance(found["up"], dict) else found["up"]
    numbers = up if isinstance(up, list) else []
    finite = [one for one in numbers if isinstance(one, int | float) and abs(one) <= LARGEST]
    is_direction = any(abs(one) >= 1 / LARGEST for one in finite)
    if not (len(numbers) == len(finite) == 3 and is_direction):
        said = repr(up)[:200]
        raise SplatError(f"{record}: up is {said}, need three finite numbers, not all zero")
    return finite[0], finite[1], finite[2]


def upright(input_up: Vector, up: str) -> Rotation:
    """(3, 3) rotation that takes the up of splats to an axis of another world.

    What stands on an axis is turned by quarter turns alone, and not at all where that is the
    other world's axis already. What does not is first tilted onto the nearest one.

    Args:
        input_up: Up of the splats, of any length but zero.
        up: `y` or `z`.
    """
    nearest = _nearest_axis(input_up)
    onto_axis = FROM_Y_DOWN[up] if nearest == Y_DOWN else _shortest_turn(nearest, AXES[up])
    return onto_axis @ _shortest_turn(input_up, nearest)


def _nearest_axis(direction: Vector) -> Vector:
    return max(AXES.values(), key=lambda axis: float(np.dot(axis, direction)))


def _shortest_turn(start: Vector, end: Vector) -> Rotation:
    """Rotation by the smallest angle from one direction to another; opposite ones turn about x.

    Rodrigues' formula with cos in the denominator. `start` is x or -x only where `end` is not its
    opposite, since up axes are y and z.
    """
    a, b = (np.asarray(one, float) / np.linalg.norm(one) for one in (start, end))
    axis, cosine = np.cross(a, b), float(a @ b)
    if cosine < -1.0 + 1e-9:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    return np.eye(3) + cross + cross @ cross / (1.0 + cosine)
