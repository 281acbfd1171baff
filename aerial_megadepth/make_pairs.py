"""Pairs for training out of localized scenes, by how much surface their views share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from warpset.core.covisibility import covisibility, small_view

from .localization.localized_step import (
    LocalizedStep,
    add_min_score,
    localized_parser,
    localized_places,
    run_localized,
    summed_up,
)
from .pairs.pair_grades import grade_pairs
from .pairs.pairs_file import PAIRS_NAME, write_pairs
from .pairs.scene_pairs import MIN_SCORE, covisible_pairs, join_pairs


@dataclass(frozen=True, kw_only=True)
class PairMaking(LocalizedStep):
    """The step.

    Attributes:
        min_score: See `covisible_pairs`.
    """

    min_score: float = MIN_SCORE

    name = "make_pairs"

    def options(self) -> Mapping[str, object]:
        """See `SceneStep.options`."""
        return {"min_score": self.min_score}

    def finish(self) -> None:
        """See `LocalizedStep.finish`."""
        join_pairs(self.output_dir)

    def make(self, scene: str, folder: Path) -> str:
        """See `SceneStep.make`."""
        names, views, problems = [], [], []
        for frame, depth_map in self.views(scene, self.frames(scene, problems), problems):
            names.append(frame.name)
            views.append(small_view(depth_map))
        pairs = covisible_pairs(names, covisibility(views), self.min_score)
        pairs = pairs._replace(grades=grade_pairs(views, pairs.pairs, pairs.scores))
        write_pairs(folder / PAIRS_NAME, {scene: pairs})
        summary = f"{len(pairs.pairs)} pairs of {len(names)} views"
        return summed_up(scene, summary, len(names), problems)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step; 0 = all made, 1 = something could not be, 2 = wrong command line."""
    args = make_parser().parse_args(arguments)
    return run_localized(PairMaking(**localized_places(args), min_score=args.min_score), args)


def make_parser() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = localized_parser(__doc__ or "")
    add_min_score(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
