"""The readable walk from a scene folder to its pairs; estimators and renderer are handed in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from .cameras import Camera
from .errors import InputError
from .geometry import SceneGeometry
from .options import BuildOptions
from .pairs import EXTRA_SUFFIXES, TRIPLET, PairFolder, PairRecord, WarpPair, plan_pairs
from .photos import sha256_of
from .pictures import confidence_bytes, depth_bytes, mask_bytes, picture_bytes
from .ply import ply_bytes
from .points import PointCloud
from .recorded import RECORDED, recorded_geometry
from .recording import Recording
from .scene_splats import SceneCloud, SceneSplatsFile
from .scenes import SceneInput, open_scene
from .warping import MakeRenderer, Warp, Warper

log = logging.getLogger(__name__)


class Estimator(Protocol):
    """What turns photos into geometry where none is recorded."""

    @property
    def revision(self) -> str:
        """What exactly will estimate, without loading it."""
        ...

    def estimate(self, scene: SceneInput) -> SceneGeometry:
        """Geometry of the scene's photos, in their order."""
        ...


class Segmenter(Protocol):
    """What finds the sky, see `sky.SkySegmenter`."""

    def score(self, photo: Path) -> NDArray[np.uint8]:
        """Sky scores over the whole photo."""
        ...

    def scores(self, photos: Sequence[Path]) -> Iterator[NDArray[np.uint8]]:
        """Sky scores of many photos, kept for `score`."""
        ...


class Tools(NamedTuple):
    """What the script hands in.

    Attributes:
        make_estimator: By the name `--geometry` gives them; the first serves `auto`. Called when
            a scene needs one.
        make_renderer: Where renderers come from.
        make_segmenter: Where what finds the sky comes from.
        gaussian_ply: A cloud as the bytes of a Gaussian splat PLY.
    """

    make_estimator: Mapping[str, Callable[[], Estimator]]
    make_renderer: MakeRenderer
    make_segmenter: Callable[[], Segmenter]
    gaussian_ply: Callable[[PointCloud], bytes]


@dataclass
class SceneSummary:
    """What became of a scene's pairs, counted, and a line for each problem."""

    written: int = 0
    rejected: int = 0
    failed: int = 0
    kept: int = 0
    missing_photos: int = 0
    problems: list[str] = field(default_factory=list)

    def report(self, line: str) -> None:
        """Say a problem once, and keep it."""
        log.warning(line)
        self.problems.append(line)

    def add(self, other: SceneSummary) -> None:
        """Add another scene's counts."""
        self.written += other.written
        self.rejected += other.rejected
        self.failed += other.failed
        self.kept += other.kept
        self.missing_photos += other.missing_photos
        self.problems += other.problems


def build_scene(
    scene_path: Path, output: Path, options: BuildOptions, tools: Tools
) -> SceneSummary:
    """Make the pairs of one scene that are not there yet.

    Args:
        scene_path: Folder of the scene.
        output: Folder that its pairs go to.
        options: What is wanted.
        tools: Estimators and renderer.

    Raises:
        InputError: Nothing can be made of the scene.
    """
    summary = SceneSummary()
    scene = open_scene(scene_path, options.selection)
    for problem in scene.problems:
        summary.report(problem)
    summary.missing_photos = scene.missing
    source, estimate = geometry_source(scene, options, tools)
    folder = PairFolder(output)
    job = _Job(scene.photos, folder, options, source)
    splats = job.scene_splats()
    if options.dry_run:
        there = len(job.pairs) - len(job.todo())
        and_splats = " and the scene's splats" if splats else ""
        log.info(
            f"{scene_path}: {len(job.todo())} pairs{and_splats} to make, {there} there already"
        )
        return summary
    if job.todo() or splats:
        folder.clean()
        geometry = estimate()
        for line in geometry.left_out:
            summary.report(line)
        photos = [frame.photo.path for frame in geometry.frames]
        job = _Job(photos, folder, options, source, geometry.remarks)
        sky_scores = _sky_scores(photos, options, tools)
        warper = Warper(geometry, options, tools.make_renderer, sky_scores)
        for pair in tqdm(job.todo(), desc=scene_path.name, unit="pair", disable=options.quiet):
            _make_pair(pair, warper, job, summary, tools)
        if splats:
            _write_scene_splats(splats, warper, job, summary, tools)
    summary.kept = len(job.pairs) - summary.written - summary.rejected - summary.failed
    folder.finish()
    return summary


def _sky_scores(
    photos: Sequence[Path], options: BuildOptions, tools: Tools
) -> Callable[[Path], NDArray[np.uint8]] | None:
    """Sky scores by photo, all found beforehand; None where the sky shall stay."""
    if not options.points.sky:
        return None
    segmenter = tools.make_segmenter()
    scores = segmenter.scores(photos)
    for _ in tqdm(scores, desc="sky", unit="photo", total=len(photos), disable=options.quiet):
        pass
    return segmenter.score


class Source(NamedTuple):
    """Who gives the geometry, as records name it."""

    source: str
    revision: str


def geometry_source(
    scene: SceneInput, options: BuildOptions, tools: Tools
) -> tuple[Source, Callable[[], SceneGeometry]]:
    """Who gives the geometry, and how to get it once it is needed.

    Raises:
        InputError: There is none of the kind that `options.geometry` asks for.
    """
    recording = scene.recording
    if options.geometry in ("auto", RECORDED) and recording and recording.has_depth:
        return (
            Source(RECORDED, recording.origin),
            lambda: _recorded_frames(recording, scene.photos),
        )
    found = "cameras but no depth" if recording else "neither cameras nor depth"
    if options.geometry == RECORDED:
        raise InputError(
            f"{scene.path}: found {found}, need recorded depth; add depth_file_path to "
            "transforms.json, or depths/ beside a COLMAP model, or use --geometry stereo"
        )
    name = options.geometry if options.geometry != "auto" else next(iter(tools.make_estimator))
    try:
        estimator = tools.make_estimator[name]()
        return Source(name, estimator.revision), lambda: estimator.estimate(scene)
    except InputError as error:
        raise InputError(f"{scene.path}: found {found}, need depth; {error}") from error


def _recorded_frames(recording: Recording, photos: Iterable[Path]) -> SceneGeometry:
    frame_of = {frame.photo.path: frame for frame in recording.frames}
    return recorded_geometry(recording, tuple(frame_of[path] for path in photos))


class _Job:
    """What is asked of one scene, and what of it is there."""

    def __init__(
        self,
        photos: Sequence[Path],
        folder: PairFolder,
        options: BuildOptions,
        source: Source,
        remarks: Mapping[str, str] | None = None,
    ):
        self.photos, self.folder, self.options = photos, folder, options
        self.source, self.remarks = source, remarks or {}
        self.pairs = plan_pairs(photos, options.bidirectional)
        self.kinds = (*TRIPLET, *(kind for kind in EXTRA_SUFFIXES if kind in options.extras))
        self.sha256_of = cache(sha256_of)

    def todo(self) -> list[WarpPair]:
        """Pairs of which something is missing."""
        return [pair for pair in self.pairs if self.missing(pair)]

    def missing(self, pair: WarpPair) -> set[str]:
        """Kinds of the pair's files that have to be made.

        Raises:
            InputError: The pair is there, but was made from other photos or with other options.
        """
        if self.options.force:
            return set(self.kinds)
        if (record := self.folder.records.get(pair.name)) is not None:
            self._check_same(pair, record)
        return self.folder.missing_files(pair, self.kinds, self.options.output_format)

    def scene_splats(self) -> SceneSplatsFile | None:
        """The scene's splats where they are wanted and have to be made."""
        if not self.options.scene_splats:
            return None
        made_from = {
            "photos": [[photo.name, self.sha256_of(photo)] for photo in self.photos],
            "geometry": self.source._asdict(),
            "options": self.options.look(),
        }
        splats = SceneSplatsFile(self.folder.path, made_from)
        return splats if self.options.force or not splats.is_done() else None

    def _check_same(self, pair: WarpPair, record: PairRecord) -> None:
        wanted = self.options.look() | self._identity(pair)
        there = dict(record.options) | {
            "geometry": {name: record.geometry.get(name) for name in self.source._fields},
            "reference": record.reference,
            "photos": dict(record.sha256),
        }
        for name in [*wanted, *there]:
            if wanted.get(name) != there.get(name):
                raise InputError(
                    f"{self.folder.path}: {pair.name} was made with {name} = {there.get(name)}, "
                    f"this run asks for {name} = {wanted.get(name)}; use --force_output to make "
                    "it again, or another --output-dir"
                )

    def _identity(self, pair: WarpPair) -> dict[str, object]:
        return {
            "geometry": self.source._asdict(),
            "reference": self.photos[pair.reference].name,
            "photos": self._sha256(pair),
        }

    def _sha256(self, pair: WarpPair) -> dict[str, str]:
        roles = {"reference": pair.reference, "target": pair.target}
        return {role: self.sha256_of(self.photos[index]) for role, index in roles.items()}

    def record(self, pair: WarpPair, warp: Warp, rejected: str | None) -> PairRecord:
        """The record of a pair that has just been made."""
        before = self.folder.records.get(pair.name)
        kept = set(before.files) if before and not self.options.force else set()
        kinds = [kind for kind in (*TRIPLET, *EXTRA_SUFFIXES) if kind in kept | set(self.kinds)]
        extension = self.options.output_format
        return PairRecord(
            name=pair.name,
            reference=self.photos[pair.reference].name,
            target=self.photos[pair.target].name,
            is_reverse=pair.is_reverse,
            files={} if rejected else {k: pair.file_name(k, extension) for k in kinds},
            sha256=self._sha256(pair),
            cameras={role: _camera_record(camera) for role, camera in warp.cameras.items()},
            geometry={**self.source._asdict(), **self.remarks},
            options=self.options.look(),
            scores=warp.scores._asdict(),
            rejected=rejected,
        )


def _make_pair(
    pair: WarpPair, warper: Warper, job: _Job, summary: SceneSummary, tools: Tools
) -> None:
    try:
        warp = warper.warp(pair.reference, pair.target)
    except InputError as error:
        summary.report(f"{error}; pair {pair.name} left out")
        summary.failed += 1
        return
    rejected = job.options.quality.rejection(warp.scores.coverage, warp.scores.psnr)
    record = job.record(pair, warp, rejected)
    try:
        if not rejected:
            for kind in sorted(job.missing(pair)):
                content = _encoded(kind, warp, job.options, tools)
                job.folder.write_file(pair.file_name(kind, job.options.output_format), content)
        job.folder.replace_record(record)
    except OSError as error:
        raise InputError(
            f"{job.folder.path}: cannot be written ({error.strerror}); make room or choose "
            "another --output-dir, then run the same command again"
        ) from error
    if rejected:
        summary.rejected += 1
    else:
        summary.written += 1


def _write_scene_splats(
    splats: SceneSplatsFile, warper: Warper, job: _Job, summary: SceneSummary, tools: Tools
) -> None:
    """Write what can be had; where a frame cannot be read, the next run tries again."""
    scene, is_whole = SceneCloud(), True
    indices = range(len(job.photos))
    for index in tqdm(indices, desc="splats", unit="frame", disable=job.options.quiet):
        try:
            scene.add(warper.cloud(index))
        except InputError as error:
            summary.report(f"{error}; left out of the scene's splats")
            is_whole = False
    if len(scene):
        splats.write(scene.merged(), tools.gaussian_ply, is_whole)
    else:
        summary.report(f"{job.folder.path}: no point passed the filters; no scene splats written")


def _encoded(kind: str, warp: Warp, options: BuildOptions, tools: Tools) -> bytes:
    if kind == "mask":
        return mask_bytes(warp.hole)
    if kind == "confidence":
        return confidence_bytes(warp.confidence, warp.hole)
    if kind == "depth":
        return depth_bytes(warp.depth)
    if kind == "ply":
        with_confidence = "confidence" in options.extras
        cloud = warp.cloud if with_confidence else warp.cloud._replace(confidence=None)
        return ply_bytes(cloud)
    if kind == "gaussians":
        return tools.gaussian_ply(warp.cloud)
    return picture_bytes(getattr(warp, kind), options.output_format)


def _camera_record(camera: Camera) -> dict[str, object]:
    return {
        "K": camera.K.tolist(),
        "cam_from_world": camera.cam_from_world.tolist(),
        "size_wh": list(camera.size_wh),
    }
