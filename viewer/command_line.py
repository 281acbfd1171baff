"""The viewer's flags; it runs nothing."""

from __future__ import annotations

import argparse
from pathlib import Path

from warpset.building.command_line import (
    DEFAULTS,
    AddFlags,
    OneLineParser,
    add_system_flags,
    number,
)
from warpset.building.flags.pictures import confidence_threshold

from .desktop.theme import THEMES
from .subject import SubjectOptions


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
    parser.add_argument(
        "images", nargs="*", type=Path, metavar="IMAGES", help="photos of one place"
    )
    _add_files(parser.add_argument_group("input and output"))
    _add_sizes(parser.add_argument_group("sizes"))
    _add_rendering(parser.add_argument_group("rendering"))
    _add_points(parser.add_argument_group("points"))
    add_geometry_flags(parser.add_argument_group("geometry of photos"))
    add_system_flags(parser.add_argument_group("system"))
    return parser


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--scene", type=Path, help="a scene folder instead of photos")
    group.add_argument("--ply", type=Path, help="a point cloud or Gaussian PLY instead of photos")
    group.add_argument(
        "--output",
        type=Path,
        default=Path("out.png"),
        help="picture (.png or .jpg) that E saves, or that is rendered without a window",
    )
    group.add_argument(
        "--headless",
        action="store_true",
        help="render one picture to --output, as is done where no window can be opened",
    )
    group.add_argument(
        "--theme", choices=THEMES, default="auto", help="colours of menu, help and messages"
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
    group.add_argument(
        "--sigma",
        type=number(float, 0),
        default=DEFAULTS.sigma_px,
        help="distance in pixels over which filled holes fade to black",
    )
    group.add_argument(
        "--auto-s0",
        action="store_true",
        help="estimate the splat size from depth and intrinsics",
    )
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
    sources = [name for name in ("images", "scene", "ply") if getattr(args, name)]
    if len(sources) != 1:
        found = " and ".join(sources) or "none"
        parser.error(f"found {found}, need one of IMAGES, --scene and --ply")
    for flag in ("viewport", "resize"):
        if bool(getattr(args, f"{flag}_width")) != bool(getattr(args, f"{flag}_height")):
            parser.error(f"--{flag}-width and --{flag}-height go together; give both or neither")
    if args.auto_s0 and args.s0:
        parser.error("--auto-s0 and --s0 exclude each other; give one of them")


def size_of(args: argparse.Namespace, flag: str) -> tuple[int, int] | None:
    """Width and height that a pair of flags gives, `viewport` or `resize`; None for neither."""
    width = getattr(args, f"{flag}_width")
    return (width, getattr(args, f"{flag}_height")) if width else None
