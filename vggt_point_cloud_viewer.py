"""Look at the points of photos, a scene or a file: in a window, or as one picture."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import splats
from estimators.cache_folder import cache_folder
from estimators.command_line import add_geometry_flags, idle_geometry_flags, read_compute_options
from estimators.device import chosen_device
from estimators.registry import make_estimators
from renderer.making import make_renderer
from viewer.command_line import check, make_parser, size_of
from viewer.frame_source import FrameSource
from viewer.output import check_output
from viewer.point_cloud_files import read_point_file, subject_of_file
from viewer.showing import ShowOptions, show
from viewer.subject import Subject, SubjectOptions, scene_of_photos, subject_of_scene
from warpset.building.command_line import describe, refuse_idle_flags
from warpset.building.frames import FrameSelection
from warpset.building.options import PointFilter
from warpset.building.pipeline import geometry_source
from warpset.building.scenes import open_scene
from warpset.building.sources.scene_folders import scene_name
from warpset.core.errors import InputError
from warpset.core.sizes import SizeRule
from warpset.recordings.masks import masked

log = logging.getLogger("vggt_point_cloud_viewer")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 = all shown, 1 = something could not be, 2 = wrong command line."""
    parser = make_parser(add_geometry_flags)
    args = parser.parse_args(arguments)
    check(parser, args)
    refuse_idle_flags(parser, args, idle_geometry_flags(args))
    level = logging.WARNING if args.quiet else logging.INFO
    logging.basicConfig(format="%(message)s", level=level, force=True)
    options = ShowOptions(args.output, size_of(args, "viewport"), args.headless, args.theme)
    try:
        check_output(args.output)
        device = chosen_device(args.device)
        subject = find_subject(args)
        for problem in subject.problems:
            log.warning(problem)
        show(subject, source_of(args, subject, device), options)
    except InputError as error:
        log.error(describe(error))
        return 1
    return 1 if subject.problems else 0


def find_subject(args: argparse.Namespace) -> Subject:
    """What the command line asks to look at.

    Raises:
        InputError: There is nothing to look at.
    """
    resize_wh = size_of(args, "resize")
    size = SizeRule(None, resize_wh) if resize_wh else SizeRule()
    points = PointFilter(args.conf_threshold)
    options = SubjectOptions(size, points, args.max_points or None, args.quiet)
    if args.ply:
        return subject_of_file(args.ply, read_point_file(args.ply, splats), options)
    if args.scene:
        scene = open_scene(args.scene, FrameSelection(), minimum=1)
    else:
        scene = scene_of_photos(args.images)
    with cache_folder(keep=not args.nocache) as cache_dir:
        estimators = make_estimators(read_compute_options(args), cache_dir)
        _, estimate = geometry_source(scene, args.geometry, estimators)
        geometry = masked(estimate(), scene.masks)
        subject = subject_of_scene(scene_name(scene.path), geometry, options)
    return replace(subject, problems=(*scene.problems, *subject.problems))


def source_of(args: argparse.Namespace, subject: Subject, device: str) -> FrameSource:
    """What renders the subject, as the command line asks for it."""
    wished = {"occlusion_threshold": args.occlusion_threshold, "coarse_level": args.coarse_level}
    settings = {name: value for name, value in wished.items() if value is not None}

    def renderer(size_wh: tuple[int, int], sigma_px: float) -> Any:
        return make_renderer(size_wh, sigma_px, device, **settings)

    s0 = subject.s0 if args.auto_s0 else args.s0
    return FrameSource(subject.cloud, s0 or None, args.sigma, renderer, device)


if __name__ == "__main__":
    sys.exit(main())
