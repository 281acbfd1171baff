"""The record, written last, of what a file or folder about a whole scene was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...files.json_files import read_text
from ...files.writing import write_atomically


class SceneFileRecord:
    """What a file was made from; it is there when the file is whole.

    Args:
        path: The record, a JSON file.
        made_from: Everything that decides the content, JSON-serialisable.
        found: Names of what else the record says, which is known once the file is made.
    """

    def __init__(self, path: Path, made_from: Mapping[str, Any], found: tuple[str, ...] = ()):
        self._path, self._found = path, found
        self._made_from = json.loads(json.dumps(made_from))

    def is_kept(self) -> bool:
        """Whether the record is there and says the same."""
        return self.found() is not None

    def found(self) -> dict[str, Any] | None:
        """What else the record says; None where there is none, or one that was made otherwise."""
        try:
            said = json.loads(read_text(self._path))
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(said, dict) or not all(name in said for name in self._found):
            return None
        found = {name: said[name] for name in self._found}
        return found if said == self._made_from | found else None

    def forget(self) -> None:
        """Remove it before the file changes."""
        self._path.unlink(missing_ok=True)

    def keep(self, **found: Any) -> None:
        """Say that the file is whole, and what was found on the way."""
        content = json.dumps(self._made_from | found, indent=1, sort_keys=True)
        write_atomically(self._path, content.encode() + b"\n")
