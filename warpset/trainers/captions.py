"""Captions of pairs: given, drawn from a file, told from the cameras, or a scene's own; no pixels.

A template's fields come from the two recorded cameras, see `camera_motion`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

from ..building.camera_motion import TEMPLATE_FIELDS, CameraMotion, camera_motion
from ..building.pairs.camera_json import recorded_camera
from ..core.errors import InputError
from ..files.json_files import read_text

SCENE_PROMPT_NAME = "prompt.txt"


def one_line(text: str) -> str:
    """A text without line breaks and double spaces: some trainers take each line for a caption."""
    return " ".join(text.split())


@dataclass(frozen=True)
class Prompts:
    """Where captions come from; a scene's own `prompt.txt` comes before all of these.

    Attributes:
        choices: Captions, one of which is drawn for a pair; empty where none were given.
        template: A caption with fields of `TEMPLATE_FIELDS`; None where none was given.
    """

    choices: Sequence[str] = ()
    template: str | None = None

    @property
    def are_given(self) -> bool:
        """Whether the user named any caption for all scenes."""
        return bool(self.choices or self.template)

    def caption(self, key: str, cameras: Mapping[str, Any]) -> str | None:
        """The caption of a pair, or None where none was given.

        A pair draws the choice whose hash with the pair is highest: another line in the file moves
        only the pairs that draw that line.

        Args:
            key: What names the pair.
            cameras: `PairRecord.cameras`.

        Raises:
            ValueError: The template needs cameras that the record does not have.
        """
        if self.template is not None:
            return one_line(self.template.format_map(_motion(cameras).fields()))
        if self.choices:
            return max(self.choices, key=lambda choice: _digest(key, choice))
        return None


def _motion(cameras: Mapping[str, Any]) -> CameraMotion:
    reference, target = (recorded_camera(cameras, role) for role in ("reference", "target"))
    return camera_motion(reference, target)


def _digest(key: str, choice: str) -> bytes:
    return hashlib.sha256(f"{key}\0{choice}".encode(errors="surrogatepass")).digest()


def checked_prompt(text: str) -> str:
    """A prompt of a user's, on one line.

    Raises:
        ValueError: It is empty.
    """
    prompt = one_line(text)
    if not prompt:
        raise ValueError("found an empty prompt, need words")
    return prompt


def checked_template(text: str) -> str:
    """A prompt template of a user's.

    Raises:
        ValueError: It is empty, malformed, or names a field that there is none of.
    """
    template = checked_prompt(text)
    for _, name, specification, _ in Formatter().parse(template):
        if name is not None and (name not in TEMPLATE_FIELDS or specification):
            known = ", ".join(f"{{{field}}}" for field in TEMPLATE_FIELDS)
            raise ValueError(f"found the field {name!r}, need one of {known}")
    return template


def read_prompt_file(path: Path) -> tuple[str, ...]:
    """The prompts of a file, one a line; blank lines and repetitions are left out.

    Raises:
        InputError: The file cannot be read or holds no prompt.
    """
    lines = (one_line(line) for line in _read(path).splitlines())
    prompts = tuple(dict.fromkeys(line for line in lines if line))
    if not prompts:
        raise InputError(f"{path}: found no prompt, need at least one line with words")
    return prompts


def read_scene_prompt(scene: Path) -> str | None:
    """The caption in a scene's `prompt.txt`; None where there is no such file.

    Raises:
        InputError: The file cannot be read or is empty.
    """
    path = scene / SCENE_PROMPT_NAME
    if not os.path.lexists(path):
        return None
    prompt = one_line(_read(path))
    if not prompt:
        raise InputError(f"{path}: found no words, need a caption; write one or remove the file")
    return prompt


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(f"{path}: cannot be read ({reason}); need lines of UTF-8 text") from error
