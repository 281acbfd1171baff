"""A camera that is flown: looking round, moving, rolling; windows, keys and pixels are unknown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from warpset.core.cameras import Camera, FloatArray, invert_rigid, rotation_about
from warpset.core.sizes import fit_camera

STEEPEST = math.pi / 2


def common_up(cameras: Sequence[Camera]) -> FloatArray:
    """(3,) unit vector in the world that is up for all cameras on average.

    Where their ups cancel out it is the first camera's.
    """
    ups = np.array([-camera.world_from_cam[:3, 1] for camera in cameras])
    mean = ups.mean(axis=0)
    length = float(np.linalg.norm(mean))
    return mean / length if length > 0.1 else ups[0]


@dataclass(frozen=True, eq=False)
class FlyCamera:
    """Where a flight began and how far it has come; a new one begins where it was.

    Attributes:
        start: The camera that the flight began with, on the raster of its photo.
        up_world: (3,) unit vector about which looking sideways turns.
        yaw: Radians turned to the right.
        pitch: Radians turned upwards.
        roll: Radians tilted clockwise.
        moved: (3,) way from the start in world units.
    """

    start: Camera
    up_world: FloatArray
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    moved: FloatArray = field(default_factory=lambda: np.zeros(3))

    def look(self, right: float, down: float) -> FlyCamera:
        """Turn by radians along the axes of the picture; up ends at the zenith."""
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        yaw = self.yaw + cos * right - sin * down
        pitch = self.pitch - (sin * right + cos * down)
        elevation = math.asin(np.clip(self.start.world_from_cam[:3, 2] @ self.up_world, -1.0, 1.0))
        pitch = min(max(pitch, -STEEPEST - elevation), STEEPEST - elevation)
        return replace(self, yaw=yaw, pitch=pitch)

    def tilt(self, clockwise: float) -> FlyCamera:
        """Roll by radians about the line of sight."""
        return replace(self, roll=self.roll + clockwise)

    def move(self, right: float, down: float, forward: float) -> FlyCamera:
        """Move by world units along the camera's own axes."""
        return replace(self, moved=self.moved + self._rotation @ [right, down, forward])

    def rise(self, distance: float) -> FlyCamera:
        """Move by world units along the world's up, whatever the camera looks at."""
        return replace(self, moved=self.moved + distance * self.up_world)

    @property
    def _rotation(self) -> FloatArray:
        """(3, 3) world from camera."""
        return (
            rotation_about(self.up_world, -self.yaw)
            @ self.start.world_from_cam[:3, :3]
            @ rotation_about(np.array([1.0, 0.0, 0.0]), self.pitch)
            @ rotation_about(np.array([0.0, 0.0, 1.0]), self.roll)
        )

    def camera(self, size_wh: tuple[int, int]) -> Camera:
        """The camera on a raster: the start's picture scaled to cover it, cut off evenly."""
        world_from_cam = np.eye(4)
        world_from_cam[:3, :3] = self._rotation
        world_from_cam[:3, 3] = self.start.center_world + self.moved
        return fit_camera(replace(self.start, cam_from_world=invert_rigid(world_from_cam)), size_wh)
