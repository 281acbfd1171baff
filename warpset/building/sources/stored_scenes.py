"""Scenes and outputs in a store, brought here for as long as one scene is built."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ...core.errors import InputError
from ...files.photo_folders import BY_NAME
from ...files.photos import PHOTO_EXTENSIONS
from ...files.stores.address import Address, Place
from ...files.stores.lease import sole_writer_at
from ...files.stores.store import Store, StoredFile
from ...files.video import is_video
from ...files.zip_scenes import is_zip
from ..pairs.record import RECORDS_NAME
from .scene_folders import find_scenes, name_of_packed, scene_name

READ_AGAIN = (".json", ".jsonl")
"""What a run reads of the pairs that are there; of the rest it asks only whether it is."""


class SceneAtHand(NamedTuple):
    """A scene and the folder of its pairs on this machine.

    Attributes:
        scene: Its folder, zip or video.
        output: Where its pairs go.
        shown_as: What to say instead of temporary folders.
    """

    scene: Path
    output: Path
    shown_as: Mapping[str, str]


def find_scenes_at(place: Place) -> list[Place]:
    """The scenes below a folder or an address, in natural order, see `find_scenes`.

    In a store every folder counts as a scene: whether it is one shows when it is fetched.

    Raises:
        InputError: There is none.
    """
    if isinstance(place, Path):
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


def scene_name_at(scene: Place) -> str:
    """What a scene's output folder is called, see `scene_name`."""
    if isinstance(scene, Path):
        return scene_name(scene)
    path = Path(scene.name)
    if not (is_zip(path) or is_video(path)):
        return scene.name
    names = _names_at(Address(str(scene).rpartition("/")[0]))
    return name_of_packed(path, [Path(name) for name in names if name != scene.name])


@lru_cache(maxsize=1)
def _names_at(address: Address) -> tuple[str, ...]:
    """What lies there, looked up once for all scenes of a run."""
    folders, files = Store(address).children()
    return (*folders, *files)


@contextlib.contextmanager
def at_hand(scene: Place, output: Place, is_dry_run: bool) -> Iterator[SceneAtHand]:
    """A scene and the folder of its pairs on this machine; what is made goes back to the store.

    Args:
        scene: Its folder, zip or video.
        output: Where its pairs go.
        is_dry_run: Whether nothing is written.

    Raises:
        InputError: A store does not answer, or another run is writing to the output.
    """
    with contextlib.ExitStack() as stack:
        shown_as = {}
        if isinstance(scene, Address):
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            shown_as[str(scratch)] = str(scene).rpartition("/")[0]
            scene = _fetched(scene, scratch)
        if isinstance(output, Address):
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            shown_as[str(scratch)] = str(output).rpartition("/")[0]
            output = stack.enter_context(_mirrored(output, scratch, is_dry_run))
        yield SceneAtHand(scene, output, shown_as)


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
