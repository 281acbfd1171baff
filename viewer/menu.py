"""A context menu: its items, where they lie, which one is highlighted; drawing is unknown.

Positions are pixels of the window, x to the right and y down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .input_state import Command

ROW_EMS, PADDING_EMS, GAP_EMS = 1.9, 0.7, 2.0


class TextStyle(NamedTuple):
    """How large text is.

    Attributes:
        measure: Width in pixels of a text at a height in pixels.
        size_px: Height of the letters' box.
    """

    measure: Callable[[str, float], float]
    size_px: float

    def scaled(self, factor: float) -> TextStyle:
        """The same letters larger or smaller."""
        return self._replace(size_px=self.size_px * factor)

    def widest(self, texts: Sequence[str]) -> float:
        """Width in pixels of the widest text."""
        return max(self.measure(text, self.size_px) for text in texts)


class Box(NamedTuple):
    """A rectangle: left, top, width, height in pixels."""

    x: float
    y: float
    width: float
    height: float

    def holds(self, x: float, y: float) -> bool:
        """Whether a position lies inside."""
        return 0 <= x - self.x < self.width and 0 <= y - self.y < self.height


class Item(NamedTuple):
    """One line of a menu: what it does, what it says, and the key that does the same."""

    command: Command
    label: str
    shortcut: str


@dataclass(frozen=True)
class Panel:
    """A table of two columns laid out in a window, smaller where it would not fit.

    Attributes:
        box: The whole panel.
        rows: One rectangle a line, as wide as the panel.
        style: Letters that fit.
        padding: Free pixels beside the text.
    """

    box: Box
    rows: tuple[Box, ...]
    style: TextStyle
    padding: float


def lay_out(
    lines: Sequence[tuple[str, str]],
    style: TextStyle,
    size_wh: tuple[int, int],
    at: tuple[float, float] | None = None,
) -> Panel:
    """Place a panel of two columns in a window.

    Args:
        lines: Left and right text of each line.
        style: The wished letters.
        size_wh: Size of the window.
        at: Where the upper left corner is wished; None for the middle of the window.
    """
    full_width, full_height = _panel_size(lines, style)
    style = style.scaled(min(1.0, size_wh[0] / full_width, size_wh[1] / full_height))
    width, height = _panel_size(lines, style)
    room_x, room_y = max(0.0, size_wh[0] - width), max(0.0, size_wh[1] - height)
    x, y = (min(at[0], room_x), min(at[1], room_y)) if at else (room_x / 2, room_y / 2)
    box = Box(round(x), round(y), round(width), round(height))
    padding, row = PADDING_EMS * style.size_px, ROW_EMS * style.size_px
    rows = tuple(
        Box(box.x, box.y + padding + index * row, box.width, row) for index in range(len(lines))
    )
    return Panel(box, rows, style, padding)


def _panel_size(lines: Sequence[tuple[str, str]], style: TextStyle) -> tuple[float, float]:
    left, right = zip(*lines, strict=True)
    em = style.size_px
    width = style.widest(left) + style.widest(right) + (GAP_EMS + 2 * PADDING_EMS) * em
    return width, len(lines) * ROW_EMS * em + 2 * PADDING_EMS * em


class ContextMenu:
    """A menu that is open: one item at most is highlighted, by pointer or keyboard.

    Args:
        items: Its lines.
        style: Its letters.
        size_wh: Size of the window.
        at: Where it was asked for; None opens it in the middle, its first item highlighted.
    """

    def __init__(
        self,
        items: Sequence[Item],
        style: TextStyle,
        size_wh: tuple[int, int],
        at: tuple[float, float] | None,
    ) -> None:
        self.items = tuple(items)
        self.panel = lay_out([(item.label, item.shortcut) for item in items], style, size_wh, at)
        self.highlighted: int | None = 0 if at is None else None

    def item_at(self, x: float, y: float) -> int | None:
        """Index of the item under a position."""
        rows = enumerate(self.panel.rows)
        return next((index for index, row in rows if row.holds(x, y)), None)

    def hover(self, x: float, y: float) -> None:
        """Highlight what the pointer is on."""
        self.highlighted = self.item_at(x, y)

    def step(self, key: str) -> None:
        """Move the highlight with `UP`, `DOWN`, `HOME` or `END`; it goes round."""
        last, here = len(self.items) - 1, self.highlighted
        if key == "HOME" or (key == "DOWN" and here in (None, last)):
            self.highlighted = 0
        elif key == "END" or (key == "UP" and here in (None, 0)):
            self.highlighted = last
        elif here is not None:
            self.highlighted = here + {"UP": -1, "DOWN": 1}.get(key, 0)

    @property
    def chosen(self) -> Command | None:
        """What the highlighted item does."""
        return None if self.highlighted is None else self.items[self.highlighted].command
