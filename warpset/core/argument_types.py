"""What every command line shares: errors of one line, numbers within bounds."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Help with the defaults that say something, and texts of several lines as they are."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        # None and False are "off" and "chosen by what is there", which each help says in words
        if action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return "\n".join(indent + line for line in text.splitlines())
        return super()._fill_text(text, width, indent)


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, without the usage of thirty flags."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **{"formatter_class": HelpFormatter, **settings})

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with code 2."""
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def local_path(text: str) -> Path:
    """An argparse type: a path here, where addresses of stores are not taken."""
    if "://" in text:
        scheme = text.partition("://")[0][:20]
        raise argparse.ArgumentTypeError(
            f"found an address of the kind {scheme!r}, need a path on this machine; "
            "copy the folder here first"
        )
    return Path(text)


def number(
    kind: Callable[[str], float], minimum: float, maximum: float = math.inf
) -> Callable[[str], float]:
    """An argparse type: an `int` or `float` within bounds."""

    def parse(text: str) -> float:
        value = kind(text)
        if not minimum <= value <= maximum or math.isnan(value):
            bounds = f"{minimum} to {maximum}" if math.isfinite(maximum) else f"at least {minimum}"
            raise argparse.ArgumentTypeError(f"found {text}, need {bounds}")
        return value

    parse.__name__ = kind.__name__
    return parse
