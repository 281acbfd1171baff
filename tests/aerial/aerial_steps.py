"""A step that tests run in processes of its own; light, since every process imports it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aerial_megadepth.scenes.scene_process import IncompleteScene
from warpset.core.errors import InputError
from warpset.files.json_files import read_text


@dataclass(frozen=True)
class CopyStep:
    """Copies `in/<scene>` to `out/<scene>/copy`; what the input says decides how that ends."""

    root: Path
    suffix: str = "copy"
    name = "copy"

    def options(self) -> Mapping[str, object]:
        return {"suffix": self.suffix}

    def inputs(self, scene: str) -> Sequence[Path]:
        return [self.root / "in" / scene]

    def output(self, scene: str) -> Path:
        return self.root / "out" / scene

    def make(self, scene: str, folder: Path) -> str:
        source = self.inputs(scene)[0]
        if not source.is_file():
            raise InputError(f"{source}: is missing")
        try:
            text = read_text(source)
        except (OSError, ValueError) as error:
            raise InputError(f"{source}: cannot be read ({error})") from error
        (folder / self.suffix).write_text(text)
        if text == "abort":
            os.abort()
        if text == "error":
            raise RuntimeError("broken")
        if text == "kill":
            raise KeyboardInterrupt
        if text == "half":
            raise IncompleteScene("half of it", ["a.jpg: is broken"])
        return f"made {text}"
