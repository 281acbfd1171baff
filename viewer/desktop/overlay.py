"""What lies over the picture (menu, help, toast) as rectangles and texts; how to draw is unknown.

Positions are pixels of the window, x to the right and y down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..input_state import CONTROLS
from ..menu import Box, ContextMenu, Panel, TextStyle, lay_out
from ..session import Session
from .theme import Color, Palette

BORDER_EMS = 0.08
TOAST_MARGIN_EMS = 1.5
TOAST_PADDING_EMS = 0.6


class Rectangle(NamedTuple):
    """A filled rectangle."""

    box: Box
    color: Color


class Text(NamedTuple):
    """One line of text; `x` is its left end, `y` its middle."""

    x: float
    y: float
    text: str
    size_px: float
    color: Color


Shape = Rectangle | Text


def overlay(session: Session, palette: Palette) -> list[Shape]:
    """Everything that lies over the picture now, from back to front."""
    shapes: list[Shape] = []
    if session.shows_help:
        panel = lay_out(CONTROLS, session.style, session.size_wh)
        shapes += _table(panel, CONTROLS, None, palette)
    if session.menu is not None:
        shapes += _menu(session.menu, palette)
    if (text := session.toast) is not None:
        shapes += _toast(text, session.style, session.size_wh, palette)
    return shapes


def _menu(menu: ContextMenu, palette: Palette) -> list[Shape]:
    lines = [(item.label, item.shortcut) for item in menu.items]
    return _table(menu.panel, lines, menu.highlighted, palette)


def _table(
    panel: Panel,
    lines: Sequence[tuple[str, str]],
    highlighted: int | None,
    palette: Palette,
) -> list[Shape]:
    """A panel of two columns; the first one's text is the stronger."""
    shapes: list[Shape] = list(_plate(panel.box, panel.style, palette))
    em = panel.style.size_px
    right_column = panel.padding + panel.style.widest([line[1] for line in lines])
    for index, (row, (left, right)) in enumerate(zip(panel.rows, lines, strict=True)):
        text, dim_text = palette.text, palette.dim_text
        if index == highlighted:
            shapes.append(Rectangle(row, palette.highlight))
            text = dim_text = palette.highlighted_text
        middle = row.y + row.height / 2
        x = row.x + row.width - right_column
        shapes.append(Text(row.x + panel.padding, middle, left, em, text))
        shapes.append(Text(x, middle, right, em, dim_text))
    return shapes


def _toast(text: str, style: TextStyle, size_wh: tuple[int, int], palette: Palette) -> list[Shape]:
    """A message at the bottom in the middle, its letters smaller where the window is narrow."""
    frame = 2 * TOAST_PADDING_EMS * style.size_px
    style = style.scaled(min(1.0, size_wh[0] / (style.widest([text]) + frame)))
    em = style.size_px
    width, height = style.widest([text]) + 2 * TOAST_PADDING_EMS * em, 2 * em
    x = round((size_wh[0] - width) / 2)
    y = round(max(0.0, size_wh[1] - height - TOAST_MARGIN_EMS * em))
    box = Box(x, y, round(width), round(height))
    line = Text(x + TOAST_PADDING_EMS * em, y + box.height / 2, text, em, palette.text)
    return [*_plate(box, style, palette), line]


def _plate(box: Box, style: TextStyle, palette: Palette) -> tuple[Rectangle, Rectangle]:
    """An opaque panel and its border around it."""
    border = max(1, round(BORDER_EMS * style.size_px))
    x, y, width, height = box
    outer = Box(x - border, y - border, width + 2 * border, height + 2 * border)
    return Rectangle(outer, palette.border), Rectangle(box, palette.panel)
