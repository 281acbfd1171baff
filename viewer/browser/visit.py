"""One browser that looks: its camera, its panel, and the pictures it is sent."""

from __future__ import annotations

import asyncio
import math
import shlex
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import viser

from warpset.building.views.camera_files import keyframes_json
from warpset.building.views.camera_paths import between
from warpset.core.cameras import Camera
from warpset.core.errors import InputError
from warpset.files.pictures import picture_bytes

from ..frame_source import DisplayMode, DrawnView, picture
from ..live_renderer import Drawn, LiveRenderer
from ..output import save_bytes
from ..session import REST_S
from .open_scenes import OpenScene, OpenScenes
from .panel import Actions, Panel
from .poses import Pose, Whereabouts
from .scenery import Scenery

MOVING_JPEG_QUALITY = 80
"""While the camera moves; at rest the picture loses nothing."""

FRAMES_A_KEYFRAME, FRAMES_PER_S = 36, 24
FARTHEST_UNITS = 160.0
"""What holes are as far as, for what the browser draws; its depth reaches 167."""

NOTE_S = 8.0

UP = (0.0, 0.0, 1.0)

START_UNITS = math.sqrt(27)
"""How far a page of viser's is from the origin that it looks at before it is told of a camera."""


class Visit:
    """One browser.

    Args:
        client: The browser.
        scenes: What it can look at.
    """

    def __init__(self, client: viser.ClientHandle, scenes: OpenScenes) -> None:
        self._client, self._scenes = client, scenes
        self._keyframes: list[Camera] = []
        self._has_ended = False
        self._resting: asyncio.TimerHandle | None = None
        self._lock = threading.RLock()
        self._live = LiveRenderer(self._render, show=self._send)
        self._where = Whereabouts(self._reported_pose())
        self._opened = scenes.first()
        self._source, self._standing = self._opened.source, 0
        self._panel = Panel(client.gui, tuple(scenes.served), self._actions())
        self._enter(self._opened)
        if self._is_at_the_beginning():
            self._stand_at(0)
        client.camera.on_update(self._moved)
        self._redraw()

    def _is_at_the_beginning(self) -> bool:
        """Whether the page stands where viser's pages begin and `Reset View` leads.

        A page that was open when the server was started again keeps its place.
        """
        position, look_at = self._where.pose.position, self._client.camera.look_at
        seen = np.linalg.norm(position - look_at), np.linalg.norm(look_at)
        return np.allclose(seen, (START_UNITS, 0.0), atol=1e-3)

    def _actions(self) -> Actions:
        return Actions(
            open=self._told(self._open),
            stand_at=self._stand_at,
            step=lambda by: self._stand_at((self._standing + by) % self._photo_count),
            redraw=self._redraw,
            save=self._told(self._save),
            add_keyframe=self._add_keyframe,
            drop_keyframe=self._drop_keyframe,
            play=self._play,
            save_keyframes=self._told(self._save_keyframes),
        )

    def end(self) -> None:
        """The browser has gone."""
        self._has_ended = True
        self._live.stop()

    # what is looked at

    def _enter(self, opened: OpenScene) -> None:
        subject, source = opened.subject, opened.source
        names = [standpoint.name for standpoint in subject.standpoints]
        with self._lock:
            self._opened, self._source, self._standing = opened, source, 0
            self._keyframes.clear()
            self._panel.count_keyframes(0)
            self._panel.opened(names, source.look, subject.cloud.confidence is not None)
            self._scenery = Scenery(self._client.scene, opened, self._stand_at)

    def _open(self, name: str) -> None:
        note = self._client.add_notification(name, "loading", loading=True)
        try:
            opened = self._scenes.open(name)
        finally:
            note.remove()
        self._enter(opened)
        self._stand_at(0)

    @property
    def _photo_count(self) -> int:
        return len(self._opened.stage.cameras)

    def _stand_at(self, photo: int) -> None:
        with self._lock:
            self._standing = photo
            self._panel.standing_at(photo)
        self._place(self._opened.stage.cameras[photo])
        self._redraw()

    def _place(self, camera: Camera) -> None:
        """Move the browser's camera; its field of view is the photo's, cut to the page."""
        seen, stage = self._client.camera, self._opened.stage
        pose = stage.pose(camera)
        with self._lock:
            self._where.place(pose)
        with self._client.atomic():
            seen.position = pose.position
            seen.look_at = stage.pivot(camera)
            seen.up_direction = UP
            seen.wxyz = pose.wxyz
            seen.fov = self._camera().fov_y

    # what is seen

    def _reported_pose(self) -> Pose:
        seen = self._client.camera
        return Pose(np.asarray(seen.wxyz, float), np.asarray(seen.position, float))

    def _camera(self) -> Camera:
        seen = self._client.camera
        size_wh = max(1, seen.image_width), max(1, seen.image_height)
        return self._opened.stage.camera(self._where.pose, self._standing, size_wh)

    async def _moved(self, _camera: viser.CameraHandle) -> None:
        """The browser's camera is elsewhere, or its page has another size."""
        with self._lock:
            self._where.report(self._reported_pose())
            if self._is_at_the_beginning():
                self._stand_at(0)
        self._look(is_moving=True)
        if self._resting is not None:
            self._resting.cancel()
        loop = asyncio.get_running_loop()
        self._resting = loop.call_later(REST_S, partial(self._look, is_moving=False))

    def _look(self, is_moving: bool) -> None:
        with self._lock:
            if self._has_ended:
                return
            camera = self._camera()
            if abs(self._client.camera.fov - camera.fov_y) > 1e-6:
                self._client.camera.fov = camera.fov_y
            self._scenery.show(self._shows_cameras, points=self._panel.mode is None)
            self._live.ask(camera, is_moving)

    def _redraw(self) -> None:
        with self._lock:
            if self._panel.look != self._source.look:
                self._source = self._source.looking(self._panel.look)
            self._look(is_moving=False)

    def _render(self, camera: Camera, detail: float) -> DrawnView:
        try:
            with self._scenes.drawing:
                return self._source.view(camera, detail)
        except Exception as error:  # such as no memory for a larger page
            self._say("error", f"nothing more is drawn ({error}); load the page again")
            raise

    @property
    def _shows_cameras(self) -> bool:
        """Whether the photos' cameras are drawn: not before the eyes of who looks through one."""
        own = self._opened.stage.pose(self._opened.stage.cameras[self._standing])
        return self._panel.shows_cameras and not self._where.pose.is_near(own)

    def _send(self, drawn: Drawn) -> None:
        mode, scene = self._panel.mode, self._client.scene
        if self._has_ended:
            return
        if mode is None:
            scene.set_background_image(None)
            return
        depth = self._depth(drawn.view) if self._shows_cameras else None
        kind = "png" if drawn.detail == 1.0 else "jpeg"
        scene.set_background_image(
            picture(drawn.view, mode), kind, jpeg_quality=MOVING_JPEG_QUALITY, depth=depth
        )

    def _depth(self, view: DrawnView) -> np.ndarray:
        scaled = view.depth * np.float32(self._opened.stage.scale)
        return np.where(scaled > 0, np.minimum(scaled, FARTHEST_UNITS), FARTHEST_UNITS)

    # what is kept

    def _told(self, action: Callable[..., None]) -> Callable[..., None]:
        """The action, whose error the browser is told."""

        def acting(*given: object) -> None:
            try:
                action(*given)
            except InputError as error:
                self._say("error", str(error))

        return acting

    def _say(self, title: str, text: str) -> None:
        self._client.add_notification(title, text, auto_close_seconds=NOTE_S)

    def _save(self) -> None:
        path, mode = self._scenes.output, self._panel.mode or DisplayMode()
        shown = picture(self._render(self._camera(), 1.0), mode)  # whatever moves meanwhile
        self._hand_over(path, picture_bytes(shown, path.suffix.lower().removeprefix(".")))

    def _hand_over(self, path: Path, content: bytes, besides: str = "") -> None:
        """Write a file where the server runs, and let the browser keep it as well."""
        save_bytes(content, path)
        self._client.send_file_download(path.name, content, save_immediately=True)
        self._say("saved", f"{path}{besides}")

    def _add_keyframe(self) -> None:
        self._keyframes.append(self._opened.stage.keyframe(self._where.pose, self._standing))
        self._panel.count_keyframes(len(self._keyframes))

    def _drop_keyframe(self) -> None:
        del self._keyframes[-1:]
        self._panel.count_keyframes(len(self._keyframes))

    def _path(self) -> list[Camera]:
        frames = FRAMES_A_KEYFRAME * (len(self._keyframes) - 1) + 1
        return between(list(self._keyframes), frames)

    def _play(self) -> None:
        if len(self._keyframes) < 2:
            self._say("path", "found too few keyframes, need two; add some")
            return
        for camera in self._path():
            self._place(camera)
            time.sleep(1 / FRAMES_PER_S)

    def _save_keyframes(self) -> None:
        if not self._keyframes:
            raise InputError("found no keyframe, need one; add some")
        output, opened = self._scenes.output, self._opened
        path = output.with_name(f"{output.stem}_keyframes.json")
        arguments = self._scenes.served[opened.name].arguments
        command = f"python render_views.py {arguments} --cameras {shlex.quote(str(path))}"
        self._hand_over(path, keyframes_json(self._keyframes), f"; for its views: `{command}`")
