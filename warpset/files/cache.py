"""Arrays on disk under a key made of content; what they mean it does not know."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InputError, Remedy
from .json_files import open_regular
from .writing import write_atomically

log = logging.getLogger(__name__)

MAX_ENTRY_BYTES = 2**31
"""A frame's depth and confidence take eight bytes a pixel: 268 megapixels."""

DIGEST_BYTES = 32


def content_key(**parts: object) -> str:
    """Hex key of named, JSON-serialisable parts; any other part, any other key."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


class ArrayCache:
    """Named arrays, one `.npz` file a key, each with the SHA-256 of its bytes at its end.

    Args:
        folder: Where the files lie; made when first written to.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._has_complained = False

    def load(self, key: str) -> dict[str, NDArray] | None:
        """The arrays under a key, or None where there are none or, which is said once, damaged."""
        path = self._path(key)
        try:
            with open_regular(path) as file:
                return _read(file)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            if not self._has_complained:
                log.warning(f"{path}: cannot be read ({error}); what it holds is made anew")
            self._has_complained = True
            return None

    def store(self, key: str, arrays: Mapping[str, NDArray]) -> None:
        """Keep arrays under a key.

        Raises:
            InputError: The folder cannot be written.
        """
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        file.write(hashlib.sha256(file.getbuffer()).digest())
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


def _read(file: BinaryIO) -> dict[str, NDArray]:
    """The arrays of a file whose bytes are as they were written."""
    size = os.fstat(file.fileno()).st_size
    if size > MAX_ENTRY_BYTES:
        raise ValueError(f"more than {MAX_ENTRY_BYTES} bytes")
    archive, digest = file.read(max(0, size - DIGEST_BYTES)), file.read(DIGEST_BYTES)
    if hashlib.sha256(archive).digest() != digest:
        raise ValueError("damaged")
    with np.load(io.BytesIO(archive), allow_pickle=False) as stored:
        return dict(stored)
