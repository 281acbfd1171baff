"""The record of a finished download: where its files went; how they were fetched it does not know.

While files are moved to their places it is the plan of what goes where, and it becomes the record
when all are there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from warpset.core.errors import InputError
from warpset.files.json_files import as_record, read_text
from warpset.files.writing import write_atomically


@dataclass(frozen=True)
class DownloadRecord:
    """What became of a source's files; paths are relative to the output folder.

    Attributes:
        source: What tells it from other sources.
        files: Names of the files that were downloaded.
        moved: Files that lie as they came.
        unpacked: Files that came out of archives.
    """

    source: str
    files: list[str]
    moved: list[str] = field(default_factory=list)
    unpacked: list[str] = field(default_factory=list)

    def is_whole(self, output_path: Path) -> bool:
        """Whether everything that the record lists is there."""
        return all((output_path / path).exists() for path in (*self.moved, *self.unpacked))

    def write(self, path: Path) -> None:
        """Write the record."""
        write_atomically(path, json.dumps(vars(self), indent=1).encode())


@dataclass(frozen=True)
class Fetched:
    """What lies in a source's staging folder, and what has been unpacked of it.

    Attributes:
        files: Paths in the folder of all that was downloaded.
        unpacked: For archives that are unpacked, the files that came out; the archive may be gone.
    """

    files: list[str]
    unpacked: dict[str, list[str]] = field(default_factory=dict)

    def is_whole(self, staging: Path) -> bool:
        """Whether all that is still to be unpacked or moved is there."""
        return all((staging / name).exists() for name in self.files if name not in self.unpacked)

    def write(self, path: Path) -> None:
        """Write it."""
        write_atomically(path, json.dumps(vars(self), indent=1).encode())


def read_fetched(path: Path) -> Fetched | None:
    """What a file says of a staging folder; None where it does not say it."""
    try:
        return as_record(read_text(path), Fetched)
    except (OSError, ValueError):
        return None


def read_download_record(path: Path) -> DownloadRecord | None:
    """The record in a file, None where there is none.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return as_record(read_text(path), DownloadRecord)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); remove it to download again"
        ) from error
