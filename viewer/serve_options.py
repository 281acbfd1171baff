"""What is served to browsers, and where; known without viser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .frame_source import FrameSource
from .subject import Subject


@dataclass(frozen=True)
class ServedScene:
    """A scene that is offered.

    Attributes:
        load: Makes its subject and what renders it.
        arguments: How `render_views.py` is told of it.
    """

    load: Callable[[], tuple[Subject, FrameSource]]
    arguments: str


@dataclass(frozen=True)
class ServeOptions:
    """Where scenes are served.

    Attributes:
        output: Picture that is saved; keyframes go beside it.
        token_folder: Where the token of the address is kept for the next run.
        host: Address of this machine that is listened on.
        port: The port, or the next one that is free; 0 for any.
        is_dark: Colours of the panel.
    """

    output: Path
    token_folder: Path
    host: str = "127.0.0.1"
    port: int = 8080
    is_dark: bool = False
