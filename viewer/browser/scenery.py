"""What the browser draws itself: the photos' cameras, and the points."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import viser

from warpset.core.points import thinned

from .open_scenes import OpenScene

FRUSTUM_UNITS, LINE_PX = 0.15, 2.0
FRUSTUM_RGB = (255, 150, 40)
MAX_POINTS = 500_000
"""Points that are sent to a browser: 7 MB, which a notebook turns smoothly."""


class Scenery:
    """One browser's cameras and points of one scene.

    Args:
        scene: Where they go.
        opened: What they are of.
        stand_at: Follows a click on a camera, with its number.
    """

    def __init__(
        self, scene: viser.SceneApi, opened: OpenScene, stand_at: Callable[[int], None]
    ) -> None:
        self._scene, self._opened = scene, opened
        self._points: viser.PointCloudHandle | None = None
        scene.reset()
        self._frusta = [self._frustum(index) for index in range(len(opened.stage.cameras))]
        for index, frustum in enumerate(self._frusta):
            frustum.on_click(partial(_clicked, stand_at, index))

    def _frustum(self, index: int) -> viser.CameraFrustumHandle:
        camera = self._opened.stage.cameras[index]
        pose = self._opened.stage.pose(camera)
        return self._scene.add_camera_frustum(
            f"/cameras/{index}",
            camera.fov_y,
            camera.size_wh[0] / camera.size_wh[1],
            scale=FRUSTUM_UNITS,
            thickness=LINE_PX,
            thickness_units="screen",
            color=FRUSTUM_RGB,
            wxyz=pose.wxyz,
            position=pose.position,
            cast_shadow=False,
            receive_shadow=False,
        )

    def show(self, cameras: bool, points: bool) -> None:
        """Say what is drawn.

        Args:
            cameras: Whether the photos' cameras are.
            points: Whether the points are.
        """
        for frustum in self._frusta:
            if frustum.visible != cameras:
                frustum.visible = cameras
        if points and self._points is None:
            self._points = self._add_points()
        if self._points is not None:
            self._points.visible = points

    def _add_points(self) -> viser.PointCloudHandle:
        subject, stage = self._opened.subject, self._opened.stage
        cloud = thinned(subject.cloud, MAX_POINTS)
        sparser = len(subject.cloud.xyz_world) / len(cloud.xyz_world)
        return self._scene.add_point_cloud(
            "/points",
            stage.points(cloud.xyz_world).astype(np.float32),
            cloud.rgb,
            point_size=subject.s0 * stage.scale * sparser**0.5,
            precision="float32",
            point_shading="flat",
        )


def _clicked(stand_at: Callable[[int], None], index: int, _event: object) -> None:
    stand_at(index)
