"""Localized scenes as LoFTR and its kin train on MegaDepth: one npz a scene beside their files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from warpset.core.cameras import integer_center_K
from warpset.core.covisibility import covisibility, small_view
from warpset.core.geometry import PosedPhoto

from .localization.localized_step import (
    LocalizedStep,
    add_min_score,
    localized_parser,
    localized_places,
    run_localized,
    summed_up,
)
from .pairs.pairs_file import ScenePairs
from .pairs.scene_pairs import MIN_SCORE, covisible_pairs


@dataclass(frozen=True, kw_only=True)
class SceneInfoExport(LocalizedStep):
    """The step; paths in its npz are relative to the folder of the aerial scenes.

    Attributes:
        min_score: See `covisible_pairs`.
    """

    min_score: float = MIN_SCORE

    name = "export_scene_info"

    def options(self) -> Mapping[str, object]:
        """See `SceneStep.options`."""
        return {"min_score": self.min_score}

    def make(self, scene: str, folder: Path) -> str:
        """See `SceneStep.make`."""
        photos, views, problems = [], [], []
        for frame, depth_map in self.views(scene, self.frames(scene, problems), problems):
            photos.append(frame.photo)
            views.append(small_view(depth_map))
        names = [photo.path.name for photo in photos]
        pairs = covisible_pairs(names, covisibility(views), self.min_score)
        summary = f"{len(pairs.pairs)} pairs of {len(names)} views"
        if photos:
            place = self.localized(scene).relative_to(self.root).as_posix()
            arrays = _scene_info(place, photos, pairs)
            np.savez_compressed(folder / f"{scene}.npz", allow_pickle=True, **arrays)
        return summed_up(scene, summary, len(names), problems)


def _scene_info(place: str, photos: Sequence[PosedPhoto], pairs: ScenePairs) -> dict[str, NDArray]:
    """The arrays that LoFTR's loader asks for.

    `poses` are world to camera, `intrinsics` for pixel centres at whole numbers, and an entry of
    `pair_infos` is ((i, j), overlap, central matches); of the last there are none.
    """
    infos = np.empty(len(pairs.pairs), object)
    for n, ((one, other), score) in enumerate(zip(pairs.pairs.tolist(), pairs.scores, strict=True)):
        infos[n] = ((one, other), float(score), np.empty((0, 4), np.float32))
    return {
        "image_paths": np.array([f"{place}/images/{photo.path.name}" for photo in photos]),
        "depth_paths": np.array([f"{place}/depths/{photo.path.stem}.h5" for photo in photos]),
        "intrinsics": np.stack([integer_center_K(photo.camera.K) for photo in photos]),
        "poses": np.stack([photo.camera.cam_from_world for photo in photos]),
        "pair_infos": infos,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step; 0 = all made, 1 = something could not be, 2 = wrong command line."""
    args = make_parser().parse_args(arguments)
    return run_localized(SceneInfoExport(**localized_places(args), min_score=args.min_score), args)


def make_parser() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = localized_parser(__doc__ or "")
    add_min_score(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
