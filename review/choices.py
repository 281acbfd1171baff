"""The accept and reject lists beside the pairs, as the layout scripts read them; no pages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from warpset.core.errors import InputError
from warpset.files.json_files import read_text
from warpset.files.writing import write_atomically

LISTS = {"accept": "accept.txt", "reject": "reject.txt"}
"""File name of the list that a choice goes to; where a pair stands in both, the last counts."""


class Choices(NamedTuple):
    """What the lists say.

    Attributes:
        by_key: `accept` or `reject` by `<scene>/<pair>`; pairs without a choice are left out.
        foreign: By choice, the lines of its list that are about none of the pairs: comments,
            blank lines, other pairs. They stay.
    """

    by_key: dict[str, str]
    foreign: dict[str, list[str]]


def read_choices(folder: Path, keys: Collection[str]) -> Choices:
    """Read both lists; one that is not there has its opening comment alone.

    Args:
        folder: Where the lists lie.
        keys: The pairs that can be chosen.

    Raises:
        InputError: A list cannot be read.
    """
    by_key, foreign = {}, {}
    for choice, name in LISTS.items():
        lines = _lines(folder / name) or [_opening(choice)]
        by_key |= {line.strip(): choice for line in lines if line.strip() in keys}
        foreign[choice] = [line for line in lines if line.strip() not in keys]
    return Choices(by_key, foreign)


def _lines(path: Path) -> list[str]:
    try:
        return read_text(path).splitlines()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); need one scene/pair a line") from error


def _opening(choice: str) -> str:
    return f"# Pairs of review_dataset.py for --{choice}-list, one scene/pair a line."


def change_choices(folder: Path, keys: Sequence[str], changes: Mapping[str, str | None]) -> None:
    """Write changed choices to the lists; the rest stays as the lists have it now.

    Args:
        folder: Where the lists lie.
        keys: The pairs that can be chosen, in the order to list them.
        changes: New choice by key; None takes the earlier one back.

    Raises:
        InputError: A list cannot be read.
        ValueError: A change is of no such pair, or no such choice.
        OSError: A list cannot be written; each is then as it was or whole.
    """
    known = set(keys)
    for key, choice in changes.items():
        if key not in known or choice not in (*LISTS, None):
            raise ValueError(f"found {key!r}: {choice!r}, need a pair of the page and a choice")
    earlier = read_choices(folder, known)
    by_key = earlier.by_key | dict(changes)
    for choice, name in LISTS.items():
        chosen = [key for key in keys if by_key.get(key) == choice]
        content = "".join(f"{line}\n" for line in [*earlier.foreign[choice], *chosen]).encode()
        write_atomically(folder / name, content)
