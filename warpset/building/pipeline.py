"""The readable walk from a scene folder to its pairs; estimators and renderer are handed in."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ..core.errors import InputError, Remedy, alike, told_once
from ..core.geometry import SceneGeometry
from ..core.points import PointCloud
from ..core.protocols import MakeRenderer
from ..files.writing import writing_to
from ..fleet.locks import sole_writer
from ..fleet.stages import available_cores
from ..recordings.masks import masked, masked_by
from ..recordings.recording import Recording, with_depth_scale
from ..recordings.registry import RECORDED, recorded_geometry
from .clips.job import ClipJob
from .clips.making import ClipMaker
from .clips.plan import CLIPS_NAME
from .depth.agreement import agreeing
from .depth.augmenting import augmented
from .judging import judge
from .options import BuildOptions
from .pairs.choosing import chosen_pairs, expected_difficulty
from .pairs.folder import PairFolder
from .pairs.making import PairMaker
from .scene_files.colmap_model import MAX_POINTS, ColmapModelFolder, sampled
from .scene_files.gaussians import SceneCloud, SceneGaussiansFile
from .scene_job import GeometrySource, SceneJob
from .scenes import SceneInput, open_scene, report_photos
from .sources.staging import staged
from .summary import SceneSummary
from .warping import Warper

log = logging.getLogger(__name__)


REFINED = "cameras refined"
"""What the revision of geometry says besides whose cameras were."""


class Estimator(Protocol):
    """What turns photos into geometry where none is recorded."""

    @property
    def may_leave_out(self) -> bool:
        """Whether photos may turn out to have no geometry."""
        ...

    @property
    def takes_recorded_cameras(self) -> bool:
        """Whether cameras that the scene records decide the geometry."""
        ...

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


MakeEstimators = Mapping[str, Callable[[], Estimator]]
"""What makes each estimator, by name; the first serves where nobody asks for one."""


class Backends(NamedTuple):
    """What the script hands in.

    Attributes:
        make_estimator: Where estimators come from; called when a scene needs one.
        make_renderer: Where renderers come from.
        make_segmenter: Where what finds the sky comes from.
        gaussian_ply: A cloud as the bytes of a Gaussian splat PLY.
        refine: Makes cameras fit and depth agree with them; None to take them as they are.
        renders_at_once: How many frames so many threads render at once.
    """

    make_estimator: MakeEstimators
    make_renderer: MakeRenderer
    make_segmenter: Callable[[], Segmenter]
    gaussian_ply: Callable[[PointCloud], bytes]
    refine: Callable[[SceneGeometry], SceneGeometry] | None = None
    renders_at_once: Callable[[int], int] = int


def build_scene(
    scene_path: Path, output: Path, options: BuildOptions, backends: Backends, summary: SceneSummary
) -> None:
    """Make the pairs of one scene that are not there yet.

    Args:
        scene_path: The scene's folder, zip or video.
        output: Folder that its pairs go to.
        options: What is wanted.
        backends: Estimators and renderer.
        summary: Told what becomes of the pairs, up to an error if there is one.

    Raises:
        InputError: No more can be made of the scene.
    """
    if Path(os.path.realpath(output)).is_relative_to(os.path.realpath(scene_path)):
        raise InputError(
            f"{scene_path}: its pairs would lie among its photos; choose another output folder"
        )
    with staged(scene_path, output, options.sampling, keep=options.writes) as stage:
        for folder, shown in stage.shown_as.items():
            summary.hide(folder, shown)
        for problem in stage.problems:
            summary.report(problem)
        _build_staged(stage.folder, output, options, backends, summary)


def _build_staged(
    folder: Path, output: Path, options: BuildOptions, backends: Backends, summary: SceneSummary
) -> None:
    """Make the pairs of a scene's folder, see `build_scene`."""
    minimum = 1 if options.hole_shares else 2
    scene = open_scene(folder, options.selection, minimum, options.workers or available_cores())
    scene = _with_depth_scale(scene, options.depth_scale)
    report_photos(scene, summary)
    source, estimate = geometry_source(scene, options.geometry, backends.make_estimator)
    options = options.settled(source.name)
    source = source._replace(mask_files={photo: mask.path for photo, mask in scene.masks.items()})
    if (refine := backends.refine) is not None:
        source = source._replace(revision=f"{source.revision}, {REFINED}")
        estimate = partial(_refined, refine, estimate)
    summary.geometry = source.as_recorded()
    if options.dry_run:
        _say_what_is_missing(folder, _job(scene, output, options, source), summary)
        return
    if options.plan:
        job, geometry = _job(scene, output, options, source), estimate()
        summary.plan(geometry.left_out, expected_difficulty(geometry, job, summary.report))
        return
    with sole_writer(output):
        job = _job(scene, output, options, source)
        if not job.is_planned or job.todo() or job.scene_gaussians() or job.colmap_model():
            with writing_to(output):
                job.folder.clean()
            _make(job, _prepared(estimate(), scene, job), backends, summary)
            _say_removed(job, summary)
        summary.kept = len(job.pairs) - summary.written - summary.rejected - summary.failed
        judge(job, summary)
        for line in job.other_pairs():
            summary.say(line, logging.WARNING)
        with writing_to(output):
            job.folder.finish()


def _say_removed(job: SceneJob, summary: SceneSummary) -> None:
    """Say which pairs somebody has removed while the others were made."""
    if removed := [pair.name for pair in job.pairs if job.is_on_record_alone(pair)]:
        summary.report(
            f"{job.folder.path}: the files of {len(removed)} pairs ({removed[0]} first) were "
            "removed while the run went on; run the same again"
        )


def _job(
    scene: SceneInput, output: Path, options: BuildOptions, source: GeometrySource
) -> SceneJob:
    """What is asked of a scene: pairs, or clips.

    Raises:
        InputError: Clips are asked for, and the scene has too few frames for one.
    """
    if options.clips is None:
        return SceneJob(scene.photos, PairFolder(output), options, source)
    job = ClipJob(scene.photos, PairFolder(output, CLIPS_NAME), options, source)
    job.check(scene.path)
    return job


def _refined(
    refine: Callable[[SceneGeometry], SceneGeometry], estimate: Callable[[], SceneGeometry]
) -> SceneGeometry:
    return refine(estimate())


def _with_depth_scale(scene: SceneInput, depth_scale: float | None) -> SceneInput:
    if depth_scale is None or scene.recording is None:
        return scene
    frames = with_depth_scale(scene.recording.frames, depth_scale)
    return replace(scene, recording=scene.recording._replace(frames=tuple(frames)))


def _prepared(geometry: SceneGeometry, scene: SceneInput, job: SceneJob) -> SceneGeometry:
    """The geometry as pairs are made of it: masked, its depth checked and made worse as asked."""
    options, geometry = job.options, _masked(geometry, scene, job.options)
    if options.depth_agreement:
        geometry = agreeing(geometry, options.depth_agreement, options.point_filter)
    return augmented(geometry, job.photo_key) if options.augment_depth else geometry


def _masked(geometry: SceneGeometry, scene: SceneInput, options: BuildOptions) -> SceneGeometry:
    """The geometry with the scene's masks and what a model of the user's leaves out."""
    geometry = masked(geometry, scene.masks)
    if options.mask_rule is None:
        return geometry
    from .sky import MaskModel  # loads onnxruntime

    model = MaskModel(options.mask_rule.model, options.mask_rule.grow_px)
    return masked_by(geometry, model.kept)


def _make(
    job: SceneJob, geometry: SceneGeometry, backends: Backends, summary: SceneSummary
) -> None:
    """Make what is missing of a scene whose geometry is there."""
    for line in geometry.left_out:
        summary.report(line)
    gaussians, colmap_model, options = job.scene_gaussians(), job.colmap_model(), job.options
    photos = [frame.photo.path for frame in geometry.frames]
    chosen = chosen_pairs(geometry, job, summary.report)
    job.narrow_to(photos, chosen.reference_and_target, geometry.provenance, chosen.others)
    sky_scores = _sky_scores(photos, options, backends)
    workers = options.workers or available_cores()
    at_once = backends.renders_at_once(workers)
    warper = Warper(geometry, options, backends.make_renderer, sky_scores, workers, at_once)
    if isinstance(job, ClipJob):
        job.check(job.folder.path)
        if left_over := job.left_over():
            log.info(f"{job.folder.path}: the last {left_over} frames make no clip")
        ClipMaker(job, warper, summary).run(workers)
    else:
        PairMaker(job, warper, summary, backends.gaussian_ply).run(workers)
    if gaussians:
        _write_scene_gaussians(gaussians, warper, job, summary, backends)
    if colmap_model:
        _write_colmap_model(colmap_model, warper, geometry, job, summary)


def _say_what_is_missing(scene_path: Path, job: SceneJob, summary: SceneSummary) -> None:
    if not job.is_planned:
        which = "further references" if job.pairs else "pairs"
        known = "are chosen by what frames share, once their depth is known"
        summary.say(f"{scene_path}: {which} {known}")
        return
    todo = len(job.todo())
    and_splats = " and the scene's splats" if job.scene_gaussians() else ""
    and_splats += " and its COLMAP model" if job.colmap_model() else ""
    summary.say(
        f"{scene_path}: {todo} {job.things}{and_splats} to make, "
        f"{len(job.pairs) - todo} there already"
    )


def _sky_scores(
    photos: Sequence[Path], options: BuildOptions, backends: Backends
) -> Callable[[Path], NDArray[np.uint8]] | None:
    """Sky scores by photo, all found beforehand; None where the sky shall stay."""
    if not options.point_filter.sky:
        return None
    segmenter = backends.make_segmenter()
    scores = segmenter.scores(photos)
    for _ in tqdm(scores, desc="sky", unit="photo", total=len(photos), disable=options.quiet):
        pass
    return segmenter.score


def geometry_source(
    scene: SceneInput, asked: str, make_estimator: MakeEstimators
) -> tuple[GeometrySource, Callable[[], SceneGeometry]]:
    """Who gives the geometry, and how to get it once it is needed.

    Args:
        scene: The scene.
        asked: `auto`, or the name of the source to insist on.
        make_estimator: See `Backends`.

    Raises:
        InputError: There is none of the kind asked for.
    """
    recording, frames = scene.recording, scene.recorded_frames()
    camera_keys = {frame.photo.path: frame.key for frame in frames}
    if asked in ("auto", RECORDED) and recording and recording.has_depth:
        depth_files = {f.photo.path: f.depth_path for f in frames if f.depth_path is not None}
        source = GeometrySource(RECORDED, recording.origin, depth_files, camera_keys)
        return source, lambda: recorded_geometry(recording, frames)
    found = _found(recording)
    if asked == RECORDED:
        raise InputError(
            f"{scene.path}: found {found}, need recorded depth; {_way_to_depth(recording)}",
            Remedy.STEREO,
        )
    name = asked if asked != "auto" else next(iter(make_estimator))
    try:
        estimator = make_estimator[name]()
        revision = estimator.revision
    except InputError as error:
        text = f"{scene.path}: found {found}, need depth; {error}"
        raise InputError(text, error.remedy) from error
    if recording and recording.absent_depth:
        log.warning(f"{scene.path}: found {found}; takes {name} instead")
    keys = camera_keys if estimator.takes_recorded_cameras else {}
    source = GeometrySource(name, revision, {}, keys, estimator.may_leave_out)
    return source, lambda: estimator.estimate(scene)


def _found(recording: Recording | None) -> str:
    """What there is where recorded depth is not."""
    if recording is None:
        return "neither cameras nor depth"
    if absent := recording.absent_depth:
        return f"cameras, but of {len(absent)} listed depth files none ({absent[0]} first)"
    return "cameras but no depth"


def _way_to_depth(recording: Recording | None) -> str:
    """What gives a scene recorded depth."""
    if recording is None:
        return "add a recording of its cameras and depth"
    if recording.absent_depth:
        return f"add those files, or mend what {recording.shown_origin} calls them"
    return "add its depth files (docs/photos-and-recordings.md says what is looked for)"


def _write_scene_gaussians(
    gaussians: SceneGaussiansFile,
    warper: Warper,
    job: SceneJob,
    summary: SceneSummary,
    backends: Backends,
) -> None:
    """Write what can be had; where a frame cannot be read, the next run tries again."""
    scene, unreadable = SceneCloud(), list[str]()
    indices = range(len(job.photos))
    for index in tqdm(indices, desc="splats", unit="frame", disable=job.options.quiet):
        try:
            scene.add(warper.cloud(index))
        except InputError as error:
            unreadable.append(str(error))
    for reasons in alike(unreadable):
        summary.report(f"{told_once(reasons)}; left out of the scene's splats")
    if len(scene):
        is_whole = not unreadable
        with writing_to(job.folder.path):
            gaussians.write(scene.merged(), backends.gaussian_ply, is_whole, warper.cameras)
    else:
        summary.report(f"{job.folder.path}: no point passed the filters; no scene splats written")


def _write_colmap_model(
    model: ColmapModelFolder,
    warper: Warper,
    geometry: SceneGeometry,
    job: SceneJob,
    summary: SceneSummary,
) -> None:
    """Write what can be had; where a frame's depth cannot be read, the next run tries again."""
    clouds, unreadable, photos = [], list[str](), [frame.photo for frame in geometry.frames]
    for index in range(len(photos)):
        try:
            clouds.append(sampled(warper.cloud(index), MAX_POINTS // len(photos)))
        except InputError as error:
            unreadable.append(str(error))
    for reasons in alike(unreadable):
        summary.report(f"{told_once(reasons)}; has no points in the COLMAP model")
    with writing_to(job.folder.path):
        model.write(photos, clouds, geometry.provenance, is_whole=len(clouds) == len(photos))
