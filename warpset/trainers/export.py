"""Pairs into a trainer's layout: one loop that looks at pictures and copies; no geometry."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from ..building.outputs import FURTHER_REFERENCES, TRIPLET
from ..core.errors import InputError
from ..core.sizes import preset_resolution, preset_size
from ..fleet.locks import sole_writer
from .captions import Prompts, read_scene_prompt
from .documents import TRAIN, VALIDATION, Documents, ExportContext, ExportedRow
from .export_folder import ExportFolder, Manifest, read_manifest, recover
from .export_pictures import Picture, as_png, common_size, prepare_picture, weighted_mask
from .pair_selection import (
    RecordedPair,
    Report,
    Selection,
    find_pairs,
    is_validation,
    select_pairs,
)
from .registry import CLIP_TRAINERS, TRAINERS
from .trainer import Trainer
from .videos import is_clip, prepare_video

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ExportOptions:
    """How to export.

    Attributes:
        prompts: Where captions come from; a scene's own come before them.
        validation_share: Share of scenes for validation; None for no split.
        resize: Key of `core.sizes.SIZE_PRESETS`, or width and height; None resizes nothing.
        link: Hard-link what needs no change instead of copying it.
        number_digits: Least digits of a number, filled up with zeros.
        resolutions: Sides of the squares whose area is trained; None for the one that `resize` is
            for, else 1024.
        base_model: Key of `BASE_MODELS`; None for the trainer's first.
        photo_licence: Of the photos, as cards name it; empty where it is not known.
        dry_run: Only look whether all files are there.
        quiet: No progress bars.
    """

    prompts: Prompts = Prompts()
    validation_share: float | None = None
    resize: str | tuple[int, int] | None = None
    link: bool = False
    number_digits: int = 1
    resolutions: Sequence[int] | None = None
    base_model: str | None = None
    photo_licence: str = ""
    dry_run: bool = False
    quiet: bool = False


def export_pairs(
    output_dir: Path,
    trainer: str | Trainer,
    place: Path,
    options: ExportOptions | None = None,
    selection: Selection | None = None,
    report: Report = log.warning,
) -> list[ExportedRow]:
    """Lay the pairs of an output folder out for a trainer, as the export scripts do.

    Args:
        output_dir: Where the main script wrote its pairs.
        trainer: A name in `TRAINERS`, or a trainer of one's own.
        place: The export's folder.
        options: How to export; None for the defaults.
        selection: Which pairs; None for all.
        report: Takes a line about each pair or scene that cannot be exported.

    Returns:
        The pairs as they lie in the export.

    Raises:
        InputError: There are no pairs, no such trainer, or `place` holds something else.
        OSError: The folder cannot be written; the earlier export is as it was.
    """
    if isinstance(trainer, str):
        known = TRAINERS | CLIP_TRAINERS
        if trainer not in known:
            raise InputError(f"found no trainer {trainer!r}, need one of {', '.join(known)}")
        trainer = known[trainer]
    found = find_pairs(output_dir, report, trainer.records_name)
    pairs = select_pairs(found, selection or Selection())
    return lay_out_pairs(
        trainer, pairs, Path(os.path.realpath(place)), options or ExportOptions(), report
    )


def lay_out_pairs(
    trainer: Trainer,
    pairs: Sequence[RecordedPair],
    place: Path,
    options: ExportOptions,
    report: Report,
) -> list[ExportedRow]:
    """Lay pairs out for a trainer; pairs that cannot be exported are reported, the others go on.

    Args:
        trainer: Who the pairs are for.
        pairs: The pairs, in the order that new ones are numbered in.
        place: The export's folder, absolute.
        options: How to export.
        report: Takes a line about each pair or scene that cannot be exported.

    Returns:
        The pairs as they lie in the export.

    Raises:
        FolderInUseError: Another export writes to the folder.
        InputError: Nothing could be exported, or the folder holds something else.
        OSError: The folder cannot be written; the earlier export is as it was.
    """
    base_model = chosen_model(trainer, options.base_model)
    if options.dry_run:
        manifest = read_manifest(place, trainer.name)
        return _Exporter(trainer, options, manifest).lay_out(pairs, lambda *_: None, report)
    with sole_writer(place):
        recover(place)
        manifest = read_manifest(place, trainer.name)
        manifest.base_model = base_model
        return _export(pairs, _Exporter(trainer, options, manifest), place, report)


def _export(
    pairs: Sequence[RecordedPair], exporter: _Exporter, place: Path, report: Report
) -> list[ExportedRow]:
    """Build the export aside and put it in its place."""
    manifest = exporter.manifest
    with ExportFolder(place, manifest.files, exporter.trainer.caches) as folder:
        rows = exporter.fill(folder, pairs, report)
        for name, text in exporter.documents(rows, place).items():
            folder.add(name, _encoded(text))
        folder.put_in_place(manifest)
    return rows


def export_context(trainer: Trainer, place: Path, options: ExportOptions) -> ExportContext:
    """What the texts of an export are told of it."""
    model = chosen_model(trainer, options.base_model)
    resolutions = options.resolutions or (preset_resolution(options.resize),)
    licence = options.photo_licence
    prompt = trainer.default_prompt
    return ExportContext(place, resolutions, prompt, model, photo_licence=licence)


def chosen_model(trainer: Trainer, base_model: str | None) -> str:
    """The base model to write texts for; empty where the layout serves any.

    Raises:
        InputError: The trainer does not take it.
    """
    if base_model is None or not trainer.models:
        return trainer.models[0] if trainer.models else ""
    if base_model not in trainer.models:
        raise InputError(
            f"{trainer.title}: found no way to train {base_model} with splats and reference, need "
            f"one of {', '.join(trainer.models)}; choose another model or trainer"
        )
    return base_model


WriteRow = Callable[[ExportedRow, Mapping[str, Picture]], None]


def _write_files(
    folder: ExportFolder,
    trainer: Trainer,
    link: bool,
    row: ExportedRow,
    pictures: Mapping[str, Picture],
) -> None:
    for kind, picture in pictures.items():
        folder.add(row.place(kind), picture.content, link)
    if row.caption_file is not None:
        folder.add(row.folder + row.caption_file, _encoded(trainer.written_caption(row.caption)))


def _encoded(text: str) -> bytes:
    """UTF-8, in which names from the file system come out as they are there."""
    return text.encode(errors="surrogateescape")


class _Exporter:
    """Turns pairs into rows of one trainer.

    Attributes:
        trainer: Who the rows are for.
        manifest: What the earlier export left, and the base model of this one.
    """

    def __init__(self, trainer: Trainer, options: ExportOptions, manifest: Manifest):
        self.trainer, self.manifest, self._options = trainer, manifest, options

    def fill(
        self, folder: ExportFolder, pairs: Sequence[RecordedPair], report: Report
    ) -> list[ExportedRow]:
        """Write pictures and captions into a folder, packed where the trainer wants them so."""
        if self.trainer.pack is None:
            write = partial(_write_files, folder, self.trainer, self._options.link)
            return self.lay_out(pairs, write, report)
        with self.trainer.pack(folder) as packer:
            return self.lay_out(pairs, packer.write, report)

    def lay_out(
        self, pairs: Sequence[RecordedPair], write: WriteRow, report: Report
    ) -> list[ExportedRow]:
        """The one loop: look at a pair's pictures, number it, write it."""
        rows = []
        model = chosen_model(self.trainer, self._options.base_model)
        kinds = _common_kinds(self.trainer, model, pairs)
        scene_prompts = _scene_prompts(pairs, report)
        usable = [pair for pair in pairs if pair.folder in scene_prompts]
        for pair in tqdm(usable, desc=self.trainer.name, unit="pair", disable=self._options.quiet):
            try:
                pictures = self._pictures(pair, kinds)
                caption = scene_prompts[pair.folder] or self._options.prompts.caption(
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
        if self.trainer.describe is None:
            return {}
        context = export_context(self.trainer, place, self._options)
        context = replace(context, controls=len(rows[0].controls))
        return self.trainer.describe(rows, context)

    def _pictures(self, pair: RecordedPair, kinds: Sequence[str]) -> dict[str, Picture]:
        paths = {kind: pair.path(kind) for kind in kinds}
        size_wh = self._size(paths)
        pictures = {
            kind: prepare_video(path) if is_clip(path) else prepare_picture(path, kind, size_wh)
            for kind, path in paths.items()
        }
        pictures |= {kind: as_png(pictures[kind]) for kind in self.trainer.png_kinds}
        if "mask" in pictures and self.trainer.seen_weight:
            pictures["mask"] = weighted_mask(pictures["mask"], self.trainer.seen_weight)
        return pictures

    def _size(self, paths: Mapping[str, Path]) -> tuple[int, int] | None:
        resize = self._options.resize
        if resize is None:
            return None
        if any(map(is_clip, paths.values())):
            raise InputError(
                f"{paths['target']}: is a clip, which is exported as it is; make clips in the size "
                "that they shall be trained in"
            )
        size_wh = common_size(paths)
        return preset_size(resize, size_wh) if isinstance(resize, str) else resize

    def _row(
        self, pair: RecordedPair, pictures: Mapping[str, Picture], caption: str | None
    ) -> ExportedRow:
        trainer = self.trainer
        number = str(self.manifest.number_of(pair.key)).zfill(self._options.number_digits)
        validates = is_validation(pair.scene, self._options.validation_share)
        in_file = trainer.caption is not None and (caption is not None or trainer.caption_always)
        return ExportedRow(
            number=number,
            split=VALIDATION if validates else TRAIN,
            folder=f"{VALIDATION}/" if validates else trainer.train_folder,
            files={
                kind: trainer.members[kind].format(number=number, extension=picture.extension)
                for kind, picture in pictures.items()
            },
            caption=caption or trainer.default_prompt,
            caption_file=(trainer.caption or "").format(number=number) if in_file else None,
            scene=pair.scene,
            name=pair.record.name,
            size_wh=pictures["target"].size_wh,
            scores=pair.record.scores,
            licence=pair.record.licence,
            frames=pair.record.options.get("clips", 1),
            geometry=pair.record.geometry,
        )


def _common_kinds(trainer: Trainer, base_model: str, pairs: Sequence[RecordedPair]) -> list[str]:
    """The kinds of file that the layout takes and every pair has; the triplet in any case."""
    kinds = [kind for kind in TRIPLET if kind in trainer.members]
    with_mask = sum("mask" in pair.record.files for pair in pairs)
    if "mask" in trainer.members and with_mask:
        if with_mask == len(pairs):
            kinds.append("mask")
        else:
            log.warning(
                f"{len(pairs) - with_mask} of {len(pairs)} pairs have no mask, so masks are left "
                "out; build those pairs with masks to export them"
            )
    return kinds + _further_references(trainer, base_model, pairs)


def _further_references(
    trainer: Trainer, base_model: str, pairs: Sequence[RecordedPair]
) -> list[str]:
    """The further references that the trainer takes and every pair has; others are told of."""
    kinds: list[str] = []
    for kind in FURTHER_REFERENCES:
        having = sum(kind in pair.record.files for pair in pairs)
        if not having:
            break
        if kind not in trainer.members or base_model in trainer.without_further_references:
            model = f" with {base_model}" if base_model else ""
            log.warning(
                f"{trainer.title}{model} takes no {kind}, which {having} pairs have; it is left out"
            )
            break
        if having < len(pairs):
            log.warning(
                f"{len(pairs) - having} of {len(pairs)} pairs have no {kind}, so it is left out; "
                "leave those pairs out by a list to export it"
            )
            break
        kinds.append(kind)
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
