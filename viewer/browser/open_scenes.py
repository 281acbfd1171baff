"""Scenes to look at, each loaded once for all browsers; viser and its pages are unknown."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..frame_source import FrameSource
from ..serve_options import ServedScene
from ..subject import Subject
from .poses import Stage

OPEN_SCENES = 4
"""Scenes that stay loaded; a million points take 60 MB."""


@dataclass(frozen=True, eq=False)
class OpenScene:
    """A scene that is looked at.

    Attributes:
        name: What it is chosen by.
        subject: Its points and cameras.
        source: What renders them.
        stage: Its world in the browser.
    """

    name: str
    subject: Subject
    source: FrameSource
    stage: Stage


class OpenScenes:
    """Opens scenes by name.

    Args:
        served: The scenes by name, at least one.
        output: See the attribute.

    Attributes:
        served: See the argument.
        output: Picture that is saved; keyframes go beside it.
        drawing: Held while a picture is drawn: two at once would share the cores, and be late both.
    """

    def __init__(self, served: Mapping[str, ServedScene], output: Path) -> None:
        self.served, self.output = served, output
        self.drawing = threading.Lock()
        self._loading = threading.Lock()
        self._opened = lru_cache(maxsize=OPEN_SCENES)(self._load)

    def first(self) -> OpenScene:
        """The scene that looking begins with.

        Raises:
            InputError: It cannot be loaded.
        """
        return self.open(next(iter(self.served)))

    def open(self, name: str) -> OpenScene:
        """A scene, loaded unless it is open.

        Raises:
            InputError: It cannot be loaded.
        """
        with self._loading:
            return self._opened(name)

    def _load(self, name: str) -> OpenScene:
        subject, source = self.served[name].load()
        return OpenScene(name, subject, source, Stage.of(subject))
