"""Photos in, views from where no photo was taken out, rendered as training pairs are."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import splats
from estimators.cache_folder import cache_folder
from estimators.command_line import add_geometry_flags, idle_geometry_flags, read_compute_options
from estimators.device import named_device
from estimators.registry import make_estimators, make_segmenter
from renderer.making import frames_at_once, make_renderer
from viewer.point_cloud_files import read_point_file, subject_of_file
from viewer.subject import SubjectOptions
from warpset.building.command_line import refuse_idle_flags
from warpset.building.pipeline import geometry_source
from warpset.building.views.command_line import make_parser, parse, read_options
from warpset.building.views.rendering import (
    CAMERAS_NAME,
    Vantage,
    render_views,
    vantage_of,
    vantage_of_photo,
)
from warpset.building.views.sources import photos_of
from warpset.building.views.wanted_cameras import find_cameras
from warpset.core.errors import InputError
from warpset.core.sizes import fit_camera
from warpset.fleet.stopping import stopped_by_signals
from warpset.recordings.masks import masked

log = logging.getLogger("render_views")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 = all made, 1 = something could not be, 2 = wrong command line."""
    parser = make_parser(add_geometry_flags)
    args = parse(parser, arguments)
    refuse_idle_flags(parser, args, idle_geometry_flags(args))
    level = logging.WARNING if args.quiet else logging.INFO
    logging.basicConfig(format="%(message)s", level=level, force=True)
    try:
        with stopped_by_signals():
            return _render(args)
    except KeyboardInterrupt:
        log.error(f"{args.output_dir}: stopped; run the same command again")
    except InputError as error:
        log.error(error)
    return 1


def _render(args: argparse.Namespace) -> int:
    """Make what the command line asks for.

    Raises:
        InputError: It cannot be made.
    """
    options, there = read_options(args), args.output_dir / CAMERAS_NAME
    if there.exists() and not options.force:
        raise InputError(f"{there}: is there already; use --force_output or --output-dir")
    device = named_device(args.device)
    vantage = find_vantage(args)
    cameras = find_cameras(args, vantage)
    renderer = partial(make_renderer, device=device, threads=1)
    at_once = partial(frames_at_once, device)
    render_views(vantage, cameras, args.output_dir, options, renderer, at_once)
    log.info(f"{args.output_dir}: {len(cameras)} views of {vantage.name}")
    return 0


def find_vantage(args: argparse.Namespace) -> Vantage:
    """The points that the command line asks for.

    Raises:
        InputError: There are none.
    """
    options = read_options(args)
    if args.ply:
        wanted = SubjectOptions(point_filter=options.point_filter, quiet=args.quiet)
        subject = subject_of_file(args.ply, read_point_file(args.ply, splats), wanted)
        cameras = [one.camera for one in subject.standpoints]
        start = fit_camera(cameras[0], options.size_rule.size_of(cameras[0].size_wh))
        return vantage_of(subject.cloud, subject.s0, start, cameras, subject.name)
    scene = photos_of(args.scene, args.images)
    for problem in scene.problems:
        log.warning(problem)
    compute = replace(read_compute_options(args), sky_model=args.sky_model)
    with cache_folder(keep=not args.nocache) as cache_dir:
        _, estimate = geometry_source(scene, args.geometry, make_estimators(compute, cache_dir))
        geometry = masked(estimate(), scene.masks)
        names = [frame.name for frame in geometry.frames]
        if args.photo is not None and args.photo not in names:
            raise InputError(f"{args.photo}: found no such photo, need one of {', '.join(names)}")
        sky = make_segmenter(compute, cache_dir).score if args.filter_sky else None
        return vantage_of_photo(geometry, names.index(args.photo or names[0]), options, sky)


if __name__ == "__main__":
    sys.exit(main())
