"""Photos in memory as files for a while, for rooms that read files; what they do is unknown."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .computing import until_cancelled


@contextmanager
def photo_files(photos: Sequence[NDArray[np.uint8]]) -> Iterator[list[Path]]:
    """Lossless files of photos (h, w, 3), alone in a folder that goes away afterwards."""
    # what was cancelled may still have one open, which Windows then does not remove
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        paths = [Path(folder) / f"{number}.bmp" for number in range(len(photos))]
        for photo, path in zip(until_cancelled(photos), paths, strict=True):
            Image.fromarray(photo).save(path)  # in a tenth of the time that PNG takes
        yield paths
