"""Look at the points of photos, a scene or a file: in a window, a browser, or as one picture."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import splats
from estimators.cache_folder import cache_folder
from estimators.command_line import add_geometry_flags, idle_geometry_flags, read_compute_options
from estimators.device import named_device
from estimators.registry import make_estimators
from renderer.making import make_renderer
from viewer.command_line import check, make_parser, read_subject_options, served_scenes, size_of
from viewer.frame_source import FrameSource, Look
from viewer.output import check_output
from viewer.point_cloud_files import read_point_file, subject_of_file
from viewer.serve_options import ServeOptions
from viewer.showing import ShowOptions, show
from viewer.subject import Subject, subject_of_scene
from warpset.building.command_line import describe, refuse_idle_flags
from warpset.building.pipeline import geometry_source
from warpset.building.sources.scene_folders import scene_name
from warpset.building.views.sources import photos_of
from warpset.core.errors import InputError

log = logging.getLogger("vggt_point_cloud_viewer")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 = all shown, 1 = something could not be, 2 = wrong command line."""
    parser = make_parser(add_geometry_flags)
    args = parser.parse_args(arguments)
    check(parser, args)
    refuse_idle_flags(parser, args, idle_geometry_flags(args))
    level = logging.WARNING if args.quiet else logging.INFO
    logging.basicConfig(format="%(message)s", level=level, force=True)
    try:
        check_output(args.output)
        device = named_device(args.device)
        if args.serve:
            serve_scenes(args, device)
            return 0
        subject, source = load(args, device)
        size_wh = size_of(args, "viewport")
        show(subject, source, ShowOptions(args.output, size_wh, args.headless, args.theme))
    except InputError as error:
        log.error(describe(error))
        return 1
    return 1 if subject.problems else 0


def serve_scenes(args: argparse.Namespace, device: str) -> None:
    """Show what the command line asks for in browsers until told to stop.

    Raises:
        InputError: It cannot be shown, or viser is not there.
    """
    try:
        from viewer.browser.serving import serve
    except ModuleNotFoundError as error:
        text = f"{error.name}: not installed, need it for browsers; run with uv run --group serve"
        raise InputError(text) from error
    served = served_scenes(args, partial(load, device=device))
    with cache_folder(keep=not args.nocache) as folder:
        where = args.host, args.port, args.theme == "dark"
        serve(served, ServeOptions(args.output, folder / "viewer", *where))


def load(args: argparse.Namespace, device: str) -> tuple[Subject, FrameSource]:
    """What the command line asks to look at, and what renders it; problems are said.

    Raises:
        InputError: There is nothing to look at.
    """
    subject = find_subject(args)
    for problem in subject.problems:
        log.warning(problem)
    return subject, source_of(args, subject, device)


def find_subject(args: argparse.Namespace) -> Subject:
    """The points that the command line asks for, and cameras.

    Raises:
        InputError: There are none.
    """
    options = read_subject_options(args)
    if args.ply:
        return subject_of_file(args.ply, read_point_file(args.ply, splats), options)
    scene = photos_of(args.scene, args.images)
    with cache_folder(keep=not args.nocache) as cache_dir:
        estimators = make_estimators(read_compute_options(args), cache_dir)
        _, estimate = geometry_source(scene, args.geometry, estimators)
        subject = subject_of_scene(scene_name(scene.path), estimate(), options)
    return replace(subject, problems=(*scene.problems, *subject.problems))


def source_of(args: argparse.Namespace, subject: Subject, device: str) -> FrameSource:
    """What renders the subject, as the command line asks for it."""
    wished = {"occlusion_threshold": args.occlusion_threshold, "coarse_level": args.coarse_level}
    settings = {name: value for name, value in wished.items() if value is not None}

    def renderer(size_wh: tuple[int, int], sigma_px: float) -> Any:
        return make_renderer(size_wh, sigma_px, device, **settings)

    s0 = subject.s0 if args.auto_s0 else args.s0
    return FrameSource(subject.cloud, Look(args.sigma, s0 or None), renderer, device)


if __name__ == "__main__":
    sys.exit(main())
