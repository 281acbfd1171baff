"""Renders beside the window: coarsely while the camera moves, sharply at rest; no window, no keys.

One thread renders; whoever asks never waits, and what was asked for last is rendered next.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from warpset.core.cameras import Camera

from .frame_source import DETAILS, DrawnView

BUDGET_S = 1 / 15
"""Time that a picture may take while the camera moves."""


class Pace:
    """How much detail a moving picture can have, learnt from how long pictures took."""

    def __init__(self) -> None:
        self._full_s = 0.0

    def took(self, seconds: float, detail: float) -> None:
        """Take note of one picture; time goes with the number of pixels and points."""
        if detail == 1.0:
            self._full_s = seconds
        elif seconds > BUDGET_S:
            self._full_s = max(self._full_s, seconds / detail**2)

    @property
    def moving_detail(self) -> float:
        """The most detail that stays within the budget, or the least there is."""
        fast = (detail for detail in DETAILS if self._full_s * detail**2 <= BUDGET_S)
        return next(fast, DETAILS[-1])


@dataclass(frozen=True, eq=False)
class Drawn:
    """A view, the camera it was rendered for, and its detail."""

    camera: Camera
    detail: float
    view: DrawnView


class LiveRenderer:
    """Keeps the view of the camera asked for last.

    Args:
        render: Renders a camera with a detail.
        clock: Seconds.
        show: Takes each view as soon as there is one, for those who do not ask time and again.
    """

    def __init__(
        self,
        render: Callable[[Camera, float], DrawnView],
        clock: Callable[[], float] = time.perf_counter,
        show: Callable[[Drawn], None] | None = None,
    ) -> None:
        self._render, self._clock, self._show, self._pace = render, clock, show, Pace()
        self._changed = threading.Condition()
        self._camera: Camera | None = None
        self._is_moving = False
        self._drawn: Drawn | None = None
        self._failure: BaseException | None = None
        self._is_stopped = False
        self._thread = threading.Thread(target=self._work, name="renderer", daemon=True)
        self._thread.start()

    def ask(self, camera: Camera, is_moving: bool) -> Drawn | None:
        """Say what is looked at now; the newest view there is, perhaps of an earlier camera.

        Args:
            camera: The camera; another object is another camera.
            is_moving: Whether the camera is about to move on.
        """
        with self._changed:
            self._camera, self._is_moving = camera, is_moving
            self._changed.notify_all()
            return self._newest()

    def sharp(self, camera: Camera) -> DrawnView:
        """The view of a camera in full detail, waiting for it."""
        with self._changed:
            self._camera, self._is_moving = camera, False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._failure or self._todo() is None)
            drawn = self._newest()
            assert drawn is not None, "nothing is left to do"
            return drawn.view

    def stop(self) -> None:
        """End the thread, after the picture it is at."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        self._thread.join()

    def _newest(self) -> Drawn | None:
        if self._failure is not None:
            raise self._failure
        return self._drawn

    def _todo(self) -> tuple[Camera, float] | None:
        """What to render next; None where the newest view is good enough."""
        if self._camera is None:
            return None
        detail = self._pace.moving_detail if self._is_moving else 1.0
        drawn = self._drawn
        if drawn is not None and drawn.camera is self._camera and drawn.detail >= detail:
            return None
        return self._camera, detail

    def _work(self) -> None:
        try:
            while (todo := self._next()) is not None:
                started = self._clock()
                view = self._render(*todo)
                self._pace.took(self._clock() - started, todo[1])
                drawn = Drawn(*todo, view)
                with self._changed:
                    self._drawn = drawn
                    self._changed.notify_all()
                if self._show is not None:
                    self._show(drawn)
        except BaseException as error:  # goes to whoever asks next
            with self._changed:
                self._failure = error
                self._changed.notify_all()

    def _next(self) -> tuple[Camera, float] | None:
        """What to render next, waiting for it; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._todo() is not None)
            return None if self._is_stopped else self._todo()
