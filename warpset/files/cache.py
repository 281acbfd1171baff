"""Arrays on disk under a key made of content; what they mean it does not know."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, Remedy
from .writing import write_atomically


def content_key(**parts: object) -> str:
    """Hex key of named, JSON-serialisable parts; any other part, any other key."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


class ArrayCache:
    """Named arrays, one `.npz` file a key.

    Args:
        folder: Where the files lie; made when first written to.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def load(self, key: str) -> dict[str, NDArray] | None:
        """The arrays under a key, or None where there are none that can be read."""
        try:
            with np.load(self._path(key), allow_pickle=False) as stored:
                return dict(stored)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None

    def store(self, key: str, arrays: Mapping[str, NDArray]) -> None:
        """Keep arrays under a key.

        Raises:
            InputError: The folder cannot be written.
        """
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, file.getvalue())
        except OSError as error:
            raise InputError(
                f"{self.folder}: cannot be written ({error.strerror}); make room there",
                Remedy.NO_CACHE,
            ) from error

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npz"
