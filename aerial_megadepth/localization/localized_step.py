"""What the steps share that read localized scenes and write a folder a scene; no layouts."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from warpset.building.command_line import OneLineParser, number
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap, FrameGeometry

from ..pairs.scene_pairs import MIN_SCORE
from ..scenes.door import run_door, run_listed
from ..scenes.scene_list import read_scene_list
from ..scenes.scene_process import IncompleteScene
from ..scenes.scene_steps import SceneStep, step_parser
from ..scenes.trusted_depth import TrustedDepth
from .localized_scene import find_localized, localized_scenes, read_localized


@dataclass(frozen=True, kw_only=True)
class LocalizedStep:
    """Where such a step reads and writes; a step adds its name, its options and `make`.

    Attributes:
        root: Folder of the aerial scenes.
        output_dir: Where the result goes, a folder a scene.
        features: What the scenes were localized by; None where there is only one.
        quiet: No progress bars.
        trusted: Which depth is taken; by steps that write depth.
    """

    root: Path
    output_dir: Path
    features: str | None = None
    quiet: bool = False
    trusted: TrustedDepth = field(default_factory=TrustedDepth)

    def inputs(self, scene: str) -> Sequence[Path]:
        """See `SceneStep.inputs`."""
        return [self.localized(scene), *self.trusted.inputs(scene)]

    def output(self, scene: str) -> Path:
        """See `SceneStep.output`."""
        return self.output_dir / scene

    def find_scenes(self) -> list[str]:
        """The scenes that can be made.

        Raises:
            InputError: A file that says so cannot be read, or there is no such folder of masks.
        """
        self.trusted.check()
        return localized_scenes(self.root)

    def listing(self) -> tuple[Path, Iterable[str]] | None:
        """A file that lists scenes without asking for all of them, and its scenes; or None."""
        return None

    def finish(self) -> None:
        """What remains to be done when all scenes are."""

    def localized(self, scene: str) -> Path:
        """The folder of a localized scene, see `find_localized`."""
        return find_localized(self.root, scene, self.features)

    def views(
        self, scene: str, frames: Sequence[FrameGeometry], problems: list[str]
    ) -> Iterator[tuple[FrameGeometry, DepthMap]]:
        """Views of a scene and their depth; what cannot be read is added to the problems."""
        for frame in tqdm(frames, desc=scene, unit="view", disable=self.quiet, leave=False):
            try:
                depth_map = frame.load_depth()
            except InputError as error:
                problems.append(f"{error}; view left out")
                continue
            yield frame, depth_map

    def frames(self, scene: str, problems: list[str]) -> Sequence[FrameGeometry]:
        """All views of a localized scene, see `read_localized`."""
        return read_localized(self.localized(scene), problems).frames


class RunnableStep(SceneStep, Protocol):
    """A `LocalizedStep` with all that its kinds add."""

    @property
    def root(self) -> Path:
        """See `LocalizedStep`."""
        ...

    def find_scenes(self) -> list[str]:
        """See `LocalizedStep`."""
        ...

    def listing(self) -> tuple[Path, Iterable[str]] | None:
        """See `LocalizedStep`."""
        ...

    def finish(self) -> None:
        """See `LocalizedStep`."""
        ...


def summed_up(scene: str, summary: str, views: int, problems: Sequence[str]) -> str:
    """The summary of a scene that is whole.

    Raises:
        IncompleteScene: Some views could not be read.
        InputError: None could.
    """
    if not views:
        raise InputError(f"{scene}: no view could be read; {problems[0]}")
    if problems:
        raise IncompleteScene(summary, problems)
    return summary


def localized_parser(description: str) -> OneLineParser:
    """A parser with the flags of such steps."""
    parser = step_parser(description)
    parser.add_argument(
        "--megadepth_aerial_dir",
        type=Path,
        required=True,
        help="aerial scenes, as do_colmap_localization left them",
    )
    parser.add_argument("--output_dir", type=Path, required=True, help="where the result goes")
    parser.add_argument(
        "--features", help="what the scenes were localized by, if by several; as in sfm_<features>"
    )
    return parser


def add_min_score(parser: argparse.ArgumentParser) -> None:
    """Add the flag of steps that choose pairs."""
    parser.add_argument(
        "--min_score",
        type=number(float, 0.0, 1.0),
        default=MIN_SCORE,
        help="least share of known pixels that both views of a pair see, mean of the two",
    )


def add_trust_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of steps that write depth, see `TrustedDepth`."""
    parser.add_argument(
        "--sky_masks",
        "--sky-masks",
        type=Path,
        help="folder of masks <scene>/<image>.png, such as 0001/0001_000.jpeg.png, of ADE20K"
        " classes; depth of sky and people is dropped",
    )
    parser.add_argument(
        "--depth_percentile",
        type=number(float, 0.0, 100.0),
        default=None,
        help="drop depth beyond this percentile of each view; AerialMegaDepth's loader takes 98",
    )


def read_trust(args: argparse.Namespace) -> TrustedDepth:
    """What the flags of `add_trust_flags` ask for."""
    return TrustedDepth(args.sky_masks, args.depth_percentile)


def localized_places(args: argparse.Namespace) -> dict[str, Any]:
    """The fields of a `LocalizedStep` that a `localized_parser` knows."""
    return {
        "root": args.megadepth_aerial_dir,
        "output_dir": args.output_dir,
        "features": args.features,
        "quiet": args.quiet or args.workers > 1,
    }


def run_localized(step: RunnableStep, args: argparse.Namespace) -> int:
    """Run a step over the scenes that the command line names, else all that it finds.

    Returns:
        The exit code: 0 = all made, 1 = something could not be.
    """

    def run() -> int:
        found, listing = step.find_scenes(), step.listing()
        scenes = read_scene_list(args.scene_list, found, step.root, listing)
        code = run_listed(step, scenes, args)
        step.finish()
        return code

    return run_door(run, args.quiet)
