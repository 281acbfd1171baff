"""An export's folder: built aside, put in place at the end, foreign files kept; no trainers.

A manifest in the folder lists the files that are ours and remembers the pairs' numbers. The new
export is built in a hidden folder beside its place; then two renames put it there, so the earlier
export is whole until the new one is.
"""

from __future__ import annotations

import filecmp
import json
import logging
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ..core.errors import InputError
from ..files.json_files import as_record, read_text

log = logging.getLogger(__name__)

MANIFEST_NAME = ".warpset-export.json"

MAX_NUMBER = 10**12
"""Of a pair: what twelve digits hold."""

RENAME_WAITS_S = (0.1, 0.3, 1.0, 3.0)
"""Before a folder is tried again; scanners for viruses let go within a second."""

CACHED_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".txt", ".jsonl"})


@dataclass
class Manifest:
    """What an export left in its folder.

    Attributes:
        layout: Name of the layout.
        base_model: The model that its texts are for; empty where they serve any.
        files: Paths of its files, relative to the folder, with forward slashes.
        numbers: Numbers of all pairs ever exported there, by key.
    """

    layout: str
    base_model: str = ""
    files: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._last = max(self.numbers.values(), default=0)

    def number_of(self, key: str) -> int:
        """The number of a pair: the one it had before, else the next that none ever had."""
        if key not in self.numbers:
            self._last += 1
            self.numbers[key] = self._last
        return self.numbers[key]

    def to_text(self) -> str:
        """The manifest as JSON."""
        return json.dumps(asdict(self), indent=0) + "\n"


def read_manifest(place: Path, layout: str) -> Manifest:
    """The manifest of the export in a folder; an empty one where there is none.

    Raises:
        InputError: It cannot be read, names files outside the folder, or is another layout's.
    """
    path = place / MANIFEST_NAME
    try:
        manifest = as_record(read_text(path), Manifest)
        _check(manifest)
    except (FileNotFoundError, NotADirectoryError):
        return Manifest(layout)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as a list of exported files ({error}); "
            "remove it together with the export, or choose another folder"
        ) from error
    if manifest.layout != layout:
        raise InputError(
            f"{place}: holds an export for {manifest.layout}, need a folder of its own for {layout}"
        )
    return manifest


def _check(manifest: Manifest) -> None:
    for name in manifest.files:
        if name.startswith("/") or ".." in name.split("/") or "\\" in name or "\0" in name:
            raise ValueError(f"it names {name!r}, which is outside the folder")
    if not all(0 < number <= MAX_NUMBER for number in manifest.numbers.values()):
        raise ValueError(f"its numbers are not from 1 to {MAX_NUMBER}")
    if len({*manifest.numbers.values()}) < len(manifest.numbers):
        raise ValueError("two of its pairs have one number")


class ExportFolder:
    """A folder under construction; use it as a context, which ends by removing what is left.

    Args:
        place: Where the export shall be; an absolute path.
        earlier: Files that the earlier export wrote there.
        caches: Patterns of what the trainer computed, see `Trainer.caches`.
    """

    def __init__(self, place: Path, earlier: Iterable[str], caches: Iterable[str] = ()):
        self.place = place
        self.files: list[str] = []
        self._made: set[Path] = set()
        self._caches = frozenset(caches)
        self._earlier = {*earlier, MANIFEST_NAME}
        self.building = place.with_name(f".{place.name}.partial")
        self._previous = place.with_name(f".{place.name}.previous")

    def __enter__(self) -> ExportFolder:
        """Start with an empty folder."""
        if self.place.exists() and not self.place.is_dir():
            raise InputError(f"{self.place}: is a file, need a folder; choose another one")
        shutil.rmtree(self.building, ignore_errors=True)
        self.building.mkdir(parents=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not put in place; what was there before stays or comes back."""
        shutil.rmtree(self.building, ignore_errors=True)
        recover(self.place)

    def add(self, name: str, content: Path | bytes, link: bool = False) -> None:
        """Write one file.

        Args:
            name: Path relative to the folder, with forward slashes.
            content: A file to take over, or bytes.
            link: Hard-link the file instead of copying it.
        """
        path = self.new_path(name)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif link:
            os.link(content.resolve() if content.is_symlink() else content, path)
        else:
            shutil.copyfile(content, path)

    def new_path(self, name: str) -> Path:
        """Where to write a file of the export; its folder is made, the file is noted as ours."""
        path = self.building / name
        if path.parent not in self._made:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        self.files.append(name)
        return path

    def put_in_place(self, manifest: Manifest) -> None:
        """Replace the earlier export by this one; files that are not ours stay.

        Trainers' caches go where a picture or caption of theirs changed.

        Raises:
            InputError: A file that is not ours has the name of one of this export's.
        """
        foreign = [name for name in _files_below(self.place) if name not in self._earlier]
        cached = [name for name in foreign if self._is_cache(name)]
        stale = set(cached) if cached and self._has_changed() else set()
        if stale:
            log.info(f"{self.place}: removed {len(stale)} cached files of pictures that changed")
        for name in foreign:
            if name not in stale:
                self._keep(name)
        manifest.files = self.files
        (self.building / MANIFEST_NAME).write_text(manifest.to_text(), encoding="utf-8")
        if self.place.exists():
            rename_patiently(self.place, self._previous)
        rename_patiently(self.building, self.place)
        shutil.rmtree(self._previous, ignore_errors=True)

    def _is_cache(self, name: str) -> bool:
        return any(fnmatchcase(part, cache) for part in name.split("/") for cache in self._caches)

    def _has_changed(self) -> bool:
        """Whether a picture or caption of the earlier export has other bytes now."""
        return any(
            _differs(self.place / name, self.building / name)
            for name in self.files
            if Path(name).suffix in CACHED_SUFFIXES and (self.place / name).is_file()
        )

    def _keep(self, name: str) -> None:
        """Take a foreign file over into the new folder, without moving the old one yet."""
        source, path = self.place / name, self.building / name
        if os.path.lexists(path):
            raise InputError(
                f"{source}: was not written by an earlier export, and this one needs the name; "
                "move it away or choose another folder"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, path, follow_symlinks=False)
        except OSError:
            shutil.copy2(source, path, follow_symlinks=False)


def rename_patiently(source: Path, target: Path) -> None:
    """Rename a folder that somebody may be looking into, which Windows refuses meanwhile.

    Raises:
        InputError: It is still refused after `RENAME_WAITS_S`.
        OSError: It cannot be done for another reason.
    """
    for wait_s in (*RENAME_WAITS_S, None):
        try:
            source.rename(target)
            return
        except PermissionError as error:
            if wait_s is None:
                raise InputError(
                    f"{source}: cannot be renamed to {target.name} ({error.strerror}); close what "
                    "has a file of it open (a trainer, a file manager), then run the same again"
                ) from error
            time.sleep(wait_s)


def _differs(before: Path, after: Path) -> bool:
    """Whether a file has other bytes; a table of rows, whether one of its rows is gone."""
    if after.suffix == ".jsonl":
        rows = (set(path.read_bytes().splitlines()) for path in (before, after))
        return bool(next(rows) - next(rows))
    return not filecmp.cmp(before, after, shallow=False)


def recover(place: Path) -> None:
    """Mend what a kill between or after the two renames left.

    Raises:
        InputError: An export was set aside, and what is in its place now is none.
    """
    previous = place.with_name(f".{place.name}.previous")
    if not previous.is_dir():
        return
    if not place.exists():
        previous.rename(place)
    elif (place / MANIFEST_NAME).is_file():
        shutil.rmtree(previous, ignore_errors=True)
        if previous.exists():
            log.warning(f"{previous}: holds the earlier export, which cannot be removed; remove it")
    else:
        raise InputError(
            f"{previous}: holds the export that a killed run set aside, but {place} is there "
            "again; move one of them away"
        )


def _files_below(folder: Path) -> Iterator[str]:
    """Relative paths of all files and symbolic links below a folder."""
    for path, folders, files in os.walk(folder):
        links = [name for name in folders if (Path(path) / name).is_symlink()]
        for name in sorted([*files, *links]):
            yield (Path(path) / name).relative_to(folder).as_posix()
