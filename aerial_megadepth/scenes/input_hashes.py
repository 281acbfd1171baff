"""SHA-256 of a step's inputs, files and whole folders, each read once a run; no steps."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from warpset.core.errors import InputError
from warpset.core.natural_order import sorted_naturally
from warpset.files.photos import sha256_of

MISSING = "missing"

MAX_BYTES = 2**34
"""More than a video of hours or a mesh has: a sparse file of a claimed size would take minutes."""


def hash_inputs(inputs: Iterable[Path]) -> dict[str, str]:
    """Hex SHA-256 of every file, `missing` where there is no file; hidden files are left out.

    Keys are the number of the input and the file's path from it, so that moved inputs stay the
    same. A file that several scenes share is read once as long as its size and times stay.

    Raises:
        InputError: One cannot be read, or has more than `MAX_BYTES`.
    """
    try:
        return {
            f"{index}/{file.relative_to(path.parent).as_posix()}": _sha256(file)
            for index, path in enumerate(inputs)
            for file in _files(path)
        }
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from error


def _files(path: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """A file itself, the files below a folder; a link that leads back up stands for itself."""
    if not path.is_dir() or (here := path.resolve()) in above:
        yield path
        return
    for entry in sorted_naturally(path.iterdir()):
        if not entry.name.startswith("."):
            yield from _files(entry, (*above, here))


def _sha256(file: Path) -> str:
    try:
        status = file.stat()
    except FileNotFoundError:
        return MISSING
    if not stat.S_ISREG(status.st_mode):
        return MISSING
    if status.st_size > MAX_BYTES:
        raise InputError(f"{file}: more than {MAX_BYTES} bytes; leave it out")
    return _sha256_of_state(file, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=4096)
def _sha256_of_state(file: Path, *state: int) -> str:
    return sha256_of(file)
