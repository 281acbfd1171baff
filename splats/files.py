"""Whole files or none: a file appears under its name when it is complete; no format is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .errors import SplatError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, of the same suffix, that becomes `path` if the block succeeds.

    Missing parent folders are made. The path lies in a folder of its own beside `path`, which
    has room for intermediate files and is removed afterwards in any case.

    Raises:
        SplatError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=".splats-", dir=path.parent) as folder:
            partial = Path(folder) / f"partial{path.suffix}"
            yield partial
            partial.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise SplatError(f"{path}: cannot be written ({reason}); choose another output") from error
