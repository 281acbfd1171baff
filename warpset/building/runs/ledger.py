"""Which scenes have failed, how often and why, kept over runs and workers; no scenes are built.

A file a scene that failed, `.run/failed/<hash>.json` in the output folder. One that has failed
`MAX_FAILURES` times under the same options is set aside, so that ten thousand scenes do not wait
for the same few in every run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any

from ...core.errors import InputError, Remedy
from ...files.json_files import as_record
from ...files.stores.address import Place
from ...files.stores.small_files import SmallFiles
from ..options import BuildOptions

MAX_FAILURES = 3

RUN_FOLDER = ".run"

OF_THE_SYSTEM = frozenset(
    {
        Remedy.MODEL,
        Remedy.STEREO_ENGINE,
        Remedy.DEVICE,
        Remedy.NO_CACHE,
        Remedy.SKY_MODEL,
        Remedy.MAKE_AGAIN,
        Remedy.LOCAL_DISK,
    }
)
"""What mends errors that every scene would end in; a scene is not set aside for them."""

HOW = ("force", "quiet", "workers")
"""Options that decide nothing about what a scene's pairs are."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """A scene that failed.

    Attributes:
        scene: Its name.
        count: How often it failed in a row.
        reason: Why, the last time.
        options: The options, hashed; under others the count starts again.
    """

    scene: str
    count: int
    reason: str
    options: str


class FailureLedger:
    """The scenes of an output folder that failed.

    Args:
        output_dir: The folder.
        options: What is asked of its scenes.
    """

    def __init__(self, output_dir: Place, options: BuildOptions):
        self._files = SmallFiles(output_dir / RUN_FOLDER / "failed")
        self._options = options_digest(options)
        read = [self._read(name) for name in self._files.names()]
        self._failures = {failure.scene: failure for failure in read if failure}

    def forget_all(self) -> None:
        """Take every scene up again."""
        self._files.remove([file_name_of(scene) for scene in self._failures])
        self._failures.clear()

    def set_aside(self, scene: str) -> Failure | None:
        """The failure of a scene that is not to be tried again; None of any other."""
        failure = self._failures.get(scene)
        if failure is None or failure.options != self._options or failure.count < MAX_FAILURES:
            return None
        return failure

    def failed(self, scene: str, reason: str, times: int = 1) -> int:
        """Note that a scene failed; how often it has by now."""
        before = self._failures.get(scene)
        count = before.count if before and before.options == self._options else 0
        failure = Failure(scene, count + times, reason, self._options)
        self._failures[scene] = failure
        content = json.dumps(dataclasses.asdict(failure)) + "\n"
        self._files.write(file_name_of(scene), content.encode())
        return failure.count

    def succeeded(self, scene: str) -> None:
        """Note that a scene is done."""
        if self._failures.pop(scene, None):
            self._files.remove([file_name_of(scene)])

    def _read(self, name: str) -> Failure | None:
        try:
            return as_record((self._files.read(name) or b"").decode(), Failure)
        except ValueError:
            log.warning(f"{self._files.place / name}: cannot be read; its scene is tried again")
            return None


def is_the_scenes(error: Exception) -> bool:
    """Whether an error is about a scene, and not about what every scene needs."""
    return not (isinstance(error, InputError) and error.remedy in OF_THE_SYSTEM)


def file_name_of(scene: str) -> str:
    """A name of its own for a scene, which any file system can hold."""
    return hashlib.sha256(scene.encode(errors="surrogatepass")).hexdigest()[:32] + ".json"


def options_digest(options: BuildOptions) -> str:
    """The same text for all options that give the same pairs."""
    asked = {name: value for name, value in vars(options).items() if name not in HOW}
    text = json.dumps(asked, sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """What JSON has no word for: sets in order, dataclasses by their fields, paths as text."""
    if isinstance(value, frozenset):
        return sorted(value)
    return vars(value) if dataclasses.is_dataclass(value) else str(value)
