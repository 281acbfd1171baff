"""Photos in memory as files for a while, for rooms that read files; what they do is unknown."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@contextmanager
def photo_files(photos: Sequence[NDArray[np.uint8]]) -> Iterator[list[Path]]:
    """Lossless files of photos (h, w, 3), alone in a folder that goes away afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.png" for number in range(len(photos))]
        for photo, path in zip(photos, paths, strict=True):
            Image.fromarray(photo).save(path, compress_level=0)
        yield paths
