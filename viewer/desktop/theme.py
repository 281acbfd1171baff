"""Light or dark: what the system prefers, and the colours of panels; drawing is unknown."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

Color = tuple[int, int, int, int]

THEMES = ("auto", "light", "dark")


class Palette(NamedTuple):
    """Opaque colours of panels and the text on them."""

    panel: Color
    border: Color
    text: Color
    dim_text: Color
    highlight: Color
    highlighted_text: Color


LIGHT = Palette(
    panel=(250, 250, 250, 255),
    border=(120, 120, 120, 255),
    text=(20, 20, 20, 255),
    dim_text=(85, 85, 85, 255),
    highlight=(0, 90, 180, 255),
    highlighted_text=(255, 255, 255, 255),
)
DARK = Palette(
    panel=(32, 33, 36, 255),
    border=(130, 130, 130, 255),
    text=(240, 240, 240, 255),
    dim_text=(185, 185, 185, 255),
    highlight=(130, 180, 255, 255),
    highlighted_text=(0, 0, 0, 255),
)

Ask = Callable[[Sequence[str]], str]
"""Runs a command and returns what it printed, nothing where it cannot run."""

_ASK_MAC = ("defaults", "read", "-g", "AppleInterfaceStyle")
_ASK_GNOME = ("gsettings", "get", "org.gnome.desktop.interface", "color-scheme")
_ASK_WINDOWS = (
    "reg",
    "query",
    r"HKCU\Software\Microsoft\Windows\CurrentVersion\Themes\Personalize",
    "/v",
    "AppsUseLightTheme",
)


def printed_by(command: Sequence[str]) -> str:
    """What a short command prints; nothing where it is missing, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def palette_for(
    theme: str, environ: Mapping[str, str], platform: str = sys.platform, ask: Ask = printed_by
) -> Palette:
    """The colours of a theme; `auto` asks the system, and is dark where it has no preference.

    Args:
        theme: One of `THEMES`.
        environ: Environment variables; `GTK_THEME` goes before the desktop's setting.
        platform: As `sys.platform` names it.
        ask: Runs the system's own command.
    """
    if theme != "auto":
        return LIGHT if theme == "light" else DARK
    if platform == "win32":
        return LIGHT if "0x1" in ask(_ASK_WINDOWS) else DARK
    if platform == "darwin":
        return DARK if "Dark" in ask(_ASK_MAC) else LIGHT
    if chosen := environ.get("GTK_THEME"):
        return DARK if "dark" in chosen.lower() else LIGHT
    return LIGHT if "light" in ask(_ASK_GNOME) else DARK
