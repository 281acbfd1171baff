"""Scenes and outputs in a store, brought here for as long as one scene is built."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ...core.errors import InputError, looking_into
from ...files.photo_folders import BY_NAME
from ...files.photos import PHOTO_EXTENSIONS
from ...files.stores.address import Address, Place
from ...files.stores.lease import sole_writer_at
from ...files.stores.store import Store, StoredFile
from ...files.video import is_video
from ...files.zip_scenes import is_zip
from ..pairs.record import RECORDS_NAME
from .scene_folders import find_scenes, name_of_packed, names_taken, scene_name

Shown = Mapping[str, str]
"""What to say instead of a temporary folder that nobody can look into."""

READ_AGAIN = (".json", ".jsonl")
"""What a run reads of the pairs that are there; of the rest it asks only whether it is."""


def find_scenes_at(place: Place) -> list[Place]:
    """The scenes below a folder or an address, in natural order, see `find_scenes`.

    In a store every folder counts as a scene: whether it is one shows when it is fetched.

    Raises:
        InputError: There is none, or the folder cannot be looked into.
    """
    if isinstance(place, Path):
        with looking_into(place):
            return [*find_scenes(place)]
    if is_zip(Path(place.name)) or is_video(Path(place.name)):
        return [place]
    folders, files = Store(place).children()
    holds_photos = any(Path(name).suffix.lower() in PHOTO_EXTENSIONS for name in files)
    if holds_photos or any(BY_NAME.fullmatch(name) for name in folders):
        return [place]
    packed = [name for name in files if is_zip(Path(name)) or is_video(Path(name))]
    if not folders and not packed:
        raise InputError(f"{place}: found no folder, zip or video, need one a scene")
    return [place / name for name in [*folders, *packed]]


def scene_names_at(scenes: Sequence[Place]) -> list[str]:
    """What the scenes' output folders are called, see `scene_name`; each folder is listed once."""
    taken = lru_cache(maxsize=1)(_names_taken_at)
    return [_scene_name_at(scene, taken) for scene in scenes]


def _scene_name_at(scene: Place, taken: Callable[[Place], Mapping[str, int]]) -> str:
    path = Path(scene.name)
    is_packed = is_zip(path) or is_video(path)
    if isinstance(scene, Path) and not (is_packed and scene.is_file()):
        return scene_name(scene)
    if not is_packed:
        return scene.name
    around = scene.parent if isinstance(scene, Path) else Address(str(scene).rpartition("/")[0])
    return name_of_packed(path, taken(around))


def _names_taken_at(around: Place) -> Mapping[str, int]:
    if isinstance(around, Path):
        return names_taken(path.name for path in around.iterdir())
    folders, files = Store(around).children()
    return names_taken([*folders, *files])


@contextlib.contextmanager
def scene_here(scene: Place) -> Iterator[tuple[Path, Shown]]:
    """A scene on this machine.

    Args:
        scene: Its folder, zip or video.

    Yields:
        Where it lies, and what to say instead of temporary folders.

    Raises:
        InputError: A store does not answer, or there is no room for it.
    """
    if isinstance(scene, Path):
        yield scene, {}
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield _fetched(scene, Path(scratch)), {scratch: str(scene).rpartition("/")[0]}


@contextlib.contextmanager
def output_here(output: Place, is_dry_run: bool) -> Iterator[tuple[Path, Shown]]:
    """The folder of a scene's pairs on this machine; what is made goes back to the store.

    Args:
        output: Where its pairs go.
        is_dry_run: Whether nothing is written.

    Yields:
        Where it lies, and what to say instead of temporary folders.

    Raises:
        InputError: A store does not answer, or another run is writing to the output.
    """
    if isinstance(output, Path):
        yield output, {}
        return
    with (
        tempfile.TemporaryDirectory() as scratch,
        _mirrored(output, Path(scratch), is_dry_run) as here,
    ):
        yield here, {scratch: str(output).rpartition("/")[0]}


class SceneBytes(NamedTuple):
    """What a scene takes up.

    Attributes:
        brought: Bytes here, once it is fetched, and unpacked where it is a zip.
        photos: Bytes of what it holds, wherever that lies.
    """

    brought: int
    photos: int


def scene_bytes(scene: Place) -> SceneBytes:
    """What a scene takes up, before it is fetched.

    Raises:
        InputError: The store does not answer, or it is no zip.
    """
    if isinstance(scene, Path):
        inside = scene.rglob("*") if scene.is_dir() else (scene,)
        return SceneBytes(0, sum(path.stat().st_size for path in inside if path.is_file()))
    store, path = Store(scene), Path(scene.name)
    if is_zip(path):
        unpacked = store.unpacked_bytes()
        return SceneBytes(store.file().size + unpacked, unpacked)
    size = sum(file.size for file in scene_files(scene))
    return SceneBytes(size, size)


def scene_files(scene: Address) -> list[StoredFile]:
    """The files that a scene in a store is fetched from: itself, where it is a zip or a video.

    Raises:
        InputError: The store does not answer.
    """
    path, store = Path(scene.name), Store(scene)
    return [store.file()] if is_zip(path) or is_video(path) else store.files()


def _fetched(scene: Address, scratch: Path) -> Path:
    here, store = scratch / scene.name, Store(scene)
    if is_zip(here) or is_video(here):
        store.fetch_file(here)
        return here
    files = store.files()
    if not files:
        raise InputError(f"{scene}: found nothing there, need photos")
    here.mkdir()
    store.fetch(files, here)
    return here


@contextlib.contextmanager
def _mirrored(output: Address, scratch: Path, is_dry_run: bool) -> Iterator[Path]:
    """The folder of pairs here, with records as they are there; changes are sent when it ends.

    They are sent also where building failed half-way, records last, so that a kill at any moment
    leaves nothing that a record does not speak the truth of.
    """
    here, store = scratch / output.name, Store(output)
    if is_dry_run:
        _bring(store, here)
        yield here
        return
    with sole_writer_at(output) as lease:
        before = _bring(store, here)
        try:
            yield here
        finally:
            now = _marks(here)
            changed = sorted((name for name in now if now[name] != before.get(name)), key=_in_turn)
            lease.check()
            store.send(here, changed)
            store.remove(sorted(name for name in before if name not in now))


def _in_turn(name: str) -> tuple[bool, bool, str]:
    """Pictures first, then what says how they were made, the pairs' records last."""
    return name.endswith(READ_AGAIN), name == RECORDS_NAME, name


def _bring(store: Store, here: Path) -> dict[str, tuple[int, int]]:
    """Fetch what a run reads of pairs, and put an empty file for each of the rest."""
    files = store.files()
    read = [file for file in files if _is_read(file)]
    if files:
        here.mkdir()
        store.fetch(read, here)
    for file in files:
        if file not in read:
            (here / file.name).touch()
    return _marks(here)


def _is_read(file: StoredFile) -> bool:
    return file.name.endswith(READ_AGAIN) or "/" in file.name  # frames of a video


def _marks(folder: Path) -> dict[str, tuple[int, int]]:
    """By which it shows whether a file was written: each write makes a new one."""
    return {
        path.relative_to(folder).as_posix(): (stat.st_mtime_ns, stat.st_ino)
        for path in folder.rglob("*")
        if path.is_file() and path.name[0] != "." and (stat := path.stat())
    }
