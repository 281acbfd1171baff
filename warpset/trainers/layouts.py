"""Pairs to trainers' layouts: a table of layouts, one loop that copies; no torch, no geometry."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ..building.pairs.plan import TRIPLET
from ..core.errors import InputError
from ..core.sizes import preset_size
from .aitoolkit_config import describe_aitoolkit
from .captions import Prompts, read_scene_prompt
from .export_folder import ExportFolder, Manifest, read_manifest, recover
from .export_pictures import Picture, common_size, prepare_picture
from .layout_documents import (
    TRAIN,
    VALIDATION,
    Describe,
    Documents,
    ExportContext,
    ExportedRow,
    describe_difix,
    describe_hf,
    describe_modelscope,
    describe_musubi,
    describe_simpletuner,
    diffsynth_command,
)
from .pair_selection import RecordedPair, Report, is_validation
from .shards import ShardWriters

log = logging.getLogger(__name__)

FIX_PROMPT = "refer to image 2, fix the distortion and blank areas in image 1"


@dataclass(frozen=True)
class Layout:
    """How a trainer wants its pairs.

    Attributes:
        name: Name of the layout.
        trainer: Name of the trainer, for people.
        members: Path of each kind of file; a mask is left out where pairs have none.
        describe: Makes the text files beside the pictures; None where there are none.
        caption: Path of a pair's caption; None where captions stand in a table only.
        caption_always: Whether the file is written without a given prompt as well, because the
            trainer reads captions nowhere else.
        train_folder: Where the training side lies; the other side lies in `validation/`.
        default_prompt: The caption of pairs where none is given.
        in_shards: Whether the files go into tar files, a pair's facts beside them.
        command: The command line that trains; None where the trainer needs more than that.
    """

    name: str
    trainer: str
    members: Mapping[str, str]
    describe: Describe | None = None
    caption: str | None = None
    caption_always: bool = False
    train_folder: str = ""
    default_prompt: str = FIX_PROMPT
    in_shards: bool = False
    command: Callable[[ExportContext], str] | None = None


_FOLDERS = {kind: f"{kind}/{{number}}.{{extension}}" for kind in TRIPLET}
_MASK_FOLDER = {"mask": "mask/{number}.png"}

LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout(
            "modelscope",
            "DiffSynth-Studio",
            {
                "splats": "{number}_start_1.{extension}",
                "reference": "{number}_start_2.{extension}",
                "target": "{number}_end.{extension}",
            },
            describe_modelscope,
            caption="{number}.txt",
            command=diffsynth_command,
        ),
        Layout(
            "aitoolkit",
            "AI Toolkit",
            {
                "splats": "control1/{number}.{extension}",
                "reference": "control2/{number}.{extension}",
                "target": "target/{number}.{extension}",
                **_MASK_FOLDER,
            },
            describe_aitoolkit,
            caption="target/{number}.txt",
        ),
        Layout("musubi", "musubi-tuner", _FOLDERS, describe_musubi),
        Layout(
            "simpletuner",
            "SimpleTuner",
            _FOLDERS,
            describe_simpletuner,
            caption="target/{number}.txt",
            caption_always=True,
        ),
        Layout("difix", "Difix3D+", _FOLDERS, describe_difix, default_prompt="remove degradation"),
        Layout(
            "hf",
            "Hugging Face datasets",
            {**_FOLDERS, **_MASK_FOLDER},
            describe_hf,
            train_folder=f"{TRAIN}/",
        ),
        Layout(
            "webdataset",
            "WebDataset",
            {
                **{kind: f"{{number}}.{kind}.{{extension}}" for kind in TRIPLET},
                "mask": "{number}.mask.png",
            },
            caption="{number}.txt",
            caption_always=True,
            in_shards=True,
        ),
    )
}
"""The layouts by name."""


@dataclass(frozen=True)
class ExportOptions:
    """How to export.

    Attributes:
        validation_share: Share of scenes for validation; None for no split.
        resize: Key of `size_presets.SIZE_PRESETS`, or width and height; None resizes nothing.
        link: Hard-link what needs no change instead of copying it.
        number_digits: Least digits of a number, filled up with zeros.
        resolutions: See `ExportContext`.
        dry_run: Only look whether all files are there.
        quiet: No progress bars.
    """

    validation_share: float | None = None
    resize: str | tuple[int, int] | None = None
    link: bool = False
    number_digits: int = 1
    resolutions: Sequence[int] = (1024,)
    dry_run: bool = False
    quiet: bool = False


def export_pairs(
    layout: Layout,
    pairs: Sequence[RecordedPair],
    prompts: Prompts,
    place: Path,
    options: ExportOptions,
    report: Report,
) -> list[ExportedRow]:
    """Lay pairs out for a trainer; pairs that cannot be exported are reported, the others go on.

    Args:
        layout: What the trainer wants.
        pairs: The pairs, in the order that new ones are numbered in.
        prompts: Where captions come from.
        place: The export's folder, absolute.
        options: How to export.
        report: Takes a line about each pair or scene that cannot be exported.

    Returns:
        The pairs as they lie in the export.

    Raises:
        InputError: Nothing could be exported, or the folder holds something else.
        OSError: The folder cannot be written; the earlier export is as it was.
    """
    if not options.dry_run:
        recover(place)
    manifest = read_manifest(place, layout.name)
    exporter = _Exporter(layout, prompts, options, manifest)
    if options.dry_run:
        return exporter.lay_out(pairs, lambda row, pictures: None, report)
    with ExportFolder(place, manifest.files) as folder:
        if layout.in_shards:
            with ShardWriters(folder) as shards:
                rows = exporter.lay_out(pairs, shards.write, report)
        else:
            write = partial(_write_files, folder, options.link)
            rows = exporter.lay_out(pairs, write, report)
        for name, text in exporter.documents(rows, place).items():
            folder.add(name, _encoded(text))
        folder.put_in_place(manifest)
    return rows


WriteRow = Callable[[ExportedRow, Mapping[str, Picture]], None]


def _write_files(
    folder: ExportFolder, link: bool, row: ExportedRow, pictures: Mapping[str, Picture]
) -> None:
    for kind, picture in pictures.items():
        folder.add(row.place(kind), picture.content, link)
    if row.caption_file is not None:
        folder.add(row.folder + row.caption_file, _encoded(row.caption))


def _encoded(text: str) -> bytes:
    """UTF-8, in which names from the file system come out as they are there."""
    return text.encode(errors="surrogateescape")


class _Exporter:
    """Turns pairs into rows of one layout."""

    def __init__(
        self, layout: Layout, prompts: Prompts, options: ExportOptions, manifest: Manifest
    ):
        self._layout, self._prompts, self._options = layout, prompts, options
        self._manifest = manifest

    def lay_out(
        self, pairs: Sequence[RecordedPair], write: WriteRow, report: Report
    ) -> list[ExportedRow]:
        """The one loop: look at a pair's pictures, number it, write it."""
        rows = []
        kinds = _common_kinds(self._layout, pairs)
        scene_prompts = _scene_prompts(pairs, report)
        usable = [pair for pair in pairs if pair.folder in scene_prompts]
        for pair in tqdm(usable, desc=self._layout.name, unit="pair", disable=self._options.quiet):
            try:
                pictures = self._pictures(pair, kinds)
                caption = scene_prompts[pair.folder] or self._prompts.caption(
                    pair.key, pair.record.cameras
                )
            except (InputError, ValueError) as error:
                report(f"{error}; pair {pair.key} left out")
                continue
            row = self._row(pair, pictures, caption)
            write(row, pictures)
            rows.append(row)
        if not rows:
            raise InputError(f"{pairs[0].folder.parent}: no pair could be exported")
        return rows

    def documents(self, rows: Sequence[ExportedRow], place: Path) -> Documents:
        """The text files beside the pictures."""
        if self._layout.describe is None:
            return {}
        context = ExportContext(place, self._options.resolutions, self._layout.default_prompt)
        return self._layout.describe(rows, context)

    def _pictures(self, pair: RecordedPair, kinds: Sequence[str]) -> dict[str, Picture]:
        paths = {kind: pair.path(kind) for kind in kinds}
        size_wh = self._size(paths)
        return {kind: prepare_picture(path, kind, size_wh) for kind, path in paths.items()}

    def _size(self, paths: Mapping[str, Path]) -> tuple[int, int] | None:
        resize = self._options.resize
        if resize is None:
            return None
        size_wh = common_size(paths)
        return preset_size(resize, size_wh) if isinstance(resize, str) else resize

    def _row(
        self, pair: RecordedPair, pictures: Mapping[str, Picture], caption: str | None
    ) -> ExportedRow:
        layout = self._layout
        number = str(self._manifest.number_of(pair.key)).zfill(self._options.number_digits)
        validates = is_validation(pair.scene, self._options.validation_share)
        in_file = layout.caption is not None and (caption is not None or layout.caption_always)
        return ExportedRow(
            number=number,
            split=VALIDATION if validates else TRAIN,
            folder=f"{VALIDATION}/" if validates else layout.train_folder,
            files={
                kind: layout.members[kind].format(number=number, extension=picture.extension)
                for kind, picture in pictures.items()
            },
            caption=caption or layout.default_prompt,
            caption_file=(layout.caption or "").format(number=number) if in_file else None,
            scene=pair.scene,
            name=pair.record.name,
            size_wh=pictures["target"].size_wh,
            scores=pair.record.scores,
            licence=pair.record.licence,
        )


def _common_kinds(layout: Layout, pairs: Sequence[RecordedPair]) -> list[str]:
    """The kinds of file that the layout takes and every pair has; the triplet in any case."""
    kinds: list[str] = list(TRIPLET)
    with_mask = sum("mask" in pair.record.files for pair in pairs)
    if "mask" in layout.members and with_mask:
        if with_mask == len(pairs):
            kinds.append("mask")
        else:
            log.warning(
                f"{len(pairs) - with_mask} of {len(pairs)} pairs have no mask, so masks are left "
                "out; build them with --save-mask"
            )
    return kinds


def _scene_prompts(pairs: Sequence[RecordedPair], report: Report) -> dict[Path, str | None]:
    """Captions of scenes that have one of their own; scenes with an empty one are left out."""
    prompts = {}
    for folder in dict.fromkeys(pair.folder for pair in pairs):
        try:
            prompts[folder] = read_scene_prompt(folder)
        except InputError as error:
            report(f"{error}; scene {folder.name} left out")
    return prompts
