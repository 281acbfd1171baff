"""What trainers would do with a finished export: their rules, replayed; it changes nothing.

The rows come from each trainer's reader, which finds files as the loaders do; here they are judged.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..core.errors import InputError
from ..core.sizes import DEFAULT_RESOLUTION
from .base_models import BASE_MODELS
from .export import chosen_model
from .export_folder import read_manifest
from .export_pictures import UPRIGHT, PictureFacts, look_at
from .findings import Consequences, Findings
from .grids import Size, by, lost_share
from .rows import CONTROL_EXTENSIONS, Member, Reading, TrainerRow, pictures_in
from .trainer import Trainer, Training
from .videos import VideoFacts, is_clip, look_at_video

SHIFT_PX = 0.5
"""Target and control closer than this, in pixels of the source, count as lined up: trainers round
sides to whole pixels when they scale, which moves edges by up to half of one."""


def validate_export(
    trainer: Trainer,
    folder: Path,
    resolutions: Sequence[int] | None = None,
    base_model: str | None = None,
) -> Findings:
    """Replay a trainer's rules on a finished export.

    Args:
        trainer: The trainer that it is for.
        folder: The export.
        resolutions: Resolutions to train at; None for 1024.
        base_model: Key of `BASE_MODELS`; None for the one that the export was made for.

    Raises:
        InputError: There is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: found no such folder, need a finished export; export first")
    reading = read_rows(trainer, folder)
    findings = Findings(rows=len(reading.rows), notes=list(trainer.notes))
    findings.add(reading.faults)
    if not reading.rows:
        findings.add([f"{folder}: found no pairs, need some to train on; export again"])
    judge = _Judge(trainer.consequences)
    for row in reading.rows:
        judge.judge_row(row)
    judge.judge_names(reading.rows)
    for lines in judge.faults.values():
        findings.add(lines)
    model = chosen_model(trainer, base_model or _recorded_model(folder, trainer, findings))
    for size_wh, count in sorted(judge.sizes.items()):
        for resolution in resolutions or (DEFAULT_RESOLUTION,):
            training = Training(resolution, model, reading.matches_target)
            _judge_grids(trainer, size_wh, count, training, findings)
    return findings


def _recorded_model(folder: Path, trainer: Trainer, findings: Findings) -> str | None:
    """The base model that an export was made for; None where it does not say."""
    try:
        model = read_manifest(folder, trainer.name).base_model
    except InputError as error:
        findings.add([str(error)])
        return None
    return model if model in trainer.models else None


def _judge_grids(
    trainer: Trainer, size_wh: Size, count: int, training: Training, findings: Findings
) -> None:
    """Say how target and controls of one size come to lie, where not as they are."""
    if trainer.trained is None:
        return
    target, control = fit = trainer.trained(size_wh, training)
    model = f" for {BASE_MODELS[training.model].title}" if training.model else ""
    where = (
        f"{count} pair{'' if count == 1 else 's'}: {trainer.title} at resolution "
        f"{training.resolution}{model}"
    )
    if fit.shift_px > SHIFT_PX or not fit.same_grid:
        findings.faults.append(
            f"{where} trains targets of {by(size_wh)} on {by(target.size_wh)} and controls on "
            f"{by(control.size_wh)}, up to {fit.shift_px:.1f} px apart, so that the warp does not "
            "line up; crop pictures to a size that it keeps whole"
        )
    elif lost := lost_share(size_wh, target):
        sizes = f"{by(size_wh)} to {by(target.size_wh)} ({lost})"
        findings.notes.append(f"{where} crops {sizes}, target and controls alike")
    elif size_wh[0] * target.size_wh[1] != size_wh[1] * target.size_wh[0]:
        findings.notes.append(f"{where} stretches {by(size_wh)} to {by(target.size_wh)}, all alike")


def read_rows(trainer: Trainer, folder: Path) -> Reading:
    """The rows of an export as its trainer sees them, both sides of a split."""
    reading = Reading()
    for number, side in enumerate(trainer.sides):
        if number == 0 or (folder / side).is_dir():
            trainer.read(folder / side, reading)
    return reading


class _Judge:
    """Collects faults of rows, by kind."""

    def __init__(self, consequences: Consequences):
        self._consequences = consequences
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.sizes: Counter[tuple[int, int]] = Counter()

    def judge_row(self, row: TrainerRow) -> None:
        """Find what is wrong with the members of one row."""
        sizes, videos = {}, {}
        for kind, member in row.members.items():
            if member is None:
                self._add("missing", f"{row.name}: found no {kind}; {self._consequences.missing}")
            elif isinstance(member, Path) and is_clip(member):
                if (video := self._video_facts(member)) is not None:
                    videos[kind], sizes[kind] = video, video.size_wh
            elif (facts := self._facts(member, f"{row.name}, {kind}")) is not None:
                sizes[kind] = facts.size_wh
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{kind} {wh[0]}x{wh[1]}" for kind, wh in sizes.items())
            self._add("size", f"{row.name}: sizes differ ({listed}); the warp does not line up")
        self._judge_lengths(row.name, videos)
        if "target" in sizes:
            self.sizes[sizes["target"]] += 1
        numbers = {_number(member) for member in row.members.values() if isinstance(member, Path)}
        if len(numbers) > 1:
            self._add(
                "number",
                f"{row.name}: members of several numbers {sorted(numbers)}; it mixes pairs",
            )
        if not (row.caption or "").strip():
            self._add("caption", f"{row.name}: no caption; {self._consequences.uncaptioned}")

    def _video_facts(self, member: Path) -> VideoFacts | None:
        try:
            return look_at_video(member)
        except InputError as error:
            self._add("corrupt", f"{error}; the loader stops or trains on what it could read")
            return None

    def _judge_lengths(self, name: str, videos: Mapping[str, VideoFacts]) -> None:
        """Find videos of one row that are not equally long, or not of 4n+1 frames."""
        listed = ", ".join(f"{kind} {video.frames}" for kind, video in videos.items())
        if len({video.frames for video in videos.values()}) > 1:
            self._add("length", f"{name}: videos differ in frames ({listed}); they run apart")
        elif not all(video.is_whole for video in videos.values()):
            self._add("length", f"{name}: found {listed} frames, need 4n+1; the loader drops some")

    def _facts(self, member: Member, name: str) -> PictureFacts | None:
        try:
            facts = look_at(member if isinstance(member, Path) else member.read_bytes(), name)
        except InputError as error:
            self._add("corrupt", f"{error}; the loader stops or leaves the pair out")
            return None
        if facts.orientation != UPRIGHT:
            self._add(
                "rotated",
                f"{name}: EXIF orientation {facts.orientation}; {self._consequences.rotated}",
            )
        return facts

    def judge_names(self, rows: Sequence[TrainerRow]) -> None:
        """Find odd names, and pictures of no row, in the folders where rows have pictures."""
        used = {path for row in rows for path in row.members.values() if isinstance(path, Path)}
        for folder in sorted({path.parent for path in used}):
            pictures = pictures_in(folder)
            extensions = Counter(path.stem for path in pictures)
            for path in pictures:
                self._judge_name(path, extensions[path.stem])
                if path not in used:
                    self._add(
                        "stray",
                        f"{path}: belongs to no pair, is misnumbered or left over; "
                        "the loader leaves it out",
                    )

    def _judge_name(self, path: Path, extensions: int) -> None:
        if path.suffix != path.suffix.lower():
            self._add("case", f"{path}: extension in capitals; {self._consequences.upper_case}")
        if extensions > 1 or Path(path.stem).suffix.lower() in CONTROL_EXTENSIONS:
            self._add(
                "double",
                f"{path}: its stem has two extensions; loaders take either, or both as two pairs "
                "with one caption",
            )

    def _add(self, kind: str, line: str) -> None:
        self.faults[kind].append(line)


def _number(path: Path) -> int:
    digits = re.match(r"\d+", path.name)
    return int(digits[0]) if digits else 0
