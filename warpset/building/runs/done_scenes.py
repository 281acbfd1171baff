"""Which scenes of a store are done, so that a later run need not fetch them to see it; no building.

A file a scene, `.run/done/<hash>.json` in the output folder: what the scene was made from (its
files as the store lists them, and the options), which files that gave, and its summary. A scene is
fetched where any of it is otherwise, and where something went wrong, so that it is said again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...core.errors import InputError
from ...files.json_files import as_record
from ...files.stores.address import Place, place
from ...files.stores.small_files import SmallFiles
from ...files.stores.store import Store, StoredFile
from ...recordings.registry import RECORDED
from ..options import BuildOptions
from ..pairs.record import TOOL_VERSION
from ..pipeline import REFINED, Backends
from ..sources.stored_scenes import scene_files
from ..summary import SceneSummary
from .ledger import RUN_FOLDER, file_name_of, options_digest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DoneScene:
    """A scene all of whose pairs are there.

    Attributes:
        scene: Its name.
        made_from: Its files and the options, hashed.
        made: The files of its output folder, hashed.
        summary: What a run that finds all of it there says.
    """

    scene: str
    made_from: str
    made: str
    summary: SceneSummary


class DoneScenes:
    """The scenes of an output folder that are done; those that are no store's are not kept.

    Args:
        output_dir: The folder.
        options: What is asked of its scenes.
        backends: What would give their geometry.
    """

    def __init__(self, output_dir: Place, options: BuildOptions, backends: Backends):
        self._files = SmallFiles(output_dir / RUN_FOLDER / "done")
        self._options, self._backends = options, backends
        self._made_from: dict[str, str] = {}

    def summary_of(self, scene: str, output: Place) -> SceneSummary | None:
        """The summary of a scene that is done; None of one that has to be fetched.

        Raises:
            InputError: A store does not answer.
            OSError: The output folder cannot be read.
        """
        source = place(scene)
        if isinstance(source, Path) or not self._options.writes:
            return None
        files = scene_files(source)
        if not files or any(file.version is None for file in files):
            return None
        made_from = _digest([options_digest(self._options), TOOL_VERSION], files)
        self._made_from[scene] = made_from  # of before it is fetched, for it may change meanwhile
        done = self._read(output.name)
        if done and done.made_from == made_from and self._is_there(done, output):
            return done.summary
        if done:
            self._files.remove([file_name_of(output.name)])
        return None

    def note(self, scene: str, output: Place, summary: SceneSummary) -> None:
        """Note that a scene's pairs are all where they go, unless something went wrong."""
        made_from = self._made_from.pop(scene, None)
        if made_from is None or summary.failure or summary.failed or summary.problems:
            return
        count = summary.written + summary.rejected + summary.kept
        told = replace(summary, written=0, rejected=0, kept=count, shown_as={}, machine=None)
        try:
            done = DoneScene(output.name, made_from, _digest([], _files_in(output)), told)
            content = json.dumps(dataclasses.asdict(done)) + "\n"
            self._files.write(file_name_of(output.name), content.encode())
        except (InputError, OSError) as error:
            log.warning(f"{output}: the next run will fetch its scene again ({error})")

    def _read(self, name: str) -> DoneScene | None:
        try:
            return as_record((self._files.read(file_name_of(name)) or b"").decode(), DoneScene)
        except ValueError:
            return None

    def _is_there(self, done: DoneScene, output: Place) -> bool:
        if self._options.force or done.made != _digest([], _files_in(output)):
            return False
        return would_give(self._backends, self._options.geometry, done.summary.geometry)


def would_give(backends: Backends, asked: str, geometry: Mapping[str, str]) -> bool:
    """Whether a scene whose files are the same would get its geometry from the same source now.

    Args:
        backends: What is at hand.
        asked: `auto`, or the name of the source to insist on.
        geometry: The source, as records name it.
    """
    refined = f", {REFINED}" if backends.refine else ""
    name, revision = geometry.get("source"), geometry.get("revision", "")
    if name == RECORDED:
        return revision.endswith(f", {REFINED}") == bool(refined)
    expected = next(iter(backends.make_estimator)) if asked == "auto" else asked
    try:
        now = backends.make_estimator[expected]().revision
    except (InputError, KeyError):  # fetching the scene says why
        return False
    return name == expected and revision == now + refined


def _files_in(folder: Place) -> list[StoredFile]:
    if not isinstance(folder, Path):
        return Store(folder).files()
    paths = (path for path in folder.rglob("*") if path.is_file())
    inside = {path.relative_to(folder).as_posix(): path.stat().st_size for path in paths}
    return [StoredFile(name, inside[name]) for name in sorted(inside)]


def _digest(said: Sequence[str], files: Sequence[StoredFile]) -> str:
    return hashlib.sha256(json.dumps([*said, *files]).encode()).hexdigest()
