"""The error that users see as a line of its own, and what would mend it.

Inner rooms say where, what was found and what is needed, and name no flag, widget or key. Where
one of those is the way on, the error carries a `Remedy`; the door that was used has words for it:

    raise InputError(f"{path}: found no such file, need an ONNX model", Remedy.SKY_MODEL)
    log.error(error.told({Remedy.SKY_MODEL: "give --sky-model PATH"}))
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from pathlib import Path

MAX_REASON = 200
"""Characters."""

MAX_TEXT = 1000
"""Characters of an error, which may quote what is wrong; of a longer one the middle is left out."""


class Remedy(Enum):
    """What a user may ask for otherwise; each door has words of its own for it, or none."""

    INPUT_FOLDER = auto()
    FEWER_SKIPPED = auto()
    EVERY_NTH_PHOTO = auto()
    MAKE_AGAIN = auto()
    MODEL = auto()
    STEREO = auto()
    STEREO_ENGINE = auto()
    DEVICE = auto()
    NO_CACHE = auto()
    CAMERAS = auto()
    SKY_MODEL = auto()
    FLEET_GROUP = auto()
    FLEET_START = auto()
    FLEET_ADDRESS = auto()
    CORES_OF_A_WORKER = auto()
    CARDS_OF_A_WORKER = auto()
    LOCAL_DISK = auto()
    RETRY_FAILED = auto()
    WEBDATASET_GROUP = auto()
    PUBLISH_GROUP = auto()


class InputError(Exception):
    """Something a user can mend: the text says where, what was found, what is needed, what to do.

    Example: `input/garden: found 1 photo, need at least 2 to make a pair; add photos`.

    Args:
        text: One line.
        remedy: What would mend it besides, or instead.
    """

    def __init__(self, text: str, remedy: Remedy | None = None):
        half = MAX_TEXT // 2
        is_short = len(text) <= MAX_TEXT
        super().__init__(text if is_short else f"{text[:half]} ... {text[-half:]}")
        self.remedy = remedy

    def told(self, ways_on: Mapping[Remedy, str]) -> str:
        """The text, and the way on in the words of a door where it has some."""
        if self.remedy is None or self.remedy not in ways_on:
            return str(self)
        return f"{self}; {ways_on[self.remedy]}"


def reason_of(error: Exception) -> str:
    """What a library's error says, in one line of bearable length: it may quote the file."""
    return " ".join(str(error).split())[:MAX_REASON] or type(error).__name__


@contextlib.contextmanager
def looking_into(folder: Path) -> Iterator[None]:
    """Say in one line that a folder cannot be looked into.

    Raises:
        InputError: Something inside raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be looked into ({error.strerror}); check its permissions"
        ) from error


class FolderInUseError(InputError):
    """Another run is writing where this one was to write."""


def alike(lines: Iterable[str]) -> list[list[str]]:
    """Lines such as `path: reason`, those of one reason together, in the order of the first ones.

    Numbers and what is quoted in a reason are of one case, and do not count.
    """
    groups: dict[str, list[str]] = {}
    for line in lines:
        reason = re.sub(r"'[^']*'|\d+", "", line.partition(": ")[2])
        groups.setdefault(reason or line, []).append(line)
    return list(groups.values())


def told_once(lines: Sequence[str]) -> str:
    """The first of lines that are alike, and how many more there are."""
    return lines[0] if len(lines) == 1 else f"{lines[0]} (and {len(lines) - 1} more alike)"
