"""The flags of `render_views.py`, and how they become options; it runs nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from ...core.argument_types import OneLineParser, number
from ...core.errors import InputError
from ...core.masks import ConfidenceThreshold
from ..command_line import AddFlags, add_system_flags, refuse_idle_flags
from ..flags.pictures import (
    add_point_flags,
    add_rendering_flags,
    add_size_flags,
    read_point_filter,
    read_size_rule,
)
from ..options import BuildOptions
from ..pairs.record import read_records
from .camera_paths import PATHS, CameraPath, Move

MOVES = tuple(field.name for field in fields(Move))[:3]
DEFAULT_FRAMES = 48


def make_parser(add_geometry_flags: AddFlags) -> OneLineParser:
    """The command line.

    Args:
        add_geometry_flags: Adds the flags of whatever estimates depth and cameras.
    """
    parser = OneLineParser(
        prog="render_views.py",
        description="Renders a photo from where none was taken, as pairs are rendered.",
        allow_abbrev=False,
    )
    add_photos(parser)
    _add_files(parser.add_argument_group("input and output"))
    _add_views(parser.add_argument_group("views"))
    add_size_flags(parser.add_argument_group("resolution"))
    add_geometry_flags(parser.add_argument_group("depth and cameras"))
    add_rendering_flags(parser.add_argument_group("rendering"))
    add_point_flags(parser.add_argument_group("filters"))
    add_system_flags(parser.add_argument_group("system"))
    return parser


def add_photos(parser: OneLineParser) -> None:
    """Photos, as a command's own arguments."""
    parser.add_argument(
        "images", nargs="*", type=Path, metavar="IMAGES", help="photos of one place"
    )


def add_other_sources(group: argparse._ArgumentGroup) -> None:
    """What may be given instead of photos."""
    group.add_argument("--scene", type=Path, help="a scene folder instead of photos")
    group.add_argument("--ply", type=Path, help="a point cloud or Gaussian PLY instead of photos")


def need_one_source(parser: OneLineParser, args: argparse.Namespace) -> None:
    """End with code 2 unless there is one source."""
    sources = [name for name in ("images", "scene", "ply") if getattr(args, name)]
    if len(sources) != 1:
        found = " and ".join(sources) or "none"
        parser.error(f"found {found}, need one of IMAGES, --scene and --ply")


def _add_files(group: argparse._ArgumentGroup) -> None:
    add_other_sources(group)
    group.add_argument(
        "--photo", help="file name of the photo to start from; the first if not given"
    )
    group.add_argument("--output-dir", type=Path, default=Path("views"), help="where views go")
    group.add_argument(
        "--force_output", action="store_true", help="write over views that are there already"
    )
    group.add_argument(
        "--like",
        type=Path,
        help="a scene's folder of pairs, whose options count where no flag says otherwise",
    )


def _add_views(group: argparse._ArgumentGroup) -> None:
    kinds = "; ".join(f"{name} {kind.text}" for name, kind in PATHS.items())
    group.add_argument("--path", choices=tuple(PATHS), help=kinds)
    group.add_argument(
        "--angle", type=number(float, -360, 360), help="degrees of orbit, pan or turntable"
    )
    group.add_argument(
        "--distance",
        type=number(float, -10, 10),
        help="of dolly, crane or spiral, as a share of the depth",
    )
    group.add_argument(
        "--frames",
        type=number(int, 1),
        default=DEFAULT_FRAMES,
        help="views of a path, or between keyframes",
    )
    group.add_argument(
        "--cameras",
        type=Path,
        help="pairs.jsonl, cameras.json, keyframes, transforms.json or a COLMAP model's folder",
    )
    for flag, text in zip(MOVES, ("to the right", "upwards", "clockwise"), strict=True):
        name = flag.removesuffix("_deg")
        group.add_argument(
            f"--{name}", type=number(float, -360, 360), default=0.0, help=f"degrees turned {text}"
        )
    group.add_argument(
        "--move",
        type=number(float, -10, 10),
        nargs=3,
        metavar=("RIGHT", "UP", "FORWARD"),
        default=[0.0, 0.0, 0.0],
        help="way to one view, as shares of the depth",
    )


def parse(parser: OneLineParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The flags, those that `--like` stands for included; contradictions end with code 2."""
    args = parser.parse_args(arguments)
    if args.like is not None:
        try:
            parser.set_defaults(**_recorded_flags(args.like, args))
        except InputError as error:
            parser.error(str(error))
        args = parser.parse_args(arguments)
    _refuse_contradictions(parser, args)
    return args


def _recorded_flags(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Defaults by flag, as the first record of a folder of pairs has them; off is 0."""
    records = read_records(folder)
    if not records:
        raise InputError(f"{folder}: found no pairs, need a scene's folder with pairs.jsonl")
    recorded = {name.replace("-", "_"): value for name, value in records[0].options.items()}
    if recorded.get("sky_model") and args.sky_model is None:
        raise InputError(f"{folder}: its pairs have a sky model of their own; give --sky-model")
    zero = {"max_megapixels", "resize_width", "resize_height", "depth_edge_threshold"}
    flags: dict[str, Any] = {
        name: 0 if value is None and name in zero else value
        for name, value in recorded.items()
        if hasattr(args, name) and name != "sky_model"
    }
    if "depth_conf_threshold" in flags:
        flags["depth_conf_threshold"] = ConfidenceThreshold.parse(flags["depth_conf_threshold"])
    return flags


def _refuse_contradictions(parser: OneLineParser, args: argparse.Namespace) -> None:
    need_one_source(parser, args)
    ways = [name for name in ("path", "cameras") if getattr(args, name)]
    if read_move(args) != Move():
        ways.append("yaw, pitch, roll or move")
    if len(ways) != 1:
        found = " and ".join(ways) or "none"
        parser.error(f"found {found}, need --path, --cameras, or --yaw, --pitch, --roll, --move")
    unit = PATHS[args.path].unit if args.path else None
    refuse_idle_flags(
        parser,
        args,
        {
            "--angle": (unit != "angle", "--path orbit, pan or turntable"),
            "--distance": (unit != "distance", "--path dolly, crane or spiral"),
            "--frames": (not (args.path or args.cameras), "--path or keyframes"),
            "--photo": (bool(args.ply), "photos"),
            "--sky-model": (not args.filter_sky, "--filter-sky"),
            "--sigma": (args.hole_fill != "fade", "--hole-fill fade"),
        },
    )
    if bool(args.resize_width) != bool(args.resize_height):
        parser.error("--resize-width and --resize-height go together; give both or neither")
    if args.size_preset and args.resize_width:
        parser.error("--size-preset and --resize-width exclude each other; give one of them")


def read_move(args: argparse.Namespace) -> Move:
    """The one view that the flags ask for."""
    return Move(args.yaw, args.pitch, args.roll, *args.move)


def read_path(args: argparse.Namespace) -> CameraPath:
    """The path that the flags ask for."""
    kind = PATHS[args.path]
    size = args.angle if kind.unit == "angle" else args.distance
    return CameraPath(args.path, kind.size if size is None else size, args.frames)


def read_options(args: argparse.Namespace) -> BuildOptions:
    """What the views look like."""
    return BuildOptions(
        geometry=args.geometry,
        size_rule=read_size_rule(args),
        upsample_depth=args.upsample_depth,
        point_filter=read_point_filter(args),
        hole_fill=args.hole_fill,
        sigma_px=args.sigma,
        auto_s0=args.auto_s0,
        force=args.force_output,
        quiet=args.quiet,
    )
