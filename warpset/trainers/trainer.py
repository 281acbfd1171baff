"""What a trainer's file says of it; no trainer in particular, no disk.

Each file of `layouts/` fills in one `Trainer`, and `registry.TRAINERS` lists them. The export loop
and the validation know trainers through this alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from ..building.outputs import TRIPLET
from .documents import VALIDATION, Documents, ExportContext, ExportedRow
from .export_folder import ExportFolder
from .export_pictures import Picture
from .findings import Consequences, Findings
from .rows import Reading

FIX_PROMPT = "refer to image 2, fix the distortion and blank areas in image 1"

FOLDERS = {kind: f"{kind}/{{number}}.{{extension}}" for kind in TRIPLET}
"""A folder for each picture of the triplet, one name for all three."""

MASK_FOLDER = {"mask": "mask/{number}.png"}


class SizeGroup(NamedTuple):
    """Pairs of one size, at one resolution to train at.

    Attributes:
        size_wh: Width and height of the target.
        pair_count: How many pairs.
        resolution: Side of the square that has the area to train at, in pixels.
    """

    size_wh: tuple[int, int]
    pair_count: int
    resolution: int

    @property
    def pairs(self) -> str:
        """How many pairs, in words."""
        return f"{self.pair_count} pair{'' if self.pair_count == 1 else 's'}"


class Packer(Protocol):
    """Takes rows of an export into files of its own, such as tar files."""

    def write(self, row: ExportedRow, pictures: Mapping[str, Picture]) -> None:
        """Take one row."""
        ...


@dataclass(frozen=True)
class Trainer:
    """How a trainer wants its pairs, and what it does with them.

    Attributes:
        name: Name of the layout.
        title: Name of the trainer, for people.
        members: Path of each kind of file; a mask is left out where pairs have none.
        read: Finds the rows below a folder of `sides` as the trainer's loader would.
        consequences: What the trainer does about faults.
        describe: Makes the text files beside the pictures; None where there are none.
        judge_size: Says what becomes of pictures of one size; None where all stay as they are.
        caption: Path of a pair's caption; None where captions stand in a table only.
        caption_always: Whether the file is written without a given prompt as well, because the
            trainer reads captions nowhere else.
        train_folder: Where the training side lies; the other side lies in `validation/`.
        sides: The folders that have rows of their own; those after the first may be missing.
        default_prompt: The caption of pairs where none is given.
        pack: What takes rows in place of the folder; None where each file lies there by itself.
        command: The command line that trains; None where the trainer needs more than that.
        caches: Folders that the trainer fills, by the files' names alone, with what it computed
            from pictures and captions; they go when a picture or caption changes.
    """

    name: str
    title: str
    members: Mapping[str, str]
    read: Callable[[Path, Reading], None]
    consequences: Consequences
    describe: Callable[[Sequence[ExportedRow], ExportContext], Documents] | None = None
    judge_size: Callable[[SizeGroup, Findings], None] | None = None
    caption: str | None = None
    caption_always: bool = False
    train_folder: str = ""
    sides: Sequence[str] = ("", f"{VALIDATION}/")
    default_prompt: str = FIX_PROMPT
    pack: Callable[[ExportFolder], AbstractContextManager[Packer]] | None = None
    command: Callable[[ExportContext], str] | None = None
    caches: Sequence[str] = ()
