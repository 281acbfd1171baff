"""JSON of any origin -> records of ours that are what they should be; what they mean, others know.

record = as_record(read_text(path), StepRecord)
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, TypeVar

import msgspec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")

MAX_TEXT_BYTES = 2**26
"""JSON takes up to fifty times its size in memory: with this, 3 GB at worst."""

MAX_DEPTH = 32
"""Our records nest four deep; from a thousand on, Python's own walks over them end in an error."""

MAX_DIGITS = 20
"""Of a whole number: as many as 64 bits take."""


def open_regular(path: Path) -> BinaryIO:
    """Open a file to read, and nothing that would wait for another process, such as a pipe.

    Raises:
        OSError: See `check_regular`; or it cannot be read.
    """
    check_regular(path)
    return path.open("rb")


def check_regular(path: Path) -> int:
    """Size in bytes of a file that can be opened without waiting, for libraries that open it.

    Raises:
        OSError: It is not there, or is a pipe, a device or a folder.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "no regular file")
    return status.st_size


def read_text(path: Path) -> str:
    """A text file of a bearable size.

    Raises:
        OSError: See `open_regular`.
        ValueError: It is too large, or no UTF-8.
    """
    return read_bytes(path, MAX_TEXT_BYTES).decode("utf-8-sig")


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a file that is to have so many bytes at most.

    Raises:
        OSError: See `open_regular`.
        ValueError: It has more.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise ValueError(f"more than {most} bytes")
        return file.read(most)


def as_record(text: str, kind: type[Record]) -> Record:
    """An object of JSON as a dataclass whose fields have the types that they are declared with.

    Args:
        text: The JSON.
        kind: The dataclass.

    Raises:
        ValueError: It is no JSON, has other fields or types, nests deep, or holds numbers that
            are not finite or longer than 64 bits.
    """
    try:
        content = json.loads(
            text, parse_constant=_refuse, parse_float=_finite_number, parse_int=_whole_number
        )
    except RecursionError:
        raise ValueError(f"nests more than {MAX_DEPTH} deep") from None
    _check_depth(content)
    known = {field.name for field in fields(kind)}
    if isinstance(content, dict) and (unknown := content.keys() - known):
        raise ValueError(f"has an unknown field {min(unknown)[:80]!r}")
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:  # which older versions have as no ValueError
        raise ValueError(str(error)) from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no finite number")


def _finite_number(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits[:MAX_DIGITS])


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"holds a number of {len(digits)} digits")
    return int(digits)


def _check_depth(content: Any) -> None:
    level = [content]
    for _ in range(MAX_DEPTH):
        containers = (
            one.values() if isinstance(one, dict) else one
            for one in level
            if isinstance(one, (dict, list))
        )
        level = [one for container in containers for one in container]
    if level:
        raise ValueError(f"nests more than {MAX_DEPTH} deep")
