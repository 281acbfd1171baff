"""Pairs of two scenes that show nearly the same, found by hashing small gray pictures.

The hash of a picture is 64 bits: is each pixel of a 9 x 8 reduction brighter than its right-hand
neighbour ("dHash", N. Krawetz, "Kind of Like That", 2013). It stands through other sizes, formats
and exposures. Two hashes that differ in fewer bits than they are cut into parts have a part in
common, so only pictures that share one are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...core.errors import InputError
from ...files.image_files import open_image
from ..pair_selection import RecordedPair, Report

MAX_BITS = 3
"""Of 64 by which the hashes of one picture may differ. More lists what merely looks alike, and
takes a pass more for each bit."""

PARTS = MAX_BITS + 1
LEAST_SPREAD = 4.0
"""Standard deviation, in levels of 255, below which a picture is too plain to tell from others."""


class HashedPair(NamedTuple):
    """A pair and the hashes of its pictures.

    Attributes:
        key: As `scene/pair`.
        target: Hash of the target.
        reference: Hash of the reference.
    """

    key: str
    target: int
    reference: int

    @property
    def scene(self) -> str:
        """The scene's name."""
        return self.key.partition("/")[0]


def picture_hash(path: Path) -> int | None:
    """The hash of a picture; None where it is too plain.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with open_image(path) as picture:
            picture.draft("L", (64, 64))  # JPEG is decoded at an eighth of its size
            gray = picture.convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: cannot be read as a picture ({error})") from error
    small = np.asarray(gray.resize((9, 8), Image.Resampling.BOX), np.int16)
    if small.std() < LEAST_SPREAD:
        return None
    bits = (small[:, 1:] > small[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def hashed(pairs: Iterable[RecordedPair], report: Report) -> Iterator[HashedPair]:
    """Hash the pictures of pairs that were written; what cannot be read is reported."""
    for pair in pairs:
        if pair.record.rejected:
            continue
        try:
            hashes = [picture_hash(pair.path(kind)) for kind in ("target", "reference")]
        except InputError as error:
            report(f"{error}; pair {pair.key} not compared")
            continue
        target, reference = hashes
        if target is not None and reference is not None:
            yield HashedPair(pair.key, target, reference)


def near_duplicates(pairs: Sequence[HashedPair]) -> list[tuple[str, str]]:
    """Pairs of different scenes whose targets and references are alike, as (key, key), sorted."""
    targets = np.array([pair.target for pair in pairs], np.uint64)
    references = np.array([pair.reference for pair in pairs], np.uint64)
    scenes = np.unique([pair.scene for pair in pairs], return_inverse=True)[1]
    found: set[tuple[int, int]] = set()
    for part in range(PARTS):
        width = np.uint64(64 // PARTS)
        bits = (targets >> (width * np.uint64(part))) & np.uint64((1 << int(width)) - 1)
        order = np.argsort(bits, kind="stable")
        edges = np.flatnonzero(np.diff(bits[order])) + 1
        for group in np.split(order, edges):
            found |= _alike(group, targets, references, scenes)
    return sorted((pairs[one].key, pairs[other].key) for one, other in found)


def _alike(
    group: NDArray[np.intp],
    targets: NDArray[np.uint64],
    references: NDArray[np.uint64],
    scenes: NDArray[np.intp],
) -> set[tuple[int, int]]:
    """Indices of pairs of a group that are alike and of different scenes."""
    found = set()
    for at, one in enumerate(group.tolist()):
        rest = group[at + 1 :]
        near = scenes[rest] != scenes[one]
        near &= np.bitwise_count(targets[rest] ^ targets[one]) <= MAX_BITS
        near &= np.bitwise_count(references[rest] ^ references[one]) <= MAX_BITS
        found |= {(min(one, o), max(one, o)) for o in rest[near].tolist()}
    return found
