"""What the output folders of a run's scenes are called, as the file system can hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...files.stores.address import Address, Place
from ...files.stores.file_names import (
    IGNORES_CASE,
    IS_WINDOWS,
    fault_on_windows,
    held_by_windows,
    one_name,
)
from .stored_scenes import scene_names_at


@dataclass(frozen=True)
class NamedScenes:
    """Scenes and what their output folders are called.

    Attributes:
        names: By scene, a path or address as text, in the scenes' order.
        left_out: A line for each scene that would share another one's folder.
        renamed: A line for each scene whose folder has another name than the scene.
    """

    names: dict[str, str]
    left_out: list[str]
    renamed: list[str]


def named_scenes(scenes: Sequence[Place], output_dir: Place) -> NamedScenes:
    """Name the scenes' output folders.

    On Windows `CON` becomes `CON_`; where the file system ignores case, `Room` keeps its folder and
    `room`, which comes later, is left out. A store holds any name.
    """
    is_stored = isinstance(output_dir, Address)
    given = scene_names_at(scenes)
    found, seen = NamedScenes({}, [], []), dict[str, str]()
    for scene, name in zip(map(str, scenes), given, strict=True):
        kept = held_by_windows(name) if IS_WINDOWS and not is_stored else name
        if kept != name:
            found.renamed.append(f"{scene}: {fault_on_windows(name)}; its pairs go to {kept}")
        key = one_name(kept) if IGNORES_CASE and not is_stored else kept
        if key in seen:
            found.left_out.append(
                f"{scene}: its pairs would go to the folder of {seen[key]}; left out, rename one"
            )
            continue
        seen[key], found.names[scene] = scene, kept
    return found
