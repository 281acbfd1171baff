"""Which recorded pairs go into an export, and on which side of a split; no trainers, no pixels."""

from __future__ import annotations

import hashlib
import logging
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..building.pairs.record import RECORDS_NAME, PairRecord, read_records
from ..building.scores import Quality
from ..core.errors import MAX_REASON, InputError, looking_into
from ..core.natural_order import sorted_naturally
from ..files.json_files import read_text

log = logging.getLogger(__name__)

Report = Callable[[str], None]
"""What takes a line about something that could not be done."""


@dataclass(frozen=True)
class RecordedPair:
    """A pair that the main script made.

    Attributes:
        folder: Folder of the scene's pairs.
        record: What is known of the pair.
    """

    folder: Path
    record: PairRecord

    @property
    def scene(self) -> str:
        """Name of the scene."""
        return self.folder.name

    @property
    def key(self) -> str:
        """`<scene>/<pair>`, as accept and reject lists name the pair."""
        return f"{self.scene}/{self.record.name}"

    def path(self, kind: str) -> Path:
        """Where one of the pair's files lies.

        Raises:
            InputError: The record names no such file, or it is not there.
        """
        name = self.record.files.get(kind)
        path = self.folder / (name or f"{self.record.name}_{kind}")
        if name is None or not path.is_file():
            raise InputError(f"{path}: found no such file, need the {kind} of pair {self.key}")
        return path


@dataclass(frozen=True)
class Selection:
    """Which pairs are wanted.

    Attributes:
        quality: Bounds on their scores.
        accepted: Keys of the pairs to take; None takes all.
        rejected: Keys of the pairs to leave out.
    """

    quality: Quality = Quality()
    accepted: frozenset[str] | None = None
    rejected: frozenset[str] = frozenset()

    def wants(self, pair: RecordedPair) -> bool:
        """Whether a pair is to be exported."""
        if self.accepted is not None and pair.key not in self.accepted:
            return False
        rejection = self.quality.rejection(pair.record.scores)
        return pair.key not in self.rejected and rejection is None


def find_pairs(
    output_dir: Path, report: Report = log.warning, records_name: str = RECORDS_NAME
) -> list[RecordedPair]:
    """The pairs that the main script wrote below its output folder, see `find_recorded_pairs`.

    Raises:
        InputError: The folder is missing, holds no pair, or holds two scenes of one name.
    """
    recorded = find_recorded_pairs(output_dir, report, records_name)
    pairs = [pair for pair in recorded if not pair.record.rejected]
    if not pairs:
        things = "pairs" if records_name == RECORDS_NAME else "clips"
        raise InputError(
            f"{output_dir}: found no {things}, need some to export; run build_warp_dataset.py first"
        )
    return pairs


def find_recorded_pairs(
    output_dir: Path, report: Report, records_name: str = RECORDS_NAME
) -> list[RecordedPair]:
    """All pairs on record, those that were rejected too, scenes and pairs in natural order.

    A scene whose records cannot be read is reported.

    Raises:
        InputError: The folder is missing or cannot be looked into, or holds two scenes of one name.
    """
    if not output_dir.is_dir():
        raise InputError(
            f"{output_dir}: found no such folder, need the pairs of build_warp_dataset.py; "
            "name its output folder"
        )
    return [*stream_recorded_pairs(output_dir, report, records_name)]


def stream_recorded_pairs(
    output_dir: Path, report: Report, records_name: str = RECORDS_NAME
) -> Iterator[RecordedPair]:
    """The same, one scene's records in memory at a time.

    Raises:
        InputError: The folder cannot be looked into, or holds two scenes of one name.
    """
    with looking_into(output_dir):
        scenes = [path for path in output_dir.iterdir() if _is_scene(path, records_name)]
    _check_names(output_dir, scenes)
    for scene in sorted_naturally(scenes):
        try:
            yield from _pairs_of(scene, records_name)
        except InputError as error:
            report(f"{error}; scene {scene.name} left out")


def _pairs_of(scene: Path, records_name: str) -> list[RecordedPair]:
    """The pairs of a scene in canonical order; of two records of one pair the later counts.

    Raises:
        InputError: The records cannot be read, or there is none though pictures are there.
    """
    records = {record.name: record for record in read_records(scene, records_name)}
    if not records and _holds_pictures(scene, records_name):
        raise InputError(
            f"{scene / records_name}: found no record, but pictures of pairs; run "
            "build_warp_dataset.py again to have them made anew"
        )
    ordered = sorted(records.values(), key=lambda record: record.sort_key)
    return [RecordedPair(scene, record) for record in ordered]


def _is_scene(folder: Path, records_name: str) -> bool:
    try:
        return (folder / records_name).exists() or _holds_pictures(folder, records_name)
    except NotADirectoryError:
        return False
    except PermissionError:  # said when it is read
        return True


def _holds_pictures(scene: Path, records_name: str) -> bool:
    """Whether targets lie in a folder: pictures of pairs, or films of clips."""
    of_clips = records_name != RECORDS_NAME
    return any(of_clips == (path.suffix == ".mp4") for path in scene.glob("*_target.*"))


def _check_names(output_dir: Path, scenes: Iterable[Path]) -> None:
    """Names that differ in case or Unicode form only are one name to other file systems."""
    seen: dict[str, str] = {}
    for scene in sorted_naturally(scenes):
        name = unicodedata.normalize("NFC", scene.name).casefold()
        if name in seen:
            raise InputError(
                f"{output_dir}: found two scenes of one name, {seen[name]} and {scene.name}; "
                "rename one"
            )
        seen[name] = scene.name


def select_pairs(pairs: Sequence[RecordedPair], selection: Selection) -> list[RecordedPair]:
    """The wanted pairs, in order.

    Raises:
        InputError: None is left.
    """
    wanted = [pair for pair in pairs if selection.wants(pair)]
    if not wanted:
        raise InputError(
            f"{pairs[0].folder.parent}: found {len(pairs)} pairs, none is left after filters and "
            "lists; loosen them"
        )
    return wanted


def read_pair_list(path: Path, pairs: Iterable[RecordedPair], report: Report) -> frozenset[str]:
    """The pairs that an accept or reject list names, one `<scene>/<pair>` a line.

    Blank lines are left out, and lines that start with # unless they name a pair; other lines that
    name no pair are reported.

    Raises:
        InputError: The list cannot be read.
    """
    try:
        lines = read_text(path).splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); need one scene/pair a line") from error
    known = {pair.key for pair in pairs}
    listed = {line.strip() for line in lines if line.strip()}
    keys = {key for key in listed if key in known or not key.startswith("#")}
    unknown = sorted(keys - known)
    if unknown:
        such_as = unknown[0][:MAX_REASON]
        report(f"{path}: {len(unknown)} of {len(keys)} lines name no pair, such as {such_as}")
    return frozenset(keys)


def is_validation(scene: str, share: float | None) -> bool:
    """Whether a scene belongs to the validation side of a split.

    The answer hangs on the scene's name alone: all its pairs stay together, and other scenes
    change nothing.

    Args:
        scene: Name of the scene.
        share: Share of scenes for validation, 0..1; None for no split.
    """
    if share is None:
        return False
    digest = hashlib.sha256(scene.encode(errors="surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
