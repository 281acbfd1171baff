"""Replays every launch of a renderer on its kernel's numpy twin; knows no kernel by name."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import warp as wp

sys.path.insert(0, str(Path(__file__).parents[2]))
from renderer import plain, plain_fill
from renderer.hole_filling import HoleFillingRenderer

TWINS = {**vars(plain_fill), **vars(plain)}


class Replay(NamedTuple):
    """A launch that was run on the twin too.

    Attributes:
        kernel: Its name.
        differs: Where both wrote other values; empty where they agree.
    """

    kernel: str
    differs: str


@contextmanager
def every_launch_replayed(renderer: HoleFillingRenderer) -> Iterator[list[Replay]]:
    """Run each launch of the renderer on its twin too, and compare all that both wrote."""
    own, replays = renderer._launcher, []
    items, scatter = own.items, renderer._scatter

    def replay(kernel: Any, arguments: list[Any], launch: Any) -> None:
        copies = [a_copy(argument) for argument in arguments]
        launch()
        TWINS[kernel.key](*copies)
        written = [a_copy(argument) for argument in arguments]
        replays.append(Replay(kernel.key, difference(written, copies)))

    def replayed_items(kernel: Any, count: int, arguments: list[Any], pixels_each: int = 1) -> None:
        replay(kernel, arguments, lambda: items(kernel, count, arguments, pixels_each))

    def replayed_scatter(kernel: Any, samples: Any, arguments: list[Any]) -> None:
        width, height = renderer._size_wh
        given = [samples, SimpleNamespace(width=width, height=height), *arguments]
        replay(kernel, given, lambda: scatter(kernel, samples, arguments))

    own.items, renderer._scatter = replayed_items, replayed_scatter
    try:
        yield replays
    finally:
        own.items, renderer._scatter = items, scatter


def a_copy(argument: Any) -> Any:
    """Numpy copies of Warp arrays, matrices and structs; plain values as they are."""
    if isinstance(argument, wp.array):
        return argument.numpy().copy()
    if hasattr(argument, "_cls"):
        fields = argument._cls.vars
        return SimpleNamespace(**{name: a_copy(getattr(argument, name)) for name in fields})
    if type(argument) in (wp.mat44f, wp.vec2f):
        return np.array(list(argument), np.float32)
    return argument


def difference(found: list[Any], expected: list[Any]) -> str:
    """Where arguments differ, or nothing; floats may by rounding, integers and flags may not."""
    try:
        for position, pair in enumerate(zip(found, expected, strict=True)):
            assert_same(*pair, f"argument {position}")
    except AssertionError as error:
        return " ".join(str(error).split())
    return ""


def assert_same(found: Any, expected: Any, where: str) -> None:
    """Integers and flags equal; floats equal within rounding."""
    if isinstance(found, SimpleNamespace):
        for name, value in vars(found).items():
            assert_same(value, getattr(expected, name), f"{where}.{name}")
    elif isinstance(found, np.ndarray) and found.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6, err_msg=where)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=where)
