"""Runs that want the same scene of a bucket at the same moment: is each made once, and none lost?

uv run python benchmarks/runs/contention.py [--scenes 1000] [--runs 2] [--store s3]

The runs start at each scene together, so every scene is contested. One that is refused comes back
to it at the end, as with `--join`. The stores are this machine's: fsspec's in memory, and a server
that speaks S3 (moto). Both look for a file and then write it, in two steps; a bucket does that in
one, and so do these here.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fsspec

sys.path.insert(0, str(Path(__file__).parents[2]))
from warpset.core.errors import FolderInUseError
from warpset.files.stores.address import Address
from warpset.files.stores.lease import sole_writer_at
from warpset.files.stores.store import Store


@dataclass
class Contest:
    """What became of contested scenes.

    Attributes:
        made: How often each was made.
        refused: How often runs were told at each that another is at it.
        together: Scenes at which two runs were writing at the same time.
    """

    made: Counter[int] = field(default_factory=Counter)
    refused: Counter[int] = field(default_factory=Counter)
    together: set[int] = field(default_factory=set)


class _Runs:
    """Threads that want the same scenes."""

    def __init__(self, root: Address, scenes: int, runs: int):
        self.found = Contest()
        self._root, self._scenes, self._runs = root, scenes, runs
        self._start, self._lock = threading.Barrier(runs), threading.Lock()
        self._writing: Counter[int] = Counter()

    def contest(self) -> Contest:
        """Let all runs go over all scenes."""
        threads = [threading.Thread(target=self._run) for _ in range(self._runs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.found

    def _run(self) -> None:
        held = []
        try:
            for scene in range(self._scenes):
                self._start.wait()
                held += [] if self._is_done(scene) else [scene]
            while held:
                time.sleep(0.001)
                held = [scene for scene in held if not self._is_done(scene)]
        except BaseException:
            self._start.abort()  # so that the others do not wait for this one
            raise

    def _is_done(self, scene: int) -> bool:
        """Make a scene unless it is there; False where another run is at it."""
        place = self._root / f"{scene:05}" / "pairs"
        pairs = Store(place)
        try:
            with sole_writer_at(place):
                self._note(scene, +1)
                if pairs.read("made") is None:
                    pairs.replace("made", b"")
                    with self._lock:
                        self.found.made[scene] += 1
                self._note(scene, -1)
            return True
        except FolderInUseError:
            with self._lock:
                self.found.refused[scene] += 1
            return False

    def _note(self, scene: int, change: int) -> None:
        with self._lock:
            self._writing[scene] += change
            if self._writing[scene] > 1:
                self.found.together.add(scene)


def contest(root: Address, scenes: int, runs: int) -> Contest:
    """Let runs meet at every scene below an address."""
    return _Runs(root, scenes, runs).contest()


def in_one_step(write: Callable[..., Any]) -> Callable[..., Any]:
    """A store's own writing, looking whether a file is there and writing it in one step."""
    lock = threading.Lock()

    def locked(*args: Any, **named: Any) -> Any:
        with lock:
            return write(*args, **named)

    return locked


@contextmanager
def memory() -> Iterator[Address]:
    """A folder in memory."""
    from fsspec.implementations.memory import MemoryFileSystem as Memory

    before, Memory.pipe_file = Memory.pipe_file, in_one_step(Memory.pipe_file)
    try:
        yield Address("memory://contest")
    finally:
        Memory.pipe_file = before
        fsspec.filesystem("memory").rm("/contest", recursive=True)


@contextmanager
def s3() -> Iterator[Address]:
    """A bucket of a server on this machine."""
    from moto.s3.responses import S3Response
    from stored_soak import a_bucket

    put = "_key_response_put"
    before = getattr(S3Response, put)
    setattr(S3Response, put, in_one_step(before))
    try:
        with a_bucket():
            yield Address("s3://soak/contest")
    finally:
        setattr(S3Response, put, before)


def main() -> None:
    """Contest, and print what became of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--store", choices=("memory", "s3"), default="memory")
    args = parser.parse_args()
    with {"memory": memory, "s3": s3}[args.store]() as root:
        found = contest(root, args.scenes, args.runs)
    twice = sum(count > 1 for count in found.made.values())
    lost = args.scenes - len(found.made)
    print(f"{args.scenes} scenes, {args.runs} runs, {args.store}")
    print(f"{len(found.refused)} scenes refused to a run, {found.refused.total()} times in all")
    print(f"made twice {twice}, lost {lost}, two at once {len(found.together)}")
    print(f"{time.process_time():.0f} s of CPU")


if __name__ == "__main__":
    main()
