"""Small files that a run keeps beside what it makes, in a folder or at an address alike."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...core.natural_order import natural_key
from ..json_files import MAX_TEXT_BYTES, open_regular
from ..writing import write_atomically
from .address import Address, Place
from .store import Store


class SmallFiles:
    """The files directly in a folder or at an address; each is whole or not there.

    Args:
        place: Need not be there; made when first written to.
    """

    def __init__(self, place: Place):
        self.place = place

    def names(self) -> list[str]:
        """Names of the files, in natural order; none where there is no such folder.

        Raises:
            InputError: A store does not answer.
            OSError: The folder cannot be looked into.
        """
        if isinstance(self.place, Address):
            found = [file.name for file in Store(self.place).files() if "/" not in file.name]
        elif self.place.is_dir():
            found = [path.name for path in self.place.iterdir() if path.name[0] != "."]
        else:
            found = []
        return sorted(found, key=natural_key)

    def read(self, name: str) -> bytes | None:
        """What a file holds; None where it is not there.

        Raises:
            InputError: A store does not answer.
            OSError: The file cannot be read.
        """
        if isinstance(self.place, Address):
            return Store(self.place).read(name)
        try:
            with open_regular(self.place / name) as file:
                return file.read(MAX_TEXT_BYTES)
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file, in the place of one that is there.

        Raises:
            InputError: A store does not answer.
            OSError: The folder is full or read-only.
        """
        if isinstance(self.place, Address):
            Store(self.place).replace(name, content)
            return
        self.place.mkdir(parents=True, exist_ok=True)
        write_atomically(self.place / name, content)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files, of which some may be gone.

        Raises:
            InputError: A store does not answer.
            OSError: A file cannot be removed.
        """
        if isinstance(self.place, Address):
            Store(self.place).remove(names)
            return
        for name in names:
            (self.place / name).unlink(missing_ok=True)

    def remove_folder(self) -> None:
        """Remove the folder if nothing is in it; a store has none."""
        if isinstance(self.place, Path) and self.place.is_dir() and not any(self.place.iterdir()):
            self.place.rmdir()
