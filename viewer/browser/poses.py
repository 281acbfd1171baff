"""Cameras as the browser has them, and ours; pages and pictures are unknown.

viser's cameras have our axes, but no principal point, and its keys and planes are made for worlds
a few units large.
"""

from __future__ import annotations

import math
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
        turned = 2.0 * math.acos(min(1.0, abs(float(self.wxyz @ other.wxyz))))
        return apart < SAME_UNITS and turned < SAME_RAD


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
        up_world: (3,) what dragging turns about.
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

    def pose(self, camera: Camera) -> Pose:
        """Where a camera of ours is in the browser."""
        wxyz = SO3.from_matrix(camera.world_from_cam[:3, :3]).wxyz
        return Pose(np.asarray(wxyz, np.float64), camera.center_world * self.scale)

    def pivot(self, camera: Camera) -> FloatArray:
        """(3,) what the browser turns a camera about, in its units."""
        return self.scale * camera.center_world + DEPTH_UNITS * camera.world_from_cam[:3, 2]

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
        w, *xyz = pose.wxyz
        position: ArrayLike = pose.position / self.scale
        return invert_rigid(world_from_cam_from_quaternion([*xyz, w], position))
