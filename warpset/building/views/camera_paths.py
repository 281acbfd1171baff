"""Cameras that move away from a photo's own: single moves, and paths of many frames; no files.

Distances are shares of the scene's depth, so that geometry without a scale works like any other.
The first camera of a path is the photo's own: there every pixel is itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ...core.cameras import Camera, FloatArray, invert_rigid, rotation_about

CLEARANCE = 0.25
"""A path keeps this share of the photo's nearest depth from every point.

With more, a path through a room stops early; with less, single points fill the view. At 0.25 what
was nearest is magnified four times, which the renderer still closes.
"""

NEAREST_QUANTILE = 0.01
"""The nearest depth is this quantile of the points', past stray ones."""

CHECKED_POINTS, CHECKED_POSITIONS = 50_000, 64
"""Points and places on a path between which distances are taken: 3.2 million a try."""


@dataclass(frozen=True)
class Move:
    """A way from a photo's camera, along its own axes.

    Attributes:
        yaw_deg: Turn to the right.
        pitch_deg: Turn upwards.
        roll_deg: Tilt clockwise.
        right: As a share of the scene's depth, as are the next two.
        up: Against the camera's y axis.
        forward: Along the line of sight.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    right: float = 0.0
    up: float = 0.0
    forward: float = 0.0


@dataclass(frozen=True)
class CameraPath:
    """A path of cameras.

    Attributes:
        kind: One of `PATHS`.
        size: Degrees or share of the scene's depth, as `PATHS` says.
        frames: Number of cameras.
    """

    kind: str
    size: float
    frames: int = 48


@dataclass(frozen=True)
class Scene:
    """What a path goes round.

    Attributes:
        start: The photo's camera.
        depth: Typical depth that it sees, in world units.
        up_world: (3,) what paths turn about.
    """

    start: Camera
    depth: float
    up_world: Sequence[float]

    @property
    def pivot(self) -> FloatArray:
        """(3,) the point that the photo's camera looks at."""
        return self.start.center_world + self.depth * self.start.world_from_cam[:3, 2]


def moved(scene: Scene, move: Move) -> Camera:
    """The camera after a move; no move is the camera itself."""
    if move == Move():
        return scene.start
    yaw, pitch, roll = (math.radians(a) for a in (move.yaw_deg, move.pitch_deg, move.roll_deg))
    x, y, z = np.eye(3)
    step = np.eye(4)
    step[:3, :3] = rotation_about(y, yaw) @ rotation_about(x, pitch) @ rotation_about(z, roll)
    step[:3, 3] = scene.depth * np.array([move.right, -move.up, move.forward])
    return _placed(scene.start, scene.start.world_from_cam @ step)


def _placed(camera: Camera, world_from_cam: FloatArray) -> Camera:
    return replace(camera, cam_from_world=invert_rigid(world_from_cam))


def _round_the_pivot(scene: Scene, angle_deg: float) -> Camera:
    """To the right by an angle on a circle about the up axis through the pivot, if positive."""
    turn = np.eye(4)
    turn[:3, :3] = rotation_about(np.asarray(scene.up_world, float), math.radians(angle_deg))
    turn[:3, 3] = scene.pivot - turn[:3, :3] @ scene.pivot
    return _placed(scene.start, turn @ scene.start.world_from_cam)


def _looking_at_the_pivot(scene: Scene, right: float, up: float) -> Camera:
    """Moved sideways by shares of depth, turned as little as keeps the pivot in the middle."""
    way = scene.depth * np.array([right, -up, 0.0])
    forward = np.array([0.0, 0.0, scene.depth]) - way
    axis = np.cross([0.0, 0.0, 1.0], forward)
    length = float(np.linalg.norm(axis))
    step = np.eye(4)
    if length > 0.0:
        step[:3, :3] = rotation_about(axis / length, math.atan2(length, forward[2]))
    step[:3, 3] = way
    return _placed(scene.start, scene.start.world_from_cam @ step)


@dataclass(frozen=True)
class _Kind:
    """How a kind of path moves.

    Attributes:
        unit: `angle` or `distance`: what its size is.
        size: The size where none is given.
        is_loop: Whether the frame after the last is the first.
        at: The camera at a phase 0..1 of a path of a size.
        text: What it does, for help.
    """

    unit: str
    size: float
    is_loop: bool
    at: Callable[[Scene, float, float], Camera]
    text: str


def _orbit(scene: Scene, size: float, phase: float) -> Camera:
    return _round_the_pivot(scene, size * math.sin(2 * math.pi * phase))


def _turntable(scene: Scene, size: float, phase: float) -> Camera:
    return _round_the_pivot(scene, size * phase)


def _pan(scene: Scene, size: float, phase: float) -> Camera:
    return moved(scene, Move(yaw_deg=size * phase))


def _dolly(scene: Scene, size: float, phase: float) -> Camera:
    return moved(scene, Move(forward=size * phase))


def _crane(scene: Scene, size: float, phase: float) -> Camera:
    return _looking_at_the_pivot(scene, 0.0, size * phase)


def _spiral(scene: Scene, size: float, phase: float) -> Camera:
    turn, radius = 4 * math.pi * phase, size * phase
    return _looking_at_the_pivot(scene, radius * math.sin(turn), radius * math.cos(turn))


PATHS = {
    "orbit": _Kind("angle", 15.0, True, _orbit, "swings to both sides round what it looks at"),
    "dolly": _Kind("distance", 0.3, False, _dolly, "goes forward"),
    "pan": _Kind("angle", 30.0, False, _pan, "turns to the right on the spot"),
    "crane": _Kind("distance", 0.3, False, _crane, "rises"),
    "spiral": _Kind("distance", 0.2, False, _spiral, "spirals outwards in two turns"),
    "turntable": _Kind("angle", 360.0, True, _turntable, "goes all the way round"),
}
"""The kinds of path by name."""


def path_cameras(scene: Scene, path: CameraPath) -> list[Camera]:
    """The cameras of a path, the photo's own first."""
    kind = PATHS[path.kind]
    steps = path.frames if kind.is_loop else max(1, path.frames - 1)
    rest = [kind.at(scene, path.size, index / steps) for index in range(1, path.frames)]
    return [scene.start, *rest]


def clear_share(scene: Scene, path: CameraPath, xyz_world: FloatArray) -> float:
    """How much of a path's size keeps clear of every point: 1 for all, else by tenths, 0 for none.

    Args:
        scene: What the path goes round.
        path: The path.
        xyz_world: (n, 3) points.
    """
    points = xyz_world[:: max(1, len(xyz_world) // CHECKED_POINTS)].astype(np.float32)
    if not len(points):
        return 1.0
    from_start = np.linalg.norm(points - scene.start.center_world.astype(np.float32), axis=1)
    clearance = CLEARANCE * float(np.quantile(from_start, NEAREST_QUANTILE))
    for tenths in range(10, 0, -1):
        tried = replace(path, size=path.size * tenths / 10, frames=CHECKED_POSITIONS)
        places = np.array([camera.center_world for camera in path_cameras(scene, tried)])
        if _distance(places[1:].astype(np.float32), points) >= clearance:
            return tenths / 10
    return 0.0


def _distance(places: FloatArray, points: FloatArray) -> float:
    """Shortest distance between two sets."""
    return min(float(np.linalg.norm(points - place, axis=1).min()) for place in places)


def between(keyframes: Sequence[Camera], frames: int) -> list[Camera]:
    """Cameras from keyframe to keyframe, each straight on, turning evenly; no fewer than those.

    Args:
        keyframes: At least one.
        frames: How many cameras; spread evenly over the gaps.
    """
    if len(keyframes) == 1 or frames <= len(keyframes):
        return list(keyframes)
    places = np.linspace(0.0, len(keyframes) - 1.0, frames)
    return [_between_two(keyframes, float(place)) for place in places]


def _between_two(keyframes: Sequence[Camera], place: float) -> Camera:
    index = min(int(place), len(keyframes) - 2)
    share, first, second = place - index, keyframes[index], keyframes[index + 1]
    a, b = first.world_from_cam, second.world_from_cam
    pose = np.eye(4)
    turn, _ = cv2.Rodrigues(b[:3, :3] @ a[:3, :3].T)  # axis times angle
    pose[:3, :3] = cv2.Rodrigues(share * turn)[0] @ a[:3, :3]
    pose[:3, 3] = (1 - share) * a[:3, 3] + share * b[:3, 3]
    return replace(_placed(first, pose), K=(1 - share) * first.K + share * second.K)
