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

from ..building.outputs import FURTHER_REFERENCES, TRIPLET
from ..building.pairs.record import RECORDS_NAME
from .documents import VALIDATION, Documents, ExportContext, ExportedRow
from .export_folder import ExportFolder
from .export_pictures import Picture
from .findings import Consequences
from .grids import Trained
from .rows import Reading

FIX_PROMPT = "refer to image 2, fix the distortion and blank areas in image 1"

FOLDERS = {kind: f"{kind}/{{number}}.{{extension}}" for kind in TRIPLET}
"""A folder for each picture of the triplet, one name for all three."""

FURTHER_FOLDERS = {kind: f"{kind}/{{number}}.{{extension}}" for kind in FURTHER_REFERENCES}
"""The same for further references, for trainers that take any number of pictures."""

MASK_FOLDER = {"mask": "mask/{number}.png"}


class Training(NamedTuple):
    """How pictures are going to be trained.

    Attributes:
        resolution: Side of the square that has the area to train at, in pixels.
        model: Key of `BASE_MODELS`.
        matches_target: Whether controls are brought to the target's area, where a trainer asks.
    """

    resolution: int
    model: str
    matches_target: bool = False


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
        members: Path of each kind of file; masks and further references are left out where pairs
            have none.
        read: Finds the rows below a folder of `sides` as the trainer's loader would.
        consequences: What the trainer does about faults.
        describe: Makes the text files beside the pictures; None where there are none.
        trained: Where pixels of a picture of some size come to lie; None where all stay as they are
            or the trainer leaves it to the model.
        models: The base models that it trains with both controls, the default first; empty where
            the layout serves any.
        without_further_references: Those of them that take no more than one reference.
        notes: What is wrong with the trainer itself, each a line.
        written_caption: The text to write so that the trainer reads the caption it is given.
        caption: Path of a pair's caption; None where captions stand in a table only.
        caption_always: Whether the file is written without a given prompt as well, because the
            trainer reads captions nowhere else.
        train_folder: Where the training side lies; the other side lies in `validation/`.
        sides: The folders that have rows of their own; those after the first may be missing.
        seen_weight: What a mask holds where it is no hole, 0..255, for trainers that multiply the
            loss by it; holes are 255.
        png_kinds: Kinds of file that have to be PNG.
        default_prompt: The caption of pairs where none is given.
        pack: What takes rows in place of the folder; None where each file lies there by itself.
        command: The command line that trains; None where the trainer needs more than that.
        records_name: The file of records that it takes its rows from.
        caches: Patterns of files and folders that the trainer fills with what it computed from
            pictures and captions, by their names alone; they go when one of these changes.
    """

    name: str
    title: str
    members: Mapping[str, str]
    read: Callable[[Path, Reading], None]
    consequences: Consequences
    describe: Callable[[Sequence[ExportedRow], ExportContext], Documents] | None = None
    trained: Callable[[tuple[int, int], Training], Trained] | None = None
    models: Sequence[str] = ()
    without_further_references: frozenset[str] = frozenset()
    notes: Sequence[str] = ()
    written_caption: Callable[[str], str] = str
    caption: str | None = None
    caption_always: bool = False
    train_folder: str = ""
    sides: Sequence[str] = ("", f"{VALIDATION}/")
    seen_weight: int = 0
    png_kinds: frozenset[str] = frozenset()
    default_prompt: str = FIX_PROMPT
    pack: Callable[[ExportFolder], AbstractContextManager[Packer]] | None = None
    command: Callable[[ExportContext], str] | None = None
    records_name: str = RECORDS_NAME
    caches: Sequence[str] = ()

    @property
    def things(self) -> str:
        """What it is trained on."""
        return "pairs" if self.records_name == RECORDS_NAME else "clips"
