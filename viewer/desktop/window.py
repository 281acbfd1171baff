"""The window: pyglet's events to the session, its picture and overlay to the screen.

The only module that imports pyglet.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import pyglet
from pyglet.event import EVENT_HANDLED
from pyglet.window import BaseWindow, key, mouse

from ..frame_source import Rgb, picture
from ..input_state import Modifiers
from ..live_renderer import LiveRenderer
from ..menu import TextStyle
from ..session import Session
from .overlay import Rectangle, Shape, overlay
from .theme import Palette

TEXT_PX = 15.0
TICKS_PER_S = 60
LEAST_SIZE_WH = (320, 240)
HINT = "H: help, right click: menu"

_EVENTS = (
    "on_draw on_expose on_resize on_close on_deactivate on_key_press on_key_release "
    "on_mouse_press on_mouse_release on_mouse_motion on_mouse_drag on_mouse_scroll"
).split()


def open_window(title: str, size_wh: tuple[int, int]) -> BaseWindow:
    """A window whose size counts the screen's own pixels; fails where there is no display."""
    pyglet.options.dpi_scaling = "real"
    window = pyglet.window.Window(*size_wh, caption=title, resizable=True)
    window.set_minimum_size(*LEAST_SIZE_WH)
    return window


@lru_cache(maxsize=512)
def measure(text: str, size_px: float) -> float:
    """Width in pixels of a text at a height in pixels."""
    return _label(text, size_px).content_width


def text_style(window: BaseWindow) -> TextStyle:
    """Letters as large as the display's resolution asks for."""
    return TextStyle(measure, TEXT_PX * window.screen.get_scale())


class Screen:
    """Shows a session in a window until it is over.

    Args:
        window: See `open_window`.
        session: What is shown.
        live: Renders what the session looks at.
        palette: Colours of what lies over the picture.
    """

    def __init__(
        self,
        window: BaseWindow,
        session: Session,
        live: LiveRenderer,
        palette: Palette,
    ) -> None:
        self._window, self._session = window, session
        self._live, self._palette = live, palette
        self._shown: tuple[Any, ...] = ()
        self._painted: tuple[Any, ...] = ()
        self._texture: Any = None
        self._shapes: list[Shape] = []
        self._batch, self._kept = _batch_of([], window.height)
        window.push_handlers(**{name: getattr(self, name) for name in _EVENTS})

    def run(self) -> None:
        """Show until the session is over."""
        self._session.tick(time.monotonic())
        self._session.say(HINT)
        pyglet.clock.schedule_interval(self._tick, 1 / TICKS_PER_S)
        pyglet.app.run(interval=None)

    def _tick(self, _seconds: float) -> None:
        session = self._session
        session.tick(time.monotonic())
        if session.is_over:
            pyglet.clock.unschedule(self._tick)
            self._window.close()
            return
        drawn = self._live.ask(session.camera, session.is_moving)
        if drawn is not None and (drawn, session.display_mode) != self._painted:
            self._painted = (drawn, session.display_mode)
            self._texture = _texture(picture(drawn.view, session.display_mode))
        shown = (self._painted, session.size_wh, overlay(session, self._palette))
        if shown != self._shown:
            self._shown = shown
            self._window.draw(0.0)

    def on_draw(self) -> None:
        """Paint the picture over the whole window, then what lies over it."""
        window = self._window
        window.clear()
        if self._texture is not None:
            self._texture.blit(0, 0, width=window.width, height=window.height)
        shapes = overlay(self._session, self._palette)
        if shapes != self._shapes:
            self._shapes = shapes
            self._batch, self._kept = _batch_of(shapes, window.height)
        self._batch.draw()

    def on_expose(self) -> None:
        """The window was covered."""
        self._shown = ()

    def on_resize(self, width: int, height: int) -> None:
        """The window has another size."""
        self._session.resize((width, height))
        self._shapes = []

    def on_close(self) -> bool:
        """The system's close button."""
        self._session.is_over = True
        return EVENT_HANDLED

    def on_deactivate(self) -> None:
        """Another window has the keyboard."""
        self._session.lose_keyboard()

    def on_key_press(self, symbol: int, modifiers: int) -> bool:
        """Hand a key on under its name."""
        self._session.press_key(_key_name(symbol), _modifiers(modifiers))
        return EVENT_HANDLED

    def on_key_release(self, symbol: int, _modifiers: int) -> None:
        """Hand a key on under its name."""
        self._session.release_key(_key_name(symbol))

    def on_mouse_press(self, x: int, y: int, button: int, _modifiers: int) -> None:
        """Hand a button on under its name."""
        self._session.press_button(_button_name(button), x, self._from_top(y))

    def on_mouse_release(self, x: int, y: int, button: int, _modifiers: int) -> None:
        """Hand a button on under its name."""
        self._session.release_button(_button_name(button), x, self._from_top(y))

    def on_mouse_motion(self, x: int, y: int, _dx: int, _dy: int) -> None:
        """Hand the pointer's position on."""
        self._session.point(x, self._from_top(y))

    def on_mouse_drag(  # noqa: PLR0913, PLR0917 -- pyglet's event
        self, x: int, y: int, dx: int, dy: int, _buttons: int, modifiers: int
    ) -> None:
        """Hand the pointer's position and its way on."""
        self._session.point(x, self._from_top(y))
        self._session.drag(dx, -dy, _modifiers(modifiers))

    def on_mouse_scroll(self, _x: int, _y: int, _scroll_x: float, scroll_y: float) -> None:
        """Hand the wheel on."""
        self._session.scroll(scroll_y)

    def _from_top(self, y: int) -> int:
        return self._window.height - 1 - y


def _key_name(symbol: int) -> str:
    return key.symbol_string(symbol).removeprefix("_")


def _button_name(button: int) -> str:
    return mouse.buttons_string(button).lower()


def _modifiers(modifiers: int) -> Modifiers:
    return Modifiers(bool(modifiers & key.MOD_SHIFT), bool(modifiers & key.MOD_ACCEL))


def _texture(rgb: Rgb) -> Any:
    height, width = rgb.shape[:2]
    image = pyglet.image.ImageData(width, height, "RGB", rgb.tobytes(), pitch=-3 * width)
    return image.get_texture()


def _label(text: str, size_px: float, **more: Any) -> pyglet.text.Label:
    """A line of text; at 72 dots an inch a point is a pixel."""
    return pyglet.text.Label(text, font_size=size_px, dpi=72, **more)


def _batch_of(shapes: Sequence[Shape], window_height: int) -> tuple[pyglet.graphics.Batch, list]:
    """The shapes ready to draw, each over those before it, and what must be kept alive for it."""
    batch, kept = pyglet.graphics.Batch(), []
    for order, shape in enumerate(shapes):
        group = pyglet.graphics.Group(order=order)
        more: dict[str, Any] = {"color": shape.color, "batch": batch, "group": group}
        if isinstance(shape, Rectangle):
            x, y, width, height = shape.box
            bottom = window_height - y - height
            kept.append(pyglet.shapes.Rectangle(x, bottom, width, height, **more))
        else:
            middle = round(window_height - shape.y)  # between pixels letters would be blurred
            more |= {"x": round(shape.x), "y": middle, "anchor_y": "center"}
            kept.append(_label(shape.text, shape.size_px, **more))
    return batch, kept
