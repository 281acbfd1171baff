"""Numbers in text files: matrices and tables of recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError
from ..files.json_files import read_text


def read_rows(path: Path) -> list[list[str]]:
    """The fields of a file's lines, parted by spaces or commas; lines that start with # are none.

    Raises:
        InputError: The file cannot be read as text.
    """
    try:
        lines = read_text(path).splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as text ({error})") from error
    rows = (line.replace(",", " ").split() for line in lines if not line.startswith("#"))
    return [row for row in rows if row]


def numbers(path: Path, fields: list[str]) -> NDArray[np.float64]:
    """Fields of a file as numbers.

    Raises:
        InputError: One is no number.
    """
    try:
        return np.array([float(field) for field in fields])
    except ValueError as error:
        raise InputError(f"{path}: found {' '.join(fields)[:80]!r}, need numbers") from error


def read_matrix(path: Path, size: int) -> NDArray[np.float64]:
    """A matrix (size, size) of numbers.

    Raises:
        InputError: The file holds no such matrix.
    """
    rows = read_rows(path)
    if [len(row) for row in rows] != [size] * size:
        raise InputError(f"{path}: found {len(rows)} rows, need {size} of {size} numbers")
    return np.array([numbers(path, row) for row in rows])
