"""Step 7: one page a scene that tells how good its cameras and its depth are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from warpset.building.command_line import number
from warpset.core.errors import InputError
from warpset.core.geometry import DepthMap, FrameGeometry, resample_depth
from warpset.core.sizes import shrunk
from warpset.files.pinhole_photos import read_pinhole

from .localization.localized_scene import REPORT, read_sparse
from .localization.localized_step import (
    LocalizedStep,
    localized_parser,
    localized_places,
    run_localized,
    summed_up,
)
from .localization.report import read_report
from .quality.measures import measure_scene
from .quality.page import Picture, findings, scene_page

PAGE = "index.html"
PICTURE_SIDE_PX = 256
MEASURED_SIDE_PX = 640
"""Depth is measured on rasters none of whose sides is longer."""


@dataclass(frozen=True, kw_only=True)
class QualityControl(LocalizedStep):
    """The step.

    Attributes:
        pictures: How many views are shown, evenly spaced.
    """

    pictures: int = 24

    name = "qc"

    def options(self) -> Mapping[str, object]:
        """See `SceneStep.options`."""
        return {"pictures": self.pictures}

    def inputs(self, scene: str) -> Sequence[Path]:
        """See `SceneStep.inputs`."""
        return [self.localized(scene), self.localized(scene).parent / REPORT]

    def make(self, scene: str, folder: Path) -> str:
        """See `SceneStep.make`."""
        localized, problems = self.localized(scene), []
        report_path = localized.parent / REPORT
        report = read_report(report_path) if report_path.is_file() else None
        views = [
            (frame, _shrunk(depth_map, MEASURED_SIDE_PX))
            for frame, depth_map in self.views(scene, self.frames(scene, problems), problems)
        ]
        if not views:
            return summed_up(scene, "", 0, problems)
        quality = measure_scene(read_sparse(localized), views)
        page = scene_page(scene, quality, report, self._pictures(views, problems))
        (folder / PAGE).write_text(page, encoding="utf-8", errors="replace")
        summary = f"{len(views)} views, {len(findings(quality, report))} findings"
        return summed_up(scene, summary, len(views), problems)

    def _pictures(
        self, views: Sequence[tuple[FrameGeometry, DepthMap]], problems: list[str]
    ) -> list[Picture]:
        """Pictures to show; what cannot be read is added to the problems."""
        shown = views[:: -(-len(views) // self.pictures)] if self.pictures else []
        pictures = []
        for frame, depth_map in shown:
            try:
                pictures.append(_picture(frame, depth_map))
            except InputError as error:
                problems.append(f"{error}; picture left out")
        return pictures


def _shrunk(depth_map: DepthMap, side_px: int) -> DepthMap:
    return resample_depth(depth_map, shrunk(depth_map.camera, side_px))


def _picture(frame: FrameGeometry, depth_map: DepthMap) -> Picture:
    camera = shrunk(frame.photo.camera, PICTURE_SIDE_PX)
    rgb = read_pinhole(frame.photo, camera)
    return Picture(frame.name, rgb, resample_depth(depth_map, camera).depth)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the step; 0 = all made, 1 = something could not be, 2 = wrong command line."""
    args = make_parser().parse_args(arguments)
    return run_localized(QualityControl(**localized_places(args), pictures=args.pictures), args)


def make_parser() -> argparse.ArgumentParser:
    """The step's command line."""
    parser = localized_parser(__doc__ or "")
    parser.add_argument(
        "--pictures",
        type=number(int, 0),
        default=QualityControl.pictures,
        help="views shown with their depth, evenly spaced; 0 = none",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
