"""What lies at an address: listing it, fetching files of it, sending files to it.

fsspec speaks to the stores. Names in a store are untrusted, as those in a zip are: one that would
lead out of the folder that it is fetched to is refused.
"""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ...core.errors import InputError, reason_of
from ...core.natural_order import sorted_naturally
from .address import Address, without_secrets

ZIP_BLOCK_BYTES = 1 << 18
"""What is asked for at once of a zip's end; its list of files takes 100 bytes a file."""

MAX_FILES = 200_000
"""As many as a zip of a scene may hold."""


VERSIONS = ("ETag", "generation", "blob_id", "created")
"""What S3, Google's store, Hugging Face's and the one in memory call what changes with a file's
content."""


class StoredFile(NamedTuple):
    """A file in a store.

    Attributes:
        name: Its path below the address, with slashes.
        size: In bytes.
        version: Differs where the content does; None where the store does not say.
    """

    name: str
    size: int
    version: str | None = None


class Store:
    """A folder at an address; nothing is kept of what it held a moment ago.

    Args:
        address: The folder's.

    Raises:
        InputError: The library that speaks to such stores is not installed.
    """

    def __init__(self, address: Address):
        from fsspec.core import url_to_fs

        self.address = address
        with self._reached():
            self._fs, self._root = url_to_fs(str(address), use_listings_cache=False)

    def children(self) -> tuple[list[str], list[str]]:
        """Names of the folders and of the files directly in it, each in natural order.

        Raises:
            InputError: There is nothing, or the store does not answer.
        """
        with self._reached():
            self._fs.invalidate_cache()
            found = self._fs.ls(self._root, detail=True)
        names: dict[str, list[Path]] = {"directory": [], "file": []}
        for entry in found:
            name = str(entry["name"]).rstrip("/").rpartition("/")[2]
            if self._is_shown(name) and str(entry["name"]).strip("/") != self._root.strip("/"):
                names[entry["type"]].append(Path(name))
        folders, files = ([path.name for path in sorted_naturally(a)] for a in names.values())
        return folders, files

    def files(self) -> list[StoredFile]:
        """All files below it, hidden ones left out; none where there is no such folder.

        Raises:
            InputError: A name leads out of the folder, or there are too many.
        """
        with self._reached():
            self._fs.invalidate_cache()
            found = self._found()
        if len(found) > MAX_FILES:
            raise InputError(f"{self.address}: found {len(found)} files, need at most {MAX_FILES}")
        root = self._root.rstrip("/") + "/"
        files = [
            _stored_file(path.removeprefix(root), entry)
            for path, entry in sorted(found.items())
            if entry["type"] == "file" and path.startswith(root)
        ]
        return [file for file in files if self._is_shown(file.name)]

    def fetch(self, files: Sequence[StoredFile], folder: Path) -> None:
        """Copy files into a folder.

        Raises:
            InputError: There is no room for them, or the store does not answer.
        """
        total = sum(file.size for file in files)
        if total > shutil.disk_usage(folder).free:
            raise InputError(
                f"{self.address}: needs {total >> 20} MB of temporary files, more than there is "
                "room for"
            )
        targets = [folder.joinpath(*file.name.split("/")) for file in files]
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
        if files:
            with self._reached():
                self._fs.get([self._at(file.name) for file in files], [*map(str, targets)])

    def fetch_file(self, target: Path) -> None:
        """Copy the file that is at the address itself."""
        with self._reached():
            self._fs.get_file(self._root, str(target))

    def file(self) -> StoredFile:
        """The file that is at the address itself."""
        with self._reached():
            return _stored_file(self.address.name, self._fs.info(self._root))

    def unpacked_bytes(self) -> int:
        """What the zip that is at the address itself says it unpacks to; its end is read alone.

        Raises:
            InputError: It is no zip, or the store does not answer.
        """
        with self._reached(), self._fs.open(self._root, "rb", block_size=ZIP_BLOCK_BYTES) as file:
            try:
                with zipfile.ZipFile(file) as opened:
                    return sum(member.file_size for member in opened.infolist())
            except (zipfile.BadZipFile, NotImplementedError) as error:
                raise InputError(
                    f"{self.address}: cannot be read as a zip ({reason_of(error)}); download or "
                    "pack it again"
                ) from error

    def send(self, folder: Path, names: Iterable[str]) -> None:
        """Copy files of a folder to the store, in the order given; each is whole or not there."""
        with self._reached():
            for name in names:
                self._fs.put_file(str(folder / name), self._at(name))

    def create(self, name: str, content: bytes) -> bool:
        """Write a file unless there is one, which the store itself decides; whether it was."""
        with self._reached():
            try:
                self._fs.pipe_file(self._at(name), content, mode="create")
            except OSError:  # S3's library has several for it, none of which says just that
                if not self.is_there(name):
                    raise
                return False
        return True

    def read(self, name: str) -> bytes | None:
        """What a small file holds; None where there is none."""
        with self._reached():
            try:
                return self._fs.cat_file(self._at(name))
            except FileNotFoundError:
                return None

    def replace(self, name: str, content: bytes) -> None:
        """Write a small file."""
        with self._reached():
            self._fs.pipe_file(self._at(name), content)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, of which some may be gone."""
        with self._reached():
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    self._fs.rm_file(self._at(name))

    def is_there(self, name: str) -> bool:
        """Whether there is such a file."""
        with self._reached():
            self._fs.invalidate_cache()
            return self._fs.exists(self._at(name))

    def written_at(self, prefix: str) -> dict[str, datetime]:
        """Files whose names start so, directly in it, and when the store says they were written."""
        start, times = self._at(prefix), {}
        with self._reached():
            self._fs.invalidate_cache()
            for path in self._found(prefix=prefix):
                name = path.rpartition("/")[2]
                if path.startswith(start) and self._at(name) == path:
                    with contextlib.suppress(FileNotFoundError):  # removed since
                        times[name] = self._fs.modified(path)
        return times

    def _found(self, **narrower: str) -> dict[str, dict[str, Any]]:
        try:
            return self._fs.find(self._root, detail=True, **narrower)
        except FileNotFoundError:
            return {}

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def _is_shown(self, name: str) -> bool:
        path = PurePosixPath(name)
        unsafe = path.is_absolute() or ".." in path.parts or "//" in name
        if unsafe or any(mark in name for mark in "\\:\0"):
            raise InputError(f"{self.address}: refused a file outside its folder ({name!r})")
        return not any(part.startswith(".") for part in path.parts)

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Say in one line that a store does not do what it is asked for.

        Its libraries have errors of their own besides those of the system, and import each other
        when the first file is asked for.
        """
        try:
            yield
        except InputError:
            raise
        except ImportError as error:
            raise InputError(
                f"{self.address}: found no library for {self.address.scheme}:// "
                f"({without_secrets(str(error))}); install the group `stores`"
            ) from None
        except FileNotFoundError:
            raise InputError(f"{self.address}: found nothing there") from None
        except Exception as error:
            reason = without_secrets(str(error)) or type(error).__name__
            raise InputError(
                f"{self.address}: cannot be read or written ({reason}); check the address, the "
                "credentials and the network, then run the same again"
            ) from None


def _stored_file(name: str, entry: Mapping[str, Any]) -> StoredFile:
    known = (str(entry[key]) for key in VERSIONS if entry.get(key))
    return StoredFile(name, int(entry.get("size") or 0), next(known, None))
