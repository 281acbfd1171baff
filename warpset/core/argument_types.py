"""What every command line shares: errors of one line, numbers within bounds."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import NoReturn


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, without the usage of thirty flags."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and end with code 2."""
        self.exit(2, f"{self.prog}: {message}; see --help\n")


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
