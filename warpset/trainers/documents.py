"""Texts beside the pictures: what they are told of rows, how names and captions are quoted.

Rows are known by their file names; nothing is read or copied. Everything built from names or
captions is quoted for the format that it goes into.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..building.outputs import FURTHER_REFERENCES
from .base_models import BASE_MODELS

TRAIN, VALIDATION = "train", "validation"


@dataclass(frozen=True)
class ExportedRow:
    """A pair as it lies in an export.

    Attributes:
        number: Its number, padded.
        split: `train` or `validation`.
        folder: Where its files lie, relative to the export: empty or ending in a slash.
        files: Paths by kind, relative to `folder`.
        caption: What a trainer shall read.
        caption_file: Path of the file that says so, relative to `folder`; None where there is none.
        scene: Name of the scene.
        name: Name of the pair in its scene.
        size_wh: Width and height of the target.
        scores: Its scores, see `building.scores.Scores`.
        licence: What the network behind its geometry lets be done with it; empty where unsaid.
        frames: Frames of a clip; 1 for a pair.
        geometry: Where depth and cameras come from, as records say it.
    """

    number: str
    split: str
    folder: str
    files: Mapping[str, str]
    caption: str
    caption_file: str | None
    scene: str
    name: str
    size_wh: tuple[int, int]
    scores: Mapping[str, float | None]
    licence: str = ""
    frames: int = 1
    geometry: Mapping[str, str] = field(default_factory=dict)

    @property
    def controls(self) -> list[str]:
        """The kinds of picture that the target is made of, in the order that trainers show them."""
        kinds = "splats", "reference", *FURTHER_REFERENCES
        return [kind for kind in kinds if kind in self.files]

    def place(self, kind: str) -> str:
        """Path of one of its files, relative to the export."""
        return self.folder + self.files[kind]

    def facts(self) -> dict[str, Any]:
        """What a table of pairs says beside the pictures."""
        return {"prompt": self.caption, "scene": self.scene, "pair": self.name, **self.scores}


@dataclass(frozen=True)
class ExportContext:
    """What the documents say of the export as a whole.

    Attributes:
        place: The export's folder, absolute, because trainers run in folders of their own.
        resolutions: Sides of the squares that the trainer's pictures shall have the area of.
        default_prompt: Caption of pairs without one.
        base_model: Key of `BASE_MODELS`; empty where the layout serves any.
        controls: Number of pictures that each target is made of.
        photo_licence: Of the photos, in the Hub's words; empty where nobody said it.
    """

    place: Path
    resolutions: Sequence[int]
    default_prompt: str
    base_model: str = ""
    controls: int = 2
    photo_licence: str = ""

    @property
    def job_name(self) -> str:
        """What trainers call the LoRA: the folder's name, so that data sets do not share one."""
        return re.sub(r"[^A-Za-z0-9_-]+", "_", self.place.name)

    def path(self, name: str) -> str:
        """Absolute path of something in the export."""
        return (self.place / name).as_posix()


Documents = dict[str, str]
"""Texts by path relative to the export."""


def quoted(text: str) -> str:
    """A text as a double-quoted scalar of YAML and TOML; odd characters by their code point."""
    characters = (
        character
        if character.isprintable() and character not in '"\\'
        else f"\\U{ord(character):08X}"
        for character in text
    )
    return f'"{"".join(characters)}"'


def json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """One JSON object a line, ASCII only, no blank lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def fenced(command: str) -> str:
    """A command as a Markdown code block that nothing in it can end."""
    fence = "```"
    while fence in command:
        fence += "`"
    return f"{fence}bash\n{command}\n{fence}\n"


AFTERWARDS = """\
## Use the LoRA

`render_views.py` renders views of your own photos as the splats that the LoRA was trained on, and
ComfyUI takes the LoRA with the model it was trained for: a LoRA loader after the model, the {count}
pictures as its {count} references, splats first. Use the caption you trained with.
"""

COUNTS = {3: "three", 4: "four", 5: "five"}
"""Numbers of controls in words; layouts with less say how many the model takes."""


def train_page(context: ExportContext, how: str, needs: str, where: str) -> str:
    """`TRAIN.md`: the command, what it takes, and how to use what comes out.

    Args:
        context: The export.
        how: Paragraphs with the command.
        needs: Memory, steps and rate.
        where: Where the LoRA lies in the end.
    """
    model = BASE_MODELS.get(context.base_model)
    title = f" for {model.title}" if model else ""
    return (
        f"# Train on this dataset{title}\n\n{how}\n## What it takes\n\n{needs}\n\n"
        f"{AFTERWARDS.format(count=COUNTS.get(context.controls, 'two'))}\n{where}\n"
    )


def by_folder(rows: Sequence[ExportedRow]) -> dict[str, list[ExportedRow]]:
    """Rows of each side of the split, by the folder they lie in."""
    folders: dict[str, list[ExportedRow]] = {}
    for row in rows:
        folders.setdefault(row.folder, []).append(row)
    return folders
