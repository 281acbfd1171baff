"""The walk from a scene's frames to its clips: warp, score, encode, record."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ...core.cameras import Camera
from ...core.errors import InputError
from ...files.pictures import picture_bytes
from ...files.writing import writing_to
from ...fleet.stages import map_ahead
from ..pairs.camera_json import camera_to_json
from ..pairs.record import PairRecord
from ..pairs.warp import Warp
from ..scores import DECIMALS, SCORES, Scores, measured
from ..summary import SceneSummary
from ..warping import Warper
from .encoding import VideoEncoder, even_size, mask_picture
from .job import ClipJob
from .plan import WarpClip


class _Frame(NamedTuple):
    warp: Warp
    scores: Scores


class ClipMaker:
    """Makes what is missing of a scene's clips.

    Args:
        job: What to make.
        warper: Of the scene's frames.
        summary: Where to count what becomes of the clips.
    """

    def __init__(self, job: ClipJob, warper: Warper, summary: SceneSummary):
        self._job, self._warper, self._summary = job, warper, summary

    def run(self, workers: int) -> None:
        """Make clip after clip, so many frames of it at once."""
        todo = [clip for clip in self._job.clips if self._job.missing(clip)]
        name, disable = self._job.folder.path.name, self._job.options.quiet
        left_out: dict[str, list[str]] = {}
        with ThreadPoolExecutor(workers) as pool:
            for clip in tqdm(todo, desc=name, unit="clip", disable=disable):
                try:
                    record = self._made(clip, partial(self._frames, clip, pool, workers))
                except InputError as error:
                    left_out.setdefault(str(error), []).append(clip.name)
                    continue
                with writing_to(self._job.folder.path):
                    self._job.folder.replace_record(record)
                self._summary.count(record)
        self._summary.leave_out("clip", left_out)

    def _frames(self, clip: WarpClip, pool: ThreadPoolExecutor, ahead: int) -> Iterator[_Frame]:
        """The reference seen from each target, in order."""
        return map_ahead(partial(self._frame, clip.reference), clip.targets, pool, ahead=ahead)

    def _frame(self, reference: int, target: int) -> _Frame:
        """The reference seen from a target, compared with it."""
        warp = self._warper.warp(reference, target).compared()
        warp = warp.matched() if self._job.options.match_exposure else warp
        warp = warp.with_holes_filled(self._job.options.hole_fill)
        return _Frame(warp, measured(warp))

    def _made(self, clip: WarpClip, frames: partial[Iterator[_Frame]]) -> PairRecord:
        """Write a clip's files; its record, which says that it is there, is not."""
        self._job.sha256(clip)  # first, so that a photo replaced while it is read shows later
        size_wh = self._common_size(clip)
        scores, cameras, reference = [], {}, np.zeros((0, 0, 3), np.uint8)
        with tempfile.TemporaryDirectory() as scratch:
            with ExitStack() as films:
                crf = self._job.options.clips.crf if self._job.options.clips else None
                encoders = {
                    kind: films.enter_context(
                        VideoEncoder(Path(scratch) / f"{kind}.mp4", size_wh, crf)
                    )
                    for kind in ("splats", "target", "mask")
                }
                for warp, of_frame in frames():
                    scores.append(of_frame)
                    cameras.setdefault("path", []).append(warp.cameras["target"])
                    cameras["reference"], reference = warp.cameras["reference"], warp.reference
                    encoders["splats"].add(warp.splats)
                    encoders["target"].add(warp.target)
                    encoders["mask"].add(mask_picture(warp.hole & warp.counted))
            means = mean_scores(scores)
            rejected = self._job.options.quality.rejection(means)
            if not rejected:
                self._write(clip, Path(scratch), reference[: size_wh[1], : size_wh[0]])
        return self._job.record(clip, _as_recorded(cameras, size_wh), means, rejected)

    def _common_size(self, clip: WarpClip) -> tuple[int, int]:
        sizes = {self._warper.size_of(clip.reference, index) for index in clip.targets}
        if len(sizes) > 1:
            found = ", ".join(f"{width}x{height}" for width, height in sorted(sizes))
            raise InputError(
                f"{self._job.folder.path}: found views of {found} in one clip, need one size; set "
                "width and height of the pictures"
            )
        return even_size(sizes.pop())

    def _write(self, clip: WarpClip, scratch: Path, reference: NDArray[np.uint8]) -> None:
        extension, folder = self._job.options.output_format, self._job.folder
        with writing_to(folder.path):
            for kind in sorted(self._job.missing(clip)):
                if kind == "reference":
                    content = picture_bytes(reference, extension)
                else:
                    content = (scratch / f"{kind}.mp4").read_bytes()
                folder.write_file(clip.file_name(kind, extension), content)


def mean_scores(scores: Sequence[Scores]) -> dict[str, float | None]:
    """The mean of each score over the frames that have it; None where none has."""
    means: dict[str, float | None] = {}
    for score in SCORES:
        values = [value for one in scores if (value := one[score.name]) is not None]
        means[score.name] = round(fmean(values), DECIMALS) if values else None
    return means


def _as_recorded(cameras: dict[str, Any], size_wh: tuple[int, int]) -> dict[str, Any]:
    """The reference's camera, the last target's, and the path of all targets'."""

    def as_json(camera: Camera) -> dict[str, Any]:
        return camera_to_json(replace(camera, size_wh=size_wh))

    path = [as_json(camera) for camera in cameras["path"]]
    return {"reference": as_json(cameras["reference"]), "target": path[-1], "path": path}
