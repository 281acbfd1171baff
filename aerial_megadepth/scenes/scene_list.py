"""Which scenes a run makes: those that are listed and there; what becomes of them it ignores."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from warpset.core.errors import InputError
from warpset.core.natural_order import natural_key
from warpset.files.json_files import read_text

from ..megadepth.image_list import is_plain_name, read_image_list

NAMED = 3
"""So many of the scenes that are not there are named."""


@dataclass(frozen=True)
class SceneList:
    """The scenes of a run.

    Attributes:
        names: Scenes that are there, in natural order.
        missing: Scenes that are listed and not there.
        is_asked: Whether somebody asked for just these, so that one that is not there is a fault.
        listed_in: What lists them; the folder itself where nothing does.
        where: Where they were looked for.
    """

    names: list[str]
    missing: list[str]
    is_asked: bool
    listed_in: Path
    where: Path

    def shortfall(self) -> str:
        """A line on the scenes that are not there; empty where none is missing."""
        if not self.missing:
            return ""
        others = len(self.missing) - NAMED
        named = ", ".join(self.missing[:NAMED]) + (f" and {others} others" if others > 0 else "")
        return (
            f"{self.listed_in}: {len(self.names) + len(self.missing)} scenes listed,"
            f" {len(self.names)} of them in {self.where}; not there: {named}"
        )


def read_scene_list(
    asked: Path | None,
    found: Iterable[str],
    where: Path,
    listing: tuple[Path, Iterable[str]] | None = None,
) -> SceneList:
    """The scenes to make.

    Args:
        asked: An image list, or a text of one name a line; None takes what was found.
        found: Scenes that can be made.
        where: Where they were looked for.
        listing: Another file that lists scenes without asking for all of them, and its scenes.

    Raises:
        InputError: A list cannot be read, has a name that is no plain one, or no scene is left.
    """
    there = set(found)
    listed_in, others = (where, there) if listing is None else listing
    listed_in, listed = (
        (listed_in, set(others)) if asked is None else (asked, _listed_scenes(asked))
    )
    names, missing = _in_order(listed & there), _in_order(listed - there)
    if not names:
        what = f"found none of the {len(missing)} scenes that {listed_in} lists"
        raise InputError(f"{where}: {what if missing else 'found no scene'}, need at least one")
    return SceneList(names, missing, asked is not None, listed_in, where)


def _listed_scenes(path: Path) -> set[str]:
    if path.suffix.lower() in (".npz", ".json"):
        return {scene for scene, _ in read_image_list(path)}
    try:
        lines = read_text(path).splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a list of scenes ({error})") from error
    names = {name for line in lines if (name := line.split("#")[0].strip())}
    for name in names:
        if not is_plain_name(name):
            raise InputError(f"{path}: found {name[:80]!r}, need plain names of scenes")
    return names


def _in_order(names: Collection[str]) -> list[str]:
    return sorted(names, key=natural_key)
