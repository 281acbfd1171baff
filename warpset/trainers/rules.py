"""What trainers would do with a finished export: their rules, replayed; it changes nothing.

The rows come from `trainer_rows`, which finds files as the loaders do; here they are judged.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from ..core.errors import InputError
from .export_pictures import UPRIGHT, PictureFacts, look_at
from .rows import CONTROL_EXTENSIONS, Member, TrainerRow, pictures_in, read_rows

SHOWN = 20
"""So many findings of one kind are listed; the rest is counted."""


class Consequences(NamedTuple):
    """What a trainer does about a fault.

    Attributes:
        missing: A row's member is not there.
        upper_case: An extension is not in lower case.
        rotated: A picture relies on EXIF to be upright.
        uncaptioned: A row has no words.
    """

    missing: str
    upper_case: str = "its extension is safe in lower case only"
    rotated: str = "the loader may or may not turn it"
    uncaptioned: str = "the pair is trained on an empty prompt"


CONSEQUENCES = {
    "modelscope": Consequences(
        missing="DiffSynth-Studio stops with FileNotFoundError when the row comes up",
        rotated="DiffSynth-Studio ignores EXIF and trains on it lying on its side",
    ),
    "aitoolkit": Consequences(
        missing="AI Toolkit trains the pair without it and says nothing",
        upper_case="AI Toolkit looks for .jpg, .jpeg, .png and .webp only and says nothing",
        rotated="AI Toolkit chooses the bucket before it turns the picture",
        uncaptioned="AI Toolkit trains the pair on an empty prompt and says nothing",
    ),
    "musubi": Consequences(missing="musubi-tuner stops while it caches latents"),
    "simpletuner": Consequences(
        missing="SimpleTuner stops: control tensors do not match the batch size",
    ),
    "difix": Consequences(
        missing="Difix3D+ says 'Error loading image' and takes the next pair, or stops",
        rotated="Difix3D+ ignores EXIF and trains on it lying on its side",
    ),
    "hf": Consequences(missing="load_dataset stops with FileNotFoundError"),
    "webdataset": Consequences(missing="the sample lacks a field and to_tuple stops"),
}

AITOOLKIT_STEPS_PX = {"Qwen-Image-Edit-2509": 32, "FLUX.2": 16}
"""Models whose controls AI Toolkit leaves whole while it crops the target, and their bucket step.

AI Toolkit: `use_raw_control_images` and `get_bucket_divisibility` of the model.
"""

DIFFSYNTH_STEP_PX = 16
MUSUBI_STEP_PX = 16
DIFIX_SIZE_WH = (1024, 576)


@dataclass
class Findings:
    """What was found in an export.

    Attributes:
        faults: A line each for what harms training.
        notes: A line each for what is worth knowing.
        rows: How many pairs the trainer sees.
    """

    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rows: int = 0

    def add(self, lines: Sequence[str]) -> None:
        """Add faults of one kind, the first of them listed."""
        self.faults += lines[:SHOWN]
        if len(lines) > SHOWN:
            self.faults.append(f"... and {len(lines) - SHOWN} more of these")


def validate_export(layout: str, folder: Path, resolutions: Sequence[int]) -> Findings:
    """Replay a trainer's rules on a finished export.

    Args:
        layout: Name of the layout.
        folder: The export.
        resolutions: Resolutions to train at.

    Raises:
        InputError: There is no such folder.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: found no such folder, need a finished export; export first")
    reading = read_rows(layout, folder)
    findings = Findings(rows=len(reading.rows))
    findings.add(reading.faults)
    if not reading.rows:
        findings.add([f"{folder}: found no pairs, need some to train on; export again"])
    judge = _Judge(CONSEQUENCES[layout])
    for row in reading.rows:
        judge.judge_row(row)
    judge.judge_names(reading.rows)
    for lines in judge.faults.values():
        findings.add(lines)
    for size_wh, count in sorted(judge.sizes.items()):
        for resolution in resolutions:
            _judge_crop(layout, size_wh, resolution, count, findings)
    return findings


class _Judge:
    """Collects faults of rows, by kind."""

    def __init__(self, consequences: Consequences):
        self._consequences = consequences
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.sizes: Counter[tuple[int, int]] = Counter()

    def judge_row(self, row: TrainerRow) -> None:
        """Find what is wrong with the members of one row."""
        sizes = {}
        for kind, member in row.members.items():
            if member is None:
                self._add("missing", f"{row.name}: found no {kind}; {self._consequences.missing}")
            elif (facts := self._look(member, f"{row.name}, {kind}")) is not None:
                sizes[kind] = facts.size_wh
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{kind} {wh[0]}x{wh[1]}" for kind, wh in sizes.items())
            self._add("size", f"{row.name}: sizes differ ({listed}); the warp does not line up")
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

    def _look(self, member: Member, name: str) -> PictureFacts | None:
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


def _judge_crop(
    layout: str, size_wh: tuple[int, int], resolution: int, count: int, findings: Findings
) -> None:
    """Say what a trainer cuts off pictures of one size."""
    pairs = f"{count} pair{'' if count == 1 else 's'}"
    if layout == "aitoolkit":
        for model, step_px in AITOOLKIT_STEPS_PX.items():
            bucket_wh = aitoolkit_bucket(size_wh, resolution, step_px)
            if lost := lost_share(size_wh, bucket_wh):
                findings.faults.append(
                    f"{pairs}: AI Toolkit at resolution {resolution} crops targets of "
                    f"{_by(size_wh)} to {_by(bucket_wh)} for {model} ({lost}) and leaves "
                    "controls whole, so that the warp no longer lines up; see --resize"
                )
    elif layout in RASTERS:
        trainer, raster = RASTERS[layout]
        raster_wh = raster(size_wh, resolution)
        if lost := lost_share(size_wh, raster_wh):
            findings.notes.append(
                f"{pairs}: {trainer} at resolution {resolution} crops {_by(size_wh)} to "
                f"{_by(raster_wh)} ({lost}), target and controls alike"
            )
    elif layout == "difix" and size_wh[0] * DIFIX_SIZE_WH[1] != size_wh[1] * DIFIX_SIZE_WH[0]:
        line = f"{pairs}: Difix3D+ stretches {_by(size_wh)} to {_by(DIFIX_SIZE_WH)}, all alike"
        if line not in findings.notes:
            findings.notes.append(line)


def _by(size_wh: tuple[int, int]) -> str:
    return f"{size_wh[0]}x{size_wh[1]}"


def aitoolkit_bucket(size_wh: tuple[int, int], resolution: int, step_px: int) -> tuple[int, int]:
    """Width and height that AI Toolkit cuts a target to.

    AI Toolkit, `toolkit/buckets.py`: shrink to at most resolution² pixels, never enlarge; of the
    four roundings of both sides to steps, take the one nearest to that area, not above resolution².
    """
    most = resolution**2
    area = min(size_wh[0] * size_wh[1], most)
    scale = math.sqrt(area / (size_wh[0] * size_wh[1]))
    widths, heights = (
        [rounded(side * scale / step_px) * step_px for rounded in (math.floor, math.ceil)]
        for side in size_wh
    )
    roundings = [wh for wh in itertools.product(widths, heights) if 0 < wh[0] * wh[1] <= most]
    smallest = (max(widths[0], step_px), max(heights[0], step_px))
    return min(roundings, key=lambda wh: abs(wh[0] * wh[1] - area), default=smallest)


def diffsynth_raster(size_wh: tuple[int, int], resolution: int) -> tuple[int, int]:
    """Width and height that DiffSynth-Studio cuts each picture to.

    DiffSynth-Studio, `ImageCropAndResize`: shrink to `max_pixels`, then down to multiples of 16.
    """
    scale = max(1.0, math.sqrt(size_wh[0] * size_wh[1] / resolution**2))
    width, height = (int(side / scale) // DIFFSYNTH_STEP_PX * DIFFSYNTH_STEP_PX for side in size_wh)
    return width, height


def musubi_bucket(size_wh: tuple[int, int], resolution: int) -> tuple[int, int]:
    """Width and height that musubi-tuner cuts each picture to, with `bucket_no_upscale`.

    musubi-tuner, `BucketSelector`: up to resolution² pixels both sides go down to multiples of 16;
    above, the bucket of that area with the nearest proportions is taken.
    """
    width, height = size_wh
    if width * height <= resolution**2:
        return width // MUSUBI_STEP_PX * MUSUBI_STEP_PX, height // MUSUBI_STEP_PX * MUSUBI_STEP_PX
    least = resolution // 2 // MUSUBI_STEP_PX * MUSUBI_STEP_PX
    sides = range(least, resolution + MUSUBI_STEP_PX, MUSUBI_STEP_PX)
    shapes = [(side, resolution**2 // side // MUSUBI_STEP_PX * MUSUBI_STEP_PX) for side in sides]
    buckets = sorted({*shapes, *((height, width) for width, height in shapes)})
    return min(buckets, key=lambda wh: abs(wh[0] / wh[1] - width / height))


RASTERS = {
    "modelscope": ("DiffSynth-Studio", diffsynth_raster),
    "musubi": ("musubi-tuner", musubi_bucket),
}
"""Trainers that cut target and controls alike, and what they cut them to."""


def lost_share(size_wh: tuple[int, int], raster_wh: tuple[int, int]) -> str | None:
    """What a centred crop takes away after a picture was scaled to cover a raster.

    Returns:
        Such as `7.5 % of its height`; None where the picture stays whole.
    """
    scale = max(Fraction(raster, side) for raster, side in zip(raster_wh, size_wh, strict=True))
    for side, raster, name in zip(size_wh, raster_wh, ("width", "height"), strict=True):
        scaled = math.ceil(side * scale)
        if scaled > raster:
            return f"{100 * (1 - raster / scaled):.1f} % of its {name}"
    return None
