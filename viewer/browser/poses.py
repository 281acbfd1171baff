"""Cameras as the browser has them, and ours; pages and pictures are unknown.

viser's cameras have our axes, but no principal point, and its keys and planes are made for worlds
a few units large.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from viser.transforms import SO3

from warpset.core.cameras import (
    Camera,
    FloatArray,
    invert_rigid,
    world_from_cam_from_quaternion,
)
from warpset.core.sizes import fit_camera

from ..fly_camera import FlyCamera, common_up
from ..subject import Subject

DEPTH_UNITS = 4.0
"""Depth of the scene before the first photo, in the browser's units; its keys go two a second."""

SAME_UNITS, SAME_RAD = 1e-4, 1e-4
"""Poses no farther apart are one: the browser keeps what it is told to a thousandth of this, and a
drag by a pixel turns its camera fifty times as far."""


class Pose(NamedTuple):
    """Where the browser's camera is: (4,) world from camera w x y z, and (3,) browser units."""

    wxyz: FloatArray
    position: FloatArray

    def is_near(self, other: Pose) -> bool:
        """Whether the two are one but for rounding."""
        apart = float(np.abs(self.position - other.position).max())
        one, two = self.wxyz, other.wxyz  # of either sign; apart by half of the angle between
        turned = 2.0 * min(np.linalg.norm(one - two), np.linalg.norm(one + two))
        return bool(apart < SAME_UNITS and turned < SAME_RAD)


class Whereabouts:
    """Where a browser's camera is, by its own reports and by where it was placed last.

    A report is on its way while the camera is placed elsewhere; it is known as late by the pose,
    which the camera has left.

    Attributes:
        pose: Where the camera is.
    """

    def __init__(self, pose: Pose) -> None:
        self.pose = pose
        self._left: list[Pose] = []

    def place(self, pose: Pose) -> None:
        """The browser is told to be elsewhere."""
        self._left = [left for left in (*self._left, self.pose) if not left.is_near(pose)]
        self.pose = pose

    def report(self, pose: Pose) -> None:
        """The browser says where it is."""
        if not any(left.is_near(pose) for left in self._left):
            self._left.clear()
            self.pose = pose


@dataclass(frozen=True, eq=False)
class Stage:
    """A subject's world in the browser.

    Attributes:
        cameras: Those that its photos were taken with; the browser has their intrinsics.
        up_world: (3,) unit vector, what dragging turns about; it is z in the browser.
        scale: Browser units in a world unit.
    """

    cameras: Sequence[Camera]
    up_world: FloatArray
    scale: float

    @staticmethod
    def of(subject: Subject) -> Stage:
        """The world of a subject."""
        cameras = [standpoint.camera for standpoint in subject.standpoints]
        return Stage(cameras, common_up(cameras), DEPTH_UNITS / subject.reach)

    def points(self, xyz_world: FloatArray) -> FloatArray:
        """(..., 3) points of the world in the browser."""
        return xyz_world @ (self.scale * self._upright.as_matrix()).T

    def pose(self, camera: Camera) -> Pose:
        """Where a camera of ours is in the browser."""
        turned = self._upright @ SO3.from_matrix(camera.world_from_cam[:3, :3])
        return Pose(np.asarray(turned.wxyz, np.float64), self.points(camera.center_world))

    def pivot(self, camera: Camera) -> FloatArray:
        """(3,) what the browser turns a camera about, in its units."""
        depth = DEPTH_UNITS / self.scale
        return self.points(camera.center_world + depth * camera.world_from_cam[:3, 2])

    def camera(self, pose: Pose, photo: int, size_wh: tuple[int, int]) -> Camera:
        """The camera at a pose, seen as a photo sees, its picture scaled to cover the raster.

        At the photo's own pose it is the camera that a window starts with, to the last bit.

        Args:
            pose: Where the browser's camera is.
            photo: Which of the cameras gives the intrinsics.
            size_wh: The raster.
        """
        start = self.cameras[photo]
        if pose.is_near(self.pose(start)):
            return FlyCamera(start, self.up_world).camera(size_wh)
        return fit_camera(self.keyframe(pose, photo), size_wh)

    def keyframe(self, pose: Pose, photo: int) -> Camera:
        """The camera at a pose on the raster of a photo, whatever shape the page has."""
        start = self.cameras[photo]
        if pose.is_near(self.pose(start)):
            return start
        return replace(start, cam_from_world=self._cam_from_world(pose))

    def _cam_from_world(self, pose: Pose) -> FloatArray:
        upright = self._upright.inverse()
        w, *xyz = (upright @ SO3(pose.wxyz)).wxyz
        position: ArrayLike = upright.apply(pose.position) / self.scale
        return invert_rigid(world_from_cam_from_quaternion([*xyz, w], position))

    @property
    def _upright(self) -> SO3:
        """The shortest turn that takes up in the world to the browser's, which is z.

        viser can be told another up, but then puts pages back to where they began whenever they
        connect again.
        """
        x, y, z = self.up_world
        quaternion = np.array([1.0 + z, y, -x, 0.0])
        length = float(np.linalg.norm(quaternion))
        return SO3(quaternion / length if length > 1e-6 else np.array([0.0, 1.0, 0.0, 0.0]))
