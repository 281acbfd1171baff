"""What is asked of one scene, what of it is there, and writing what is missing; no rendering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import InputError, Remedy
from ..files.cache import content_key
from ..files.photos import sha256_of
from ..files.writing import writing_to
from .options import BuildOptions
from .outputs import (
    FURTHER_REFERENCES,
    OUTPUT_NAMED,
    OUTPUTS,
    TRIPLET,
    Encoding,
    GaussianPly,
)
from .pairs.camera_json import camera_to_json
from .pairs.folder import PairFolder
from .pairs.one_photo import missed
from .pairs.plan import WarpPair, name_pairs, one_photo_pairs
from .pairs.record import PairRecord
from .pairs.warp import Warp
from .scene_files.colmap_model import ColmapModelFolder
from .scene_files.gaussians import SceneGaussiansFile
from .scores import Scores, measured

MAX_INPUT_BYTES = 2**32
"""Of a photo, a mask or a depth file: none that we take is larger; hashing one takes seconds."""


class GeometrySource(NamedTuple):
    """Where a scene's geometry comes from.

    Attributes:
        name: Who gives it, as users ask for them.
        revision: What exactly.
        depth_files: Depth by photo where it is recorded.
        camera_keys: What identifies the recorded camera by photo, where it is one.
        may_leave_out: Whether photos may turn out to have no geometry.
        mask_files: What is left out of a photo, where it has a mask.
    """

    name: str
    revision: str
    depth_files: Mapping[Path, Path]
    camera_keys: Mapping[Path, str]
    may_leave_out: bool = False
    mask_files: Mapping[Path, Path] = {}

    def as_recorded(self) -> dict[str, str]:
        """How records name it."""
        return {"source": self.name, "revision": self.revision}


class SceneJob:
    """What is asked of one scene, and what of it is there.

    Args:
        photos: The scene's frames, in order.
        folder: Where its pairs go.
        options: What is wanted.
        source: Where depth and cameras come from.
    """

    things = "pairs"

    def __init__(
        self,
        photos: Sequence[Path],
        folder: PairFolder,
        options: BuildOptions,
        source: GeometrySource,
    ):
        self.photos, self.folder, self.options, self.source = photos, folder, options, source
        self.provenance: Mapping[str, str] = {}
        self._frames_are_final = not source.may_leave_out
        chosen = options.pairing.of_frames(len(photos), options.bidirectional)
        self.pairs = self._named(photos, chosen)
        self.kinds = self._wanted_kinds()
        self._sha256_of = cache(_sha256_of)

    @property
    def is_planned(self) -> bool:
        """Whether it is known without any depth which pairs are asked for."""
        options = self.options
        fuses = options.references > 1
        return bool(options.hole_shares) or not (options.pairing.needs_depth or fuses)

    def narrow_to(
        self,
        photos: Sequence[Path],
        reference_and_target: Sequence[tuple[int, int]],
        provenance: Mapping[str, str],
        others: Mapping[tuple[int, int], tuple[int, ...]] = {},
    ) -> None:
        """Take the frames that geometry was found for, their pairs, and what records say of it.

        Args:
            photos: Those that have geometry.
            reference_and_target: Indices of the frames that make each pair.
            provenance: See `SceneGeometry`.
            others: Further references of each pair.
        """
        self.photos, self.provenance, self._frames_are_final = photos, provenance, True
        self.pairs = [
            replace(pair, others=others.get((pair.reference, pair.target), ()))
            for pair in self._named(photos, reference_and_target)
        ]

    def _named(
        self, photos: Sequence[Path], reference_and_target: Sequence[tuple[int, int]]
    ) -> Sequence[WarpPair]:
        if self.options.hole_shares:
            return one_photo_pairs(photos, self.options.hole_shares)
        return name_pairs(photos, reference_and_target)

    def _wanted_kinds(self) -> tuple[str, ...]:
        return tuple(k.name for k in OUTPUTS if k.name in {*TRIPLET, *self.options.extras})

    def photo_key(self, photo: Path) -> str:
        """What identifies a photo: the hash of its content."""
        return self._sha256_of(photo)

    def todo(self) -> list[WarpPair]:
        """Pairs of which something is missing."""
        return [pair for pair in self.pairs if self.missing(pair)]

    def missing(self, pair: WarpPair) -> set[str]:
        """Kinds of the pair's files that have to be made.

        Until the frames are final, a pair of another reference may be one over a photo that has
        no geometry: whether something is missing is then not known, and it counts as such.

        Raises:
            InputError: The pair is there, but was made from other photos or with other options.
        """
        kinds = self._kinds_of(pair)
        if self.options.force:
            return set(kinds)
        if (record := self.folder.records.get(pair.name)) is not None:
            if not self._frames_are_final and record.reference != self.photos[pair.reference].name:
                return set(kinds)
            self._check_same(pair, record)
        missing = self.folder.missing_files(pair, kinds, self.options.output_format)
        if "confidence" in missing and "ply" in self.kinds:
            missing.add("ply")  # which holds confidence where that is saved
        return missing

    def is_on_record_alone(self, pair: WarpPair) -> bool:
        """Whether a pair is known to have been made, and files of it are not there."""
        record = self.folder.records.get(pair.name)
        names = record.files.values() if record is not None else ()
        return not all((self.folder.path / name).is_file() for name in names)

    def _kinds_of(self, pair: WarpPair) -> tuple[str, ...]:
        return *self.kinds, *FURTHER_REFERENCES[: len(pair.others)]

    def other_pairs(self) -> list[str]:
        """A line about pairs that lie in the folder beside those asked for, made otherwise."""
        planned, asked = {pair.name for pair in self.pairs}, self.options.as_recorded()
        records = self.folder.records.values()
        others = [
            record.name
            for record in records
            if record.name not in planned and asked != _without_hole_share(record.options)
        ]
        if not others:
            return []
        return [
            f"{self.folder.path}: {len(others)} pairs of earlier runs with other options stay "
            f"({', '.join(sorted(others)[:3])}{', ...' if len(others) > 3 else ''}); make them "
            "again in both directions, or remove the folder first"
        ]

    def scene_gaussians(self) -> SceneGaussiansFile | None:
        """The scene's gaussians where they are wanted and have to be made."""
        if not self.options.scene_gaussians:
            return None
        gaussians = SceneGaussiansFile(self.folder.path, self._made_from())
        return gaussians if self.options.force or not gaussians.is_done() else None

    def colmap_model(self) -> ColmapModelFolder | None:
        """The scene's COLMAP model where it is wanted and has to be made."""
        if not self.options.colmap_model:
            return None
        options, made_from = self.options, self._made_from()
        model = ColmapModelFolder(self.folder.path, made_from, options.output_format)
        return model if options.force or not model.is_done() else None

    def _made_from(self) -> dict[str, Any]:
        """Everything that decides what a file about the whole scene holds."""
        return {
            "photos": [[photo.name, self._sha256_of(photo)] for photo in self.photos],
            "masks": [self._sha256_of(path) for path in self.source.mask_files.values()],
            "depths": [self._sha256_of(path) for path in self.source.depth_files.values()],
            "cameras": list(self.source.camera_keys.values()),
            "geometry": self.source.as_recorded(),
            "options": self.options.as_recorded(),
        }

    def _check_same(self, pair: WarpPair, record: PairRecord) -> None:
        recorded, asked = self.source.as_recorded(), self._options_of(pair)
        wanted = {
            **asked,
            "geometry": recorded,
            "reference": self.photos[pair.reference].name,
            **_by_role(self.sha256(pair)),
            **_further([self.photos[other].name for other in pair.others]),
        }
        there = {
            **record.options,
            "geometry": {name: record.geometry.get(name) for name in recorded},
            "reference": record.reference,
            **_by_role(record.sha256),
            **_further(record.others),
        }
        for name in [*asked, *record.options, *wanted, *there]:  # of what follows from which, first
            if wanted.get(name) != there.get(name):
                raise InputError(
                    f"{self.folder.path}: {pair.name} was made with {name} = {there.get(name)}, "
                    f"this run asks for {name} = {wanted.get(name)}",
                    Remedy.MAKE_AGAIN,
                )

    def sha256(self, pair: WarpPair) -> dict[str, str]:
        """Hashes of what a pair is made from by role, taken when first asked for.

        Raises:
            InputError: A file cannot be read.
        """
        photos = {"reference": self.photos[pair.reference], "target": self.photos[pair.target]}
        others = (self.photos[other] for other in pair.others)
        further = dict(zip(FURTHER_REFERENCES, others, strict=False))
        depth_of = {"depth": self.photos[pair.warped]}
        depth_of |= {f"{role}_depth": photo for role, photo in further.items()}
        photos |= further
        depths, masks = self.source.depth_files, self.source.mask_files
        files = photos | {role: depths[p] for role, p in depth_of.items() if p in depths}
        files |= {f"{role}_mask": masks[p] for role, p in photos.items() if p in masks}
        hashes = {role: self._sha256_of(path) for role, path in files.items()}
        if keys := self.source.camera_keys:
            hashes["cameras"] = content_key(**{role: keys[p] for role, p in photos.items()})
        return hashes

    def write_files(self, pair: WarpPair, warp: Warp, gaussian_ply: GaussianPly) -> PairRecord:
        """Score a pair and write its files; its record, which says that it is there, is not.

        Raises:
            InputError: The folder cannot be written.
        """
        warp = warp.compared()
        if self.options.match_exposure:
            warp = warp.matched()
        warp = warp.with_holes_filled(self.options.hole_fill)
        scores = measured(warp)
        with_confidence = "confidence" in self.options.extras
        encoding = Encoding(self.options.output_format, with_confidence, gaussian_ply)
        rejected = self.options.quality.rejection(scores) or missed(
            pair.hole_share, scores["hole_share"]
        )
        if not rejected:
            with writing_to(self.folder.path):
                for kind in sorted(self.missing(pair)):
                    content = OUTPUT_NAMED[kind].encode(warp, encoding)
                    name = pair.file_name(kind, self.options.output_format)
                    self.folder.write_file(name, content)
        cameras = {role: camera_to_json(camera) for role, camera in warp.cameras.items()}
        return self.record(pair, cameras, scores, rejected)

    def _options_of(self, pair: WarpPair) -> dict[str, Any]:
        """What a pair's record says of how it was asked for."""
        own = {} if pair.hole_share is None else {"hole-share": pair.hole_share}
        return {**self.options.as_recorded(), **own}

    def record(
        self, pair: WarpPair, cameras: Mapping[str, Any], scores: Scores, rejected: str | None
    ) -> PairRecord:
        """The record of a pair whose files are there, or that was rejected."""
        before = self.folder.records.get(pair.name)
        kept = set(before.files) if before and not self.options.force else set()
        kinds = [kind.name for kind in OUTPUTS if kind.name in kept | set(self._kinds_of(pair))]
        extension = self.options.output_format
        return PairRecord(
            name=pair.name,
            reference=self.photos[pair.reference].name,
            target=self.photos[pair.target].name,
            is_reverse=pair.is_reverse,
            files={} if rejected else {k: pair.file_name(k, extension) for k in kinds},
            sha256=self.sha256(pair),
            cameras=cameras,
            geometry={**self.source.as_recorded(), **self.provenance},
            options=self._options_of(pair),
            scores=scores,
            rejected=rejected,
            others=[self.photos[other].name for other in pair.others],
        )


def _without_hole_share(options: Mapping[str, Any]) -> dict[str, Any]:
    """A record's options but for the one that differs between the pairs of one photo."""
    return {name: value for name, value in options.items() if name != "hole-share"}


def _further(others: Sequence[str]) -> dict[str, Any]:
    return {"further references": list(others)} if others else {}


def _by_role(sha256: Mapping[str, str]) -> dict[str, str]:
    return {f"{role} sha256": value for role, value in sha256.items()}


def _sha256_of(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_INPUT_BYTES:
            raise InputError(f"{path}: more than {MAX_INPUT_BYTES} bytes; left out")
        return sha256_of(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); left out") from error
