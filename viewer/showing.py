"""Shows a subject: in a window where one can be opened, otherwise as one picture; no flags."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from warpset.core.sizes import SizeRule

from .desktop.clipboard import copy_picture
from .desktop.theme import palette_for
from .fly_camera import FlyCamera, common_up
from .frame_source import DisplayMode, FrameSource, picture
from .live_renderer import LiveRenderer
from .output import save_picture
from .session import Outside, Session
from .subject import Subject

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ShowOptions:
    """How a subject is shown.

    Attributes:
        output: Picture that is saved.
        size_wh: Size of window and picture; None takes the first standpoint's, bounded as
            pictures of pairs are.
        headless: Save one picture and be done.
        theme: One of `theme.THEMES`.
    """

    output: Path
    size_wh: tuple[int, int] | None = None
    headless: bool = False
    theme: str = "auto"


def show(subject: Subject, source: FrameSource, options: ShowOptions) -> None:
    """Show the subject until its window is closed; without one, save what it would show first.

    Raises:
        InputError: The picture cannot be written.
    """
    start = subject.standpoints[0].camera
    size_wh = options.size_wh or SizeRule().size_of(start.size_wh)
    if (window := _try_window(subject.name, size_wh, options)) is not None:
        _show_in(window, subject, source, options)
        return
    up = common_up([standpoint.camera for standpoint in subject.standpoints])
    view = source.view(FlyCamera(start, up).camera(size_wh))
    log.info(save_picture(picture(view, DisplayMode()), options.output))


def missing_display(environ: Mapping[str, str], platform: str = sys.platform) -> str | None:
    """Why no window can be opened, as far as that is known without trying; None to try."""
    if platform in ("win32", "darwin", "cygwin") or environ.get("DISPLAY"):
        return None
    return "DISPLAY is not set"


def _try_window(title: str, size_wh: tuple[int, int], options: ShowOptions) -> Any:
    """A window; None, saying why, where none is wanted or can be opened."""
    if options.headless:
        return None
    reason = missing_display(os.environ)
    if reason is None:
        try:
            from .desktop.window import open_window

            return open_window(title, size_wh)
        except ModuleNotFoundError as error:
            reason = f"{error.name} is not installed, it is in the group viewer"
        except Exception as error:  # pyglet passes on whatever the system says
            reason = " ".join(f"{type(error).__name__}: {error}".split())
    log.info(f"no window ({reason}); rendering one picture to {options.output} instead")
    return None


def _show_in(window: Any, subject: Subject, source: FrameSource, options: ShowOptions) -> None:
    from .desktop.window import Screen, text_style

    live = LiveRenderer(source.view)
    outside = Outside(
        save=partial(save_picture, path=options.output),
        copy=copy_picture,
        picture=lambda camera, mode: picture(live.sharp(camera), mode),
    )
    session = Session(subject, window.get_size(), text_style(window), outside)
    try:
        Screen(window, session, live, palette_for(options.theme, os.environ)).run()
    finally:
        live.stop()
