"""The viewer's flags; it runs nothing."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

from warpset.building.command_line import (
    DEFAULTS,
    AddFlags,
    OneLineParser,
    add_system_flags,
    number,
    refuse_idle_flags,
)
from warpset.building.flags.pictures import add_splat_flags, confidence_threshold
from warpset.building.options import PointFilter
from warpset.building.views.command_line import add_other_sources, add_photos, need_one_source
from warpset.core.sizes import SizeRule

from .desktop.theme import THEMES
from .frame_source import FrameSource
from .serve_options import ServedScene, ServeOptions
from .subject import Subject, SubjectOptions

Load = Callable[[argparse.Namespace], tuple[Subject, FrameSource]]


def make_parser(add_geometry_flags: AddFlags) -> OneLineParser:
    """The command line of the viewer.

    Args:
        add_geometry_flags: Adds the flags of whatever estimates depth and cameras.
    """
    parser = OneLineParser(
        prog="vggt_point_cloud_viewer.py",
        description="Looks at the points of photos, a scene or a file; or renders one picture.",
        allow_abbrev=False,
    )
    add_photos(parser)
    _add_files(parser.add_argument_group("input and output"))
    _add_browser(parser.add_argument_group("in a browser"))
    _add_sizes(parser.add_argument_group("sizes"))
    _add_rendering(parser.add_argument_group("rendering"))
    _add_points(parser.add_argument_group("points"))
    add_geometry_flags(parser.add_argument_group("geometry of photos"))
    add_system_flags(parser.add_argument_group("system"))
    return parser


def _add_files(group: argparse._ArgumentGroup) -> None:
    add_other_sources(group)
    group.add_argument(
        "--output",
        type=Path,
        default=Path("out.png"),
        help="picture (.png or .jpg) that is saved, or that is rendered without a window",
    )
    group.add_argument(
        "--headless",
        action="store_true",
        help="render one picture to --output, as is done where no window can be opened",
    )
    group.add_argument(
        "--theme", choices=THEMES, default="auto", help="colours of what is no picture"
    )


def _add_browser(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--serve", action="store_true", help="show it in browsers instead of a window (group serve)"
    )
    group.add_argument(
        "--more-scenes",
        nargs="+",
        type=Path,
        default=[],
        metavar="SCENE",
        help="scene folders to choose from besides --scene",
    )
    group.add_argument(
        "--host", default=ServeOptions.host, help="address of this machine that browsers reach"
    )
    group.add_argument(
        "--port",
        type=number(int, 0, 65535),
        default=ServeOptions.port,
        help="the next one that is free where it is taken; 0 = any",
    )


def _add_sizes(group: argparse._ArgumentGroup) -> None:
    for side in ("width", "height"):
        group.add_argument(
            f"--viewport-{side}",
            type=number(int, 0),
            default=0,
            help=f"{side} of window and picture in pixels; 0 = the first photo's",
        )
    for side in ("width", "height"):
        group.add_argument(
            f"--resize-{side}",
            type=number(int, 0),
            default=0,
            help=f"{side} of the photos whose pixels become points; 0 = their own, "
            f"shrunk to {DEFAULTS.size_rule.max_megapixels:g} megapixel",
        )


def _add_rendering(group: argparse._ArgumentGroup) -> None:
    add_splat_flags(group)
    group.add_argument(
        "--s0",
        type=number(float, 0),
        default=None,
        help="diameter of a point's splat in scene units; the renderer's if 0 or not given",
    )
    group.add_argument(
        "--occlusion-threshold",
        type=number(float, 0),
        default=None,
        help="how closed in a point must be to count as hidden; 0 hides nothing; "
        "the renderer's if not given",
    )
    group.add_argument(
        "--coarse-level",
        type=number(int, 0, 16),
        default=None,
        help="coarsest level searched for what hides a point; the renderer's if not given",
    )


def _add_points(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--conf-threshold",
        type=confidence_threshold,
        default=DEFAULTS.point_filter.confidence,
        help="least confidence of a point; higher drops more; pNN drops the lowest NN per cent",
    )
    group.add_argument(
        "--max-points",
        type=number(int, 0),
        default=SubjectOptions().max_points,
        help="show no more points than this; 0 = no bound",
    )


def check(parser: OneLineParser, args: argparse.Namespace) -> None:
    """Contradictions end the program with code 2."""
    need_one_source(parser, args)
    needs_serve = not args.serve, "--serve"
    refuse_idle_flags(
        parser,
        args,
        {
            "--headless": (args.serve, "no --serve"),
            "--viewport-width": (args.serve, "no --serve"),
            "--viewport-height": (args.serve, "no --serve"),
            "--more-scenes": (not (args.serve and args.scene), "--serve and --scene"),
            "--host": needs_serve,
            "--port": needs_serve,
        },
    )
    for flag in ("viewport", "resize"):
        if bool(getattr(args, f"{flag}_width")) != bool(getattr(args, f"{flag}_height")):
            parser.error(f"--{flag}-width and --{flag}-height go together; give both or neither")
    if args.auto_s0 and args.s0:
        parser.error("--auto-s0 and --s0 exclude each other; give one of them")


def size_of(args: argparse.Namespace, flag: str) -> tuple[int, int] | None:
    """Width and height that a pair of flags gives, `viewport` or `resize`; None for neither."""
    width = getattr(args, f"{flag}_width")
    return (width, getattr(args, f"{flag}_height")) if width else None


def read_subject_options(args: argparse.Namespace) -> SubjectOptions:
    """Which points are shown."""
    resize_wh = size_of(args, "resize")
    size = SizeRule(None, resize_wh) if resize_wh else SizeRule()
    points = PointFilter(args.conf_threshold)
    return SubjectOptions(size, points, args.max_points or None, args.quiet)


def served_scenes(args: argparse.Namespace, load: Load) -> dict[str, ServedScene]:
    """The scenes to choose from, by name.

    Args:
        args: The flags.
        load: Makes what the flags ask for, which name one scene then.
    """
    if args.scene is None:
        source = ["--ply", args.ply] if args.ply else args.images
        arguments = shlex.join(map(str, source))
        return {str(source[-1]): ServedScene(partial(load, args), arguments)}
    return {
        str(scene): ServedScene(
            partial(load, argparse.Namespace(**vars(args) | {"scene": scene})),
            shlex.join(["--scene", str(scene)]),
        )
        for scene in (args.scene, *args.more_scenes)
    }
