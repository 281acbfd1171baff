"""Pairs of views worth training on, as the npz that AerialMegaDepth publishes; no pictures.

Arrays: `scenes` and `images` (names), `images_scene_name` (the scene of each image), and `pairs`
with the fields `scene_id`, `im1_id`, `im2_id` (indices into these) and `score`. Ours may also hold
`pitch_deg`, `scale` and `level` (see `pair_grades`), an entry a pair.
"""

from __future__ import annotations

import io
import pickle
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from warpset.core.errors import InputError
from warpset.core.natural_order import natural_key
from warpset.files.json_files import open_regular
from warpset.files.writing import write_atomically

from ..megadepth.image_list import is_plain_name
from ..megadepth.inert_npy import read_objects
from .pair_grades import PairGrades

PAIRS_NAME = "pairs.npz"
PAIR = np.dtype([("scene_id", "<i4"), ("im1_id", "<i4"), ("im2_id", "<i4"), ("score", "<f4")])
MAX_BYTES = 2**30


class ScenePairs(NamedTuple):
    """The pairs of one scene.

    Attributes:
        images: Names of its images.
        pairs: (n, 2) indices into `images`.
        scores: (n,) float32, more is more overlap.
        grades: How hard each is; None where nobody measured it.
    """

    images: list[str]
    pairs: NDArray[np.intp]
    scores: NDArray[np.float32]
    grades: PairGrades | None = None

    def among(self, images: list[str]) -> ScenePairs:
        """The pairs whose both images are among some, with indices into these."""
        place = {name: index for index, name in enumerate(images)}
        moved = np.array([place.get(name, -1) for name in self.images], np.intp)
        pairs = moved[self.pairs].reshape(-1, 2)
        kept = (pairs >= 0).all(1)
        grades = None if self.grades is None else self.grades.of(np.flatnonzero(kept))
        return ScenePairs(images, pairs[kept], self.scores[kept], grades)


def write_pairs(path: Path, scenes: Mapping[str, ScenePairs]) -> None:
    """Write pairs; scenes in natural order."""
    names = sorted(scenes, key=natural_key)
    images, owners, rows, first = [], [], [], 0
    for scene_id, name in enumerate(names):
        scene = scenes[name]
        part = np.empty(len(scene.pairs), PAIR)
        part["scene_id"], part["score"] = scene_id, scene.scores
        part["im1_id"], part["im2_id"] = (scene.pairs + first).T
        images += scene.images
        owners += [name] * len(scene.images)
        rows.append(part)
        first += len(scene.images)
    content = io.BytesIO()
    np.savez_compressed(
        content,
        scenes=np.array(names, np.str_),
        images=np.array(images, np.str_),
        images_scene_name=np.array(owners, np.str_),
        pairs=np.concatenate(rows) if rows else np.empty(0, PAIR),
        **_graded([scenes[name].grades for name in names]),
    )
    write_atomically(path, content.getvalue())


def _graded(grades: Sequence[PairGrades | None]) -> dict[str, Any]:
    """Arrays of the grades, if all scenes have some."""
    known = [grade for grade in grades if grade is not None]
    if not known or len(known) < len(grades):
        return {}
    parts = (np.concatenate(part) for part in zip(*known, strict=True))
    return dict(zip(PairGrades._fields, parts, strict=True))


def read_pairs(path: Path) -> dict[str, ScenePairs]:
    """Read pairs, by scene; names may be pickled, which runs nothing that the pickle names.

    Raises:
        InputError: The file is missing, no such npz, or an index leads nowhere.
    """
    try:
        return _read_pairs(path)
    except FileNotFoundError:
        raise InputError(f"{path}: found no such file of pairs; see make_pairs") from None
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        EOFError,
        MemoryError,
        RuntimeError,  # a zip of another version, or encrypted
        zipfile.BadZipFile,
        zlib.error,
        pickle.UnpicklingError,
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path}: cannot be read as pairs ({reason}); need an npz of scenes, images,"
            " images_scene_name and pairs; make it with make_pairs"
        ) from error


def _read_pairs(path: Path) -> dict[str, ScenePairs]:
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
            raise ValueError(f"more than {MAX_BYTES} bytes")
        scenes, images, owners = (
            _read_names(archive.read(f"{name}.npy"))
            for name in ("scenes", "images", "images_scene_name")
        )
        pairs = np.load(io.BytesIO(archive.read("pairs.npy")), allow_pickle=False)
        grades = _read_grades(archive, len(pairs))
    if len(images) != len(owners):
        raise ValueError(f"{len(images)} images and {len(owners)} names of their scenes")
    ends = np.stack([pairs["im1_id"], pairs["im2_id"]], axis=1).astype(np.intp)
    scene_ids, scores = pairs["scene_id"].astype(np.intp), pairs["score"].astype(np.float32)
    _check_indices(ends, len(images))
    _check_indices(scene_ids, len(scenes))
    own: dict[str, list[int]] = {str(scene): [] for scene in scenes}
    for n, (owner, image) in enumerate(zip(owners, images, strict=True)):
        if image is not None and owner in own:
            own[owner].append(n)
    return {
        str(scene): ScenePairs(
            *_scene_pairs(str(scene), images, own[str(scene)], ends[rows]),
            scores[rows],
            None if grades is None else grades.of(rows),
        )
        for scene_id, scene in enumerate(scenes)
        for rows in [np.flatnonzero(scene_ids == scene_id)]
    }


def _read_grades(archive: zipfile.ZipFile, count: int) -> PairGrades | None:
    if not {f"{name}.npy" for name in PairGrades._fields} <= set(archive.namelist()):
        return None
    grades = PairGrades(
        *(
            np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
            for name in PairGrades._fields
        )
    )
    if any(part.shape != (count,) for part in grades):
        raise ValueError(f"grades of other than its {count} pairs")
    return grades


def _read_names(npy: bytes) -> list[Any]:
    """Names, with None in gaps; every name is a plain one."""
    try:
        names = np.load(io.BytesIO(npy), allow_pickle=False).astype(np.str_).ravel().tolist()
    except ValueError:
        names = read_objects(npy)
    bad = next((name for name in names if name is not None and not is_plain_name(name)), None)
    if bad is not None:
        raise ValueError(f"found the name {str(bad)[:80]!r}")
    return names


def _check_indices(indices: NDArray[np.intp], count: int) -> None:
    if indices.size and not 0 <= indices.min() <= indices.max() < count:
        raise ValueError(f"found an index beyond the {count} names")


def _scene_pairs(
    scene: str, images: list[Any], own: list[int], ends: NDArray[np.intp]
) -> tuple[list[str], NDArray[np.intp]]:
    """A scene's images, and its pairs as indices into these."""
    place = np.full(len(images), -1, np.intp)
    place[own] = np.arange(len(own))
    pairs = place[ends].reshape(-1, 2)
    if (pairs < 0).any():
        raise ValueError(f"scene {scene} pairs an image that is not its own")
    return [images[n] for n in own], pairs
