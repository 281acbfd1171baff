"""What the viewer shows and how input changes it; the window that shows it is unknown.

Positions are pixels of the window, x to the right and y down; times are seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from warpset.core.cameras import Camera
from warpset.core.errors import InputError

from .fly_camera import FlyCamera, common_up
from .frame_source import DisplayMode, Rgb
from .input_state import NONE, Command, InputState, Modifiers
from .menu import ContextMenu, Item, TextStyle
from .subject import Subject
from .toasts import Toast

REST_S = 0.2
CROSSING_S = 2.0
"""Seconds that it takes at first to go as far as the scene is deep."""

SCROLL_SHARE = 0.05
SPEED_STEP = 1.25
ROLL_PER_S = math.radians(45)
LOOK_PER_S = math.radians(60)
TEXT_SIZES = (0.5, 4.0)
TEXT_STEP = 1.25
MENU_KEYS = frozenset({"UP", "DOWN", "HOME", "END"})
ENTER_KEYS = frozenset({"ENTER", "RETURN", "NUM_ENTER", "SPACE"})


@dataclass(frozen=True)
class Outside:
    """What the session cannot do itself; each answers with what to tell the user.

    Attributes:
        save: Writes a picture.
        copy: Puts a picture on the clipboard.
        picture: The sharp picture of a camera.
    """

    save: Callable[[Rgb], str]
    copy: Callable[[Rgb], str]
    picture: Callable[[Camera, DisplayMode], Rgb]


class Session:
    """One viewer's state.

    Attributes:
        camera: What is looked through now; another object whenever it changes.
        size_wh: Size of the window.
        display_mode: What of the view is shown.
        menu: The open menu, or None.
        shows_help: Whether the help is open.
        is_over: Whether the window shall close.

    Args:
        subject: What is looked at.
        size_wh: See the attribute.
        style: How large text is.
        outside: What the session cannot do itself.
    """

    def __init__(
        self, subject: Subject, size_wh: tuple[int, int], style: TextStyle, outside: Outside
    ) -> None:
        self.size_wh = size_wh
        self.display_mode = DisplayMode()
        self.menu: ContextMenu | None = None
        self.shows_help = False
        self.is_over = False
        self._subject, self._outside = subject, outside
        self._style, self._zoom = style, 1.0
        self._input, self._toast = InputState(), Toast()
        self._up = common_up([standpoint.camera for standpoint in subject.standpoints])
        self._speed = subject.reach / CROSSING_S
        self._step = subject.reach * SCROLL_SHARE
        self._now, self._moved_at = 0.0, -math.inf
        self._is_dragging = False
        self._commands = self._command_table()
        self._stand_at(0)

    def _command_table(self) -> dict[Command, Callable[[], None]]:
        return {
            Command.COPY: lambda: self._hand_over(self._outside.copy),
            Command.SAVE: lambda: self._hand_over(self._outside.save),
            Command.NEXT_PHOTO: partial(self._next_photo, 1),
            Command.PREVIOUS_PHOTO: partial(self._next_photo, -1),
            Command.FILLING: self._toggle_filling,
            Command.MASK: self._toggle_mask,
            Command.RESET: lambda: self._stand_at(0),
            Command.HELP: self._toggle_help,
            Command.MENU: self._open_menu,
            Command.FASTER: partial(self._change_speed, SPEED_STEP),
            Command.SLOWER: partial(self._change_speed, 1 / SPEED_STEP),
            Command.LARGER_TEXT: partial(self._zoom_text, TEXT_STEP),
            Command.SMALLER_TEXT: partial(self._zoom_text, 1 / TEXT_STEP),
            Command.NORMAL_TEXT: partial(self._zoom_text, 0.0),
            Command.CLOSE: self._close,
        }

    @property
    def style(self) -> TextStyle:
        """The letters that panels are drawn with."""
        return self._style.scaled(self._zoom)

    @property
    def toast(self) -> str | None:
        """The message that shows now."""
        return self._toast.text(self._now)

    @property
    def is_moving(self) -> bool:
        """Whether the camera moved just now, and is likely to move on."""
        return self._now - self._moved_at < REST_S

    def say(self, text: str) -> None:
        """Show a short message."""
        self._toast.show(text, self._now)

    def resize(self, size_wh: tuple[int, int]) -> None:
        """The window has another size."""
        self.size_wh = (max(1, size_wh[0]), max(1, size_wh[1]))
        self.menu = None
        self._fly_to(self._fly)

    def tick(self, now: float) -> None:
        """Let time pass: held keys move the camera."""
        seconds, self._now = min(now - self._now, 0.1), now
        motion = self._input.motion
        if not any(motion):
            return
        way, turn = self._speed * seconds, LOOK_PER_S * seconds
        fly = self._fly.move(motion.right * way, 0.0, motion.forward * way)
        fly = fly.rise(motion.up * way).tilt(motion.clockwise * ROLL_PER_S * seconds)
        self._fly_to(fly.look(motion.look_right * turn, motion.look_down * turn))

    def press_key(self, key: str, modifiers: Modifiers = NONE) -> None:
        """A key goes down; an open menu takes it."""
        if self.menu is not None:
            self._press_key_in_menu(self.menu, key)
        elif (command := self._input.press(key, modifiers)) is not None:
            self._commands[command]()

    def release_key(self, key: str) -> None:
        """A key goes up."""
        self._input.release(key)

    def lose_keyboard(self) -> None:
        """Keys go up unseen from now on."""
        self._input.release_all()

    def press_button(self, button: str, x: float, y: float) -> None:
        """A mouse button, `left` or `right`, goes down."""
        if self.menu is not None:
            if button == "right" or self.menu.item_at(x, y) is None:
                self.menu = None
        elif button == "right":
            self._open_menu((x, y))
        elif button == "left":
            self._is_dragging = True

    def release_button(self, button: str, x: float, y: float) -> None:
        """A mouse button goes up; over a menu's item it chooses it."""
        self._is_dragging = False
        if self.menu is not None and button == "left":
            self.menu.hover(x, y)
            self._choose(self.menu)

    def point(self, x: float, y: float) -> None:
        """The pointer moves, no matter which buttons are down."""
        if self.menu is not None:
            self.menu.hover(x, y)

    def drag(self, right_px: float, down_px: float, modifiers: Modifiers = NONE) -> None:
        """The pointer moves while the left button is down."""
        if not self._is_dragging:
            return
        focal_px = self.camera.K[0, 0]
        if modifiers.shift:
            scale = 2 * self._speed / focal_px
            self._fly_to(self._fly.move(right_px * scale, down_px * scale, 0.0))
        else:
            self._fly_to(self._fly.look(right_px / focal_px, down_px / focal_px))

    def scroll(self, clicks: float) -> None:
        """The wheel turns; up is positive. It moves, or changes how fast the keys move."""
        if self.menu is not None:
            return
        if self._input.holds_ctrl or any(self._input.motion):
            self._change_speed(SPEED_STEP**clicks)
        else:
            self._fly_to(self._fly.move(0.0, 0.0, clicks * self._step))

    def _fly_to(self, fly: FlyCamera) -> None:
        self._fly, self._moved_at = fly, self._now
        self.camera = fly.camera(self.size_wh)

    def _stand_at(self, index: int) -> None:
        self._standpoint = index
        self._fly_to(FlyCamera(self._subject.standpoints[index].camera, self._up))

    def _next_photo(self, step: int) -> None:
        count = len(self._subject.standpoints)
        self._stand_at((self._standpoint + step) % count)
        name = self._subject.standpoints[self._standpoint].name
        self.say(f"{name} ({self._standpoint + 1} of {count})")

    def _change_speed(self, factor: float) -> None:
        self._speed *= factor
        self._step *= factor
        self.say(f"speed {self._speed * CROSSING_S / self._subject.reach:.3g}")

    def _toggle_filling(self) -> None:
        self.display_mode = DisplayMode(filled=not self.display_mode.filled)
        self.say("holes filled" if self.display_mode.filled else "holes black")

    def _toggle_mask(self) -> None:
        self.display_mode = self.display_mode._replace(mask=not self.display_mode.mask)
        self.say("hole mask: white is a hole" if self.display_mode.mask else "colours")

    def _toggle_help(self) -> None:
        self.shows_help = not self.shows_help

    def _zoom_text(self, factor: float) -> None:
        minimum, maximum = TEXT_SIZES
        self._zoom = min(max(self._zoom * factor, minimum), maximum) if factor else 1.0
        self.say(f"text {round(100 * self._zoom)} %")

    def _close(self) -> None:
        if self.shows_help:
            self.shows_help = False
        else:
            self.is_over = True

    def _hand_over(self, take: Callable[[Rgb], str]) -> None:
        try:
            self.say(take(self._outside.picture(self.camera, self.display_mode)))
        except InputError as error:
            self.say(str(error))

    def _open_menu(self, at: tuple[float, float] | None = None) -> None:
        self._input.release_all()
        self._is_dragging = False
        self.menu = ContextMenu(self._items(), self.style, self.size_wh, at)

    def _items(self) -> tuple[Item, ...]:
        filled, mask = self.display_mode.filled, self.display_mode.mask
        return (
            Item(Command.COPY, "Copy image to clipboard", "Ctrl+C"),
            Item(Command.SAVE, "Save image", "E"),
            Item(Command.NEXT_PHOTO, "Next photo's camera", "P"),
            Item(Command.RESET, "Reset camera", "F"),
            Item(Command.FILLING, "Leave holes black" if filled else "Fill holes", "N"),
            Item(Command.MASK, "Show colours" if mask else "Show hole mask", "M"),
            Item(Command.HELP, "Hide help" if self.shows_help else "Help", "H"),
            Item(Command.CLOSE, "Close", "Esc"),
        )

    def _press_key_in_menu(self, menu: ContextMenu, key: str) -> None:
        if key in MENU_KEYS:
            menu.step(key)
        elif key in ENTER_KEYS:
            self._choose(menu)
        elif key in ("ESCAPE", "MENU"):
            self.menu = None

    def _choose(self, menu: ContextMenu) -> None:
        self.menu = None
        if menu.chosen is Command.CLOSE:
            self.is_over = True
        elif menu.chosen is not None:
            self._commands[menu.chosen]()
