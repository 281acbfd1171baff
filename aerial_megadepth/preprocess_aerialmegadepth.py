"""Step 5: localized scenes as DUSt3R and MASt3R train on them, and the pairs to train with."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from warpset.core.covisibility import covisibility, small_view
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap, FrameGeometry, resample_depth
from warpset.files.pinhole_photos import read_pinhole

from .localization.localized_step import (
    LocalizedStep,
    add_min_score,
    add_trust_flags,
    localized_parser,
    localized_places,
    read_trust,
    run_localized,
    summed_up,
)
from .pairs.pairs_file import PAIRS_NAME, ScenePairs, read_pairs, write_pairs
from .pairs.scene_pairs import MIN_SCORE, covisible_pairs, join_pairs
from .scenes.view_files import RgbdView, shrink_view, write_view

MAX_DEPTH_M = 2000.0
"""What is farther is unknown: haze, sky, and the far end of the searched range."""

JPEG_EXTENSIONS = (".jpg", ".jpeg")


@dataclass(frozen=True, kw_only=True)
class Preprocessing(LocalizedStep):
    """The step.

    Attributes:
        precomputed: Pairs to train with; None to find them.
        min_score: See `covisible_pairs`; of no meaning with precomputed pairs.
    """

    precomputed: Path | None = None
    min_score: float = MIN_SCORE

    name = "preprocess_aerialmegadepth"

    @cached_property
    def listed(self) -> Mapping[str, ScenePairs] | None:
        """The precomputed pairs by scene, or None."""
        return None if self.precomputed is None else read_pairs(self.precomputed)

    def options(self) -> Mapping[str, object]:
        """See `SceneStep.options`."""
        return {
            "min_score": self.min_score if self.precomputed is None else None,
            "precomputed_pairs": self.precomputed is not None,
            "sky_masks": False,
            **self.trusted.options(),
        }

    def inputs(self, scene: str) -> Sequence[Path]:
        """See `SceneStep.inputs`."""
        listed = [] if self.precomputed is None else [self.precomputed]
        return [self.localized(scene), *listed, *self.trusted.inputs(scene)]

    def find_scenes(self) -> list[str]:
        """The localized scenes, of them those that have precomputed pairs.

        Raises:
            InputError: The pairs cannot be read, or there is no such folder of masks.
        """
        found = super().find_scenes()
        return found if self.listed is None else [scene for scene in found if scene in self.listed]

    def listing(self) -> tuple[Path, Iterable[str]] | None:
        """See `LocalizedStep.listing`."""
        return None if self.precomputed is None else (self.precomputed, self.listed or ())

    def finish(self) -> None:
        """See `LocalizedStep.finish`."""
        join_pairs(self.output_dir)

    def make(self, scene: str, folder: Path) -> str:
        """See `SceneStep.make`."""
        listed = self._listed_of(scene)
        names, views, problems = [], [], []
        frames = self._wanted(scene, listed, problems)
        for frame, view in self._made(scene, frames, problems):
            _write_frame(folder, frame, view)
            names.append(frame.name)
            views.append(small_view(DepthMap(view.depth, None, view.camera)))
        if not views:
            return summed_up(scene, "", 0, problems)
        if listed is None:
            pairs = covisible_pairs(names, covisibility(views), self.min_score)
        else:
            pairs = listed.among(names)
        write_pairs(folder / PAIRS_NAME, {scene: pairs})
        summary = _summary(pairs, listed) + self.trusted.without_mask(scene, names, problems)
        return summed_up(scene, summary, len(names), problems)

    def _listed_of(self, scene: str) -> ScenePairs | None:
        if self.listed is None:
            return None
        if scene not in self.listed:
            raise InputError(f"{self.precomputed}: has no pairs of scene {scene}; leave it out")
        return self.listed[scene]

    def _wanted(
        self, scene: str, listed: ScenePairs | None, problems: list[str]
    ) -> Sequence[FrameGeometry]:
        """The localized views, of them those that precomputed pairs name."""
        localized = self.frames(scene, problems)
        if listed is None:
            return localized
        wanted = set(listed.images)
        frames = [frame for frame in localized if frame.name in wanted]
        if not frames:
            raise InputError(f"{self.precomputed}: none of scene {scene}'s images is localized")
        return frames

    def _made(
        self, scene: str, frames: Sequence[FrameGeometry], problems: list[str]
    ) -> Iterator[tuple[FrameGeometry, RgbdView]]:
        """Views as they are stored; what cannot be read is added to the problems."""
        for frame, depth_map in self.views(scene, frames, problems):
            try:
                view = self._view(scene, frame, depth_map)
            except InputError as error:
                problems.append(f"{error}; view left out")
                continue
            yield frame, view

    def _view(self, scene: str, frame: FrameGeometry, depth_map: DepthMap) -> RgbdView:
        camera = frame.photo.camera
        whole = resample_depth(depth_map, camera)
        near = np.where(whole.depth > MAX_DEPTH_M, np.float32(0), whole.depth)
        trusted = whole._replace(depth=self.trusted.of(scene, frame.name, near))
        return shrink_view(read_pinhole(frame.photo, camera), trusted, camera)


def _write_frame(folder: Path, frame: FrameGeometry, view: RgbdView) -> None:
    """Write a view; a JPEG that needs no change keeps its bytes."""
    photo = frame.photo
    write_view(folder, frame.name, view)
    is_same = photo.lens is None and view.camera.size_wh == photo.camera.size_wh
    if is_same and photo.path.suffix.lower() in JPEG_EXTENSIONS:
        (folder / f"{frame.name}.jpg").write_bytes(photo.path.read_bytes())


def _summary(pairs: ScenePairs, listed: ScenePairs | None) -> str:
    text = f"{len(pairs.images)} views, {len(pairs.pairs)} pairs"
    if listed is None:
        return text
    missing = len(listed.images) - len(pairs.images)
    return f"{text} of {len(listed.pairs)} listed ({missing} listed images are not localized)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step; 0 = all made, 1 = something could not be, 2 = wrong command line."""
    args = make_parser().parse_args(arguments)
    step = Preprocessing(
        **localized_places(args),
        precomputed=args.precomputed_pairs,
        trusted=read_trust(args),
        min_score=args.min_score,
    )
    return run_localized(step, args)


def make_parser() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = localized_parser(__doc__ or "")
    parser.add_argument(
        "--precomputed_pairs",
        type=Path,
        help="npz of pairs; only its images are written. Else pairs are found by covisibility",
    )
    add_trust_flags(parser)
    add_min_score(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
