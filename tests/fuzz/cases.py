"""One case: a sound input, spoilt by a seed, given to its commands; what they did wrong."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from estimators import cache_folder

from .children import Outcome, preload, run_apart
from .groups import GROUPS, Group
from .mutations import spoil

Sizes = dict[str, tuple[int, int] | None]


@dataclass(frozen=True)
class Case:
    """What was done to an input, and what came of it.

    Attributes:
        group: Key of `GROUPS`.
        seed: What decides how it was spoilt.
        what: What was done to which file.
        outcome: How the commands ended.
        faults: What they did wrong.
    """

    group: str
    seed: int
    what: str
    outcome: Outcome
    faults: list[str]

    def __str__(self) -> str:
        told = f"{self.group} {self.seed}: {self.what}: {'; '.join(self.faults) or 'sound'}"
        return "\n".join([told, *self.outcome.said.splitlines()[-6:]]) if self.faults else told


class Template:
    """A group's sound input, and how much its commands make of it.

    Args:
        name: Key of `GROUPS`.
        folder: Where it is kept.

    Raises:
        RuntimeError: The commands refuse it.
    """

    def __init__(self, name: str, folder: Path):
        self.name, self.group, self.folder = name, GROUPS[name], folder / "template" / name
        self.folder.mkdir(parents=True)
        made = run_apart(partial(_make, self.group), self.folder)
        if made.code:
            raise RuntimeError(f"{name}: cannot be made: {made.said}")
        self._aside = folder / "case"
        sound = self._copied()
        outcome = run_apart(partial(_run_and_tell_modules, self.group), sound)
        if outcome.code or outcome.faults():
            raise RuntimeError(f"{name}: refuses sound input: {outcome.code} {outcome.said}")
        self.files = len(_sizes(sound / "out"))
        preload((sound / "modules.txt").read_text().split())

    def case(self, seed: int) -> Case:
        """Spoil a copy and run the commands over it."""
        rng, folder = random.Random(f"{self.name} {seed}"), self._copied()
        spoilt: set[Path] = set()
        times = rng.choice((1, 1, 1, 2))
        what = ", ".join(_spoilt(self.group, folder, rng, spoilt) for _ in range(times))
        before = _outside(folder)
        outcome = run_apart(partial(_run, self.group), folder)
        may_lose = any(path.match(glob) for path in spoilt for glob in self.group.may_lose)
        faults = [*outcome.faults(), *self._lost(folder, outcome, before, may_lose)]
        return Case(self.name, seed, what, outcome, faults)

    def _copied(self) -> Path:
        shutil.rmtree(self._aside, ignore_errors=True)
        folder = self._aside / "some" / "where"
        shutil.copytree(self.folder, folder)
        return folder

    def _lost(self, folder: Path, outcome: Outcome, before: Sizes, may_lose: bool) -> Iterator[str]:
        """What happened to files that should not have."""
        after = _outside(folder)
        paths = sorted(before | after)
        if changed := [path for path in paths if before.get(path) != after.get(path)]:
            yield f"changes files outside its output: {', '.join(changed[:3])}"
        left = [path.name for path in (folder / "tmp").iterdir()]
        if left := [name for name in left if not name.startswith("torchinductor_")]:
            yield f"leaves temporary files: {', '.join(left[:3])}"
        made = len(_sizes(folder / "out"))
        is_silent = outcome.code == 0 and not outcome.said.strip()
        if is_silent and made < self.files and not may_lose:
            yield f"ends with 0 and {made} of {self.files} files, and says nothing"


def _make(group: Group, folder: Path) -> int:
    cache_folder.CACHE = folder / ".cache"
    group.make(folder / "in")
    return 0


def _run(group: Group, folder: Path) -> int:
    cache_folder.CACHE = folder / ".cache"
    return group.run()


def _run_and_tell_modules(group: Group, folder: Path) -> int:
    code = _run(group, folder)
    (folder / "modules.txt").write_text("\n".join(sys.modules))
    return code


def _spoilt(group: Group, folder: Path, rng: random.Random, spoilt: set[Path]) -> str:
    """Spoil a file that is not yet; says how."""
    pattern = rng.choice(group.spoilt)
    base = folder / "in"
    while pattern.startswith("../"):
        base, pattern = base.parent, pattern.removeprefix("../")
    found = (path for path in base.glob(pattern) if path.is_file() and not path.is_symlink())
    files = sorted({*found} - spoilt)
    if not files:
        return "nothing left to spoil"
    path = rng.choice(files)
    spoilt.add(path)
    name = path.relative_to(folder)
    return f"{spoil(path, rng)} {name}"


def _outside(folder: Path) -> Sizes:
    """Everything of the case but its output, its cache and what it says."""
    ours = {"out", "tmp", ".cache", "said.txt"}
    whole = _sizes(folder.parents[1])
    prefix = f"{folder.relative_to(folder.parents[1])}/"
    return {
        path: size
        for path, size in whole.items()
        if path.removeprefix(prefix).split("/")[0] not in ours
    }


def _sizes(folder: Path) -> Sizes:
    """Size and time of change of all files below a folder."""
    found: Sizes = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        is_folder = path.is_dir() and not path.is_symlink()
        size = None if is_folder else (status.st_size, status.st_mtime_ns)
        found[str(path.relative_to(folder))] = size
    return found
