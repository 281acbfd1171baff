"""Where data is downloaded from: Google Drive through gdown, the Hub through huggingface_hub.

What the files are it does not know.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from warpset.core.errors import InputError
from warpset.files.json_files import read_text
from warpset.files.photos import sha256_of

T = TypeVar("T")

LISTED_LINK = re.compile(
    r"(?:[^:]*[^:\s]:\s+)?(?P<link>\w+://\S+)(?:\s+(?P<sha256>[0-9a-fA-F]{64}))?"
)
"""A line of a list of links: perhaps a name and a colon, the link, perhaps its sum."""


class Source(Protocol):
    """Something that files come from."""

    @property
    def key(self) -> str:
        """What tells it from other sources."""
        ...

    def fetch(self, folder: Path, quiet: bool) -> None:
        """Download its files into a folder; what an interrupted run left there is gone on with.

        Raises:
            InputError: It cannot be had, or a checksum is not what the source says.
        """
        ...


@dataclass(frozen=True)
class DriveLink:
    """A file or folder shared on Google Drive, which gives no checksums of its own.

    Attributes:
        link: As shared.
        sha256: What the file must have, if somebody said.
    """

    link: str
    sha256: str | None = None

    @property
    def key(self) -> str:
        """The link."""
        return self.link

    def fetch(self, folder: Path, quiet: bool) -> None:
        """Download the file or folder; see `Source.fetch`."""
        try:
            import gdown
        except ImportError:
            raise InputError(
                "gdown is not installed; `uv sync --group aerial` or `pip install 'gdown>=6'`"
            ) from None
        get = gdown.download_folder if "/folders/" in self.link else gdown.download
        target = f"{folder}{os.sep}"
        _fetching(self.link, lambda: get(self.link, output=target, quiet=quiet, resume=True))
        if self.sha256 is not None:
            for file in files_below(folder):
                _check_sha256(file, self.sha256, self.link)


@dataclass(frozen=True)
class HubDataset:
    """A data set on the Hugging Face Hub.

    Attributes:
        repo: Its id, `owner/name`.
        patterns: Globs of the files to take; empty takes all.
    """

    repo: str
    patterns: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The id and the patterns."""
        return " ".join((self.repo, *self.patterns))

    def fetch(self, folder: Path, quiet: bool) -> None:
        """Download the files of the newest revision and check their sums; see `Source.fetch`."""
        try:
            import huggingface_hub
            from huggingface_hub.utils import disable_progress_bars
        except ImportError:
            raise InputError(
                "huggingface_hub is not installed; `pip install huggingface-hub`"
            ) from None
        if quiet:
            disable_progress_bars()
        api = huggingface_hub.HfApi()
        info = _fetching(self.repo, lambda: api.dataset_info(self.repo, files_metadata=True))
        _fetching(
            self.repo,
            lambda: huggingface_hub.snapshot_download(
                self.repo,
                repo_type="dataset",
                revision=info.sha,
                local_dir=folder,
                allow_patterns=list(self.patterns) or None,
            ),
        )
        for sibling in info.siblings or ():
            file = folder / sibling.rfilename
            if sibling.lfs is not None and file.is_file():
                _check_sha256(file, sibling.lfs.sha256, self.repo)


def read_links(path: Path) -> list[DriveLink]:
    """Links from a text file, one a line: `link`, or as AerialMegaDepth lists them `name: link`.

    After a link its SHA-256 may stand. `#` begins a remark. Drive names the file; what the list
    calls it is not used.

    Raises:
        InputError: The file cannot be read, has no link, or something else than a link or sum.
    """
    try:
        lines = read_text(path).splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a list of links ({error})") from error
    links = []
    for number, line in enumerate(lines, start=1):
        listed = re.sub(r"(^|\s)#.*", "", line).strip()
        if not listed:
            continue
        found = LISTED_LINK.fullmatch(listed)
        if found is None:
            needed = "`link` or `name: link`, with at most a SHA-256 after it"
            raise InputError(f"{path}: line {number} is no {needed}")
        links.append(DriveLink(found["link"], found["sha256"] and found["sha256"].lower()))
    if not links:
        raise InputError(f"{path}: found no link, need one a line")
    return links


def files_below(folder: Path) -> list[Path]:
    """Finished files below a folder; hidden folders and partial downloads are none."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not path.is_symlink()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.suffix != ".part"
    )


def _fetching(source: str, fetch: Callable[[], T]) -> T:
    """Call a downloader; whatever it raises becomes one line."""
    try:
        return fetch()
    except Exception as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise InputError(
            f"{source}: cannot be downloaded ({reason}); the same command goes on where it stopped"
        ) from error


def _check_sha256(file: Path, expected: str, source: str) -> None:
    found = sha256_of(file)
    if found != expected:
        file.unlink()
        raise InputError(
            f"{source}: {file.name} has SHA-256 {found}, need {expected}; removed, run again"
        )
