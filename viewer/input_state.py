"""Keys: what each one asks for and which are held down; windows and cameras are unknown.

Keys are named as on the keyboard, in capitals: `W`, `SPACE`, `ESCAPE`, `F10`.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple


class Command(Enum):
    """What a key or a menu item asks for."""

    COPY = auto()
    SAVE = auto()
    NEXT_PHOTO = auto()
    PREVIOUS_PHOTO = auto()
    FILLING = auto()
    MASK = auto()
    RESET = auto()
    HELP = auto()
    MENU = auto()
    FASTER = auto()
    SLOWER = auto()
    LARGER_TEXT = auto()
    SMALLER_TEXT = auto()
    NORMAL_TEXT = auto()
    CLOSE = auto()


class Modifiers(NamedTuple):
    """Keys held beside another: Shift, and Ctrl (Cmd on a Mac)."""

    shift: bool = False
    ctrl: bool = False


NONE, SHIFT, CTRL = Modifiers(), Modifiers(shift=True), Modifiers(ctrl=True)
CTRL_SHIFT = Modifiers(shift=True, ctrl=True)

COMMANDS: dict[tuple[str, Modifiers], Command] = {
    ("C", CTRL): Command.COPY,
    ("E", NONE): Command.SAVE,
    ("S", CTRL): Command.SAVE,
    ("P", NONE): Command.NEXT_PHOTO,
    ("P", SHIFT): Command.PREVIOUS_PHOTO,
    ("N", NONE): Command.FILLING,
    ("M", NONE): Command.MASK,
    ("F", NONE): Command.RESET,
    ("H", NONE): Command.HELP,
    ("F1", NONE): Command.HELP,
    ("MENU", NONE): Command.MENU,
    ("F10", SHIFT): Command.MENU,
    ("PLUS", NONE): Command.FASTER,
    ("PLUS", SHIFT): Command.FASTER,
    ("EQUAL", NONE): Command.FASTER,
    ("EQUAL", SHIFT): Command.FASTER,
    ("NUM_ADD", NONE): Command.FASTER,
    ("MINUS", NONE): Command.SLOWER,
    ("NUM_SUBTRACT", NONE): Command.SLOWER,
    ("PLUS", CTRL): Command.LARGER_TEXT,
    ("PLUS", CTRL_SHIFT): Command.LARGER_TEXT,
    ("EQUAL", CTRL): Command.LARGER_TEXT,
    ("EQUAL", CTRL_SHIFT): Command.LARGER_TEXT,
    ("NUM_ADD", CTRL): Command.LARGER_TEXT,
    ("MINUS", CTRL): Command.SMALLER_TEXT,
    ("NUM_SUBTRACT", CTRL): Command.SMALLER_TEXT,
    ("0", CTRL): Command.NORMAL_TEXT,
    ("ESCAPE", NONE): Command.CLOSE,
    ("W", CTRL): Command.CLOSE,
    ("Q", CTRL): Command.CLOSE,
}


class Motion(NamedTuple):
    """How the keys that are held move the camera, each in -1..1."""

    right: float = 0.0
    up: float = 0.0
    forward: float = 0.0
    look_right: float = 0.0
    look_down: float = 0.0
    clockwise: float = 0.0


MOTIONS: dict[str, Motion] = {
    "W": Motion(forward=1),
    "S": Motion(forward=-1),
    "A": Motion(right=-1),
    "D": Motion(right=1),
    "SPACE": Motion(up=1),
    "Q": Motion(up=-1),
    "Z": Motion(clockwise=-1),
    "C": Motion(clockwise=1),
    "LEFT": Motion(look_right=-1),
    "RIGHT": Motion(look_right=1),
    "UP": Motion(look_down=-1),
    "DOWN": Motion(look_down=1),
}

CONTROLS = (
    ("Left drag, arrow keys", "look round"),
    ("Shift + left drag", "strafe"),
    ("Scroll", "move forward and back"),
    ("W A S D, Space, Q", "move; Space up, Q down"),
    ("Ctrl + scroll, + and -", "change the speed"),
    ("Z, C", "roll"),
    ("F", "reset the camera"),
    ("P, Shift + P", "next, previous photo's camera"),
    ("N", "hole filling on or off"),
    ("M", "hole mask"),
    ("E, Ctrl + S", "save the picture"),
    ("Ctrl + C", "copy the picture"),
    ("Right click, Menu, Shift + F10", "menu"),
    ("Ctrl + plus, minus, 0", "size of the text"),
    ("H, F1", "this help"),
    ("Esc, Ctrl + Q, Ctrl + W", "close"),
)
"""Every control and what it does, as the help shows them; Cmd is Ctrl on a Mac."""


CTRL_KEYS = frozenset({"LCTRL", "RCTRL", "LCOMMAND", "RCOMMAND"})


class InputState:
    """Which keys that count while held are down."""

    def __init__(self) -> None:
        self._held: set[str] = set()

    def press(self, key: str, modifiers: Modifiers = NONE) -> Command | None:
        """Take a key; the command it asks for at once, if any."""
        if (command := COMMANDS.get((key, modifiers))) is not None:
            return command
        if key in CTRL_KEYS or (key in MOTIONS and not modifiers.ctrl):
            self._held.add(key)
        return None

    def release(self, key: str) -> None:
        """A key is up again."""
        self._held.discard(key)

    def release_all(self) -> None:
        """Forget what is held: the window lost the keyboard, or a menu took it."""
        self._held.clear()

    @property
    def motion(self) -> Motion:
        """The sum of what the held keys ask for; opposite keys cancel out."""
        held = [MOTIONS[key] for key in MOTIONS.keys() & self._held]
        return Motion(*map(sum, zip(Motion(), *held, strict=True)))

    @property
    def holds_ctrl(self) -> bool:
        """Whether Ctrl, or Cmd on a Mac, is down."""
        return not CTRL_KEYS.isdisjoint(self._held)
