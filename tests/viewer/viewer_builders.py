"""A session without a window, a display or a renderer."""

from __future__ import annotations

import numpy as np

from tests.builders import a_camera
from viewer.menu import TextStyle
from viewer.session import Outside, Session
from viewer.subject import Standpoint, Subject
from warpset.core.errors import InputError
from warpset.core.points import PointCloud

SIZE_WH = (640, 480)
TEXT = TextStyle(lambda text, size_px: 0.5 * size_px * len(text), 15.0)
PLAIN_DEPTH = 4.0


def a_subject(cameras=3) -> Subject:
    """A plane at a depth of four, and cameras that step along x before it."""
    rng = np.random.default_rng(0)
    xyz = rng.uniform(-2, 2, (500, 3)).astype(np.float32)
    xyz[:, 2] = PLAIN_DEPTH
    rgb = rng.integers(0, 256, (500, 3), np.uint8)
    standpoints = tuple(
        Standpoint(f"{index + 1}.png", a_camera(at=(0.1 * index, 0, 0))) for index in range(cameras)
    )
    return Subject("plane", PointCloud(xyz, rgb, None), 0.01, standpoints)


class FakeOutside:
    """Remembers what it was given; saves and copies without doing either."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.cameras, self.display_modes, self.saved, self.copied = [], [], [], []

    def picture(self, camera, mode):
        self.cameras.append(camera)
        self.display_modes.append(mode)
        return np.full((2, 3, 3), len(self.cameras), np.uint8)

    def save(self, rgb):
        return self._take(self.saved, rgb, "saved")

    def copy(self, rgb):
        return self._take(self.copied, rgb, "copied")

    def _take(self, into, rgb, done):
        if self.fails:
            raise InputError(self.fails)
        into.append(rgb)
        return done


def a_session(outside: FakeOutside | None = None, size_wh=SIZE_WH, text=TEXT, cameras=3) -> Session:
    """A session that looks at `a_subject`."""
    outside = outside or FakeOutside()
    handed = Outside(outside.save, outside.copy, outside.picture)
    return Session(a_subject(cameras), size_wh, text, handed)
