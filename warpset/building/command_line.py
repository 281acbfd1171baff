"""The flags of the main script, and how they become `BuildOptions`; it runs nothing."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from ..core.argument_types import OneLineParser, number
from ..core.errors import InputError, Remedy
from ..fleet.command_line import FLEET_WAYS_ON, add_fleet_flags, add_shard_flags
from .clips.plan import TIME_STEP, ClipRule
from .flags.pictures import (
    add_depth_flags,
    add_mask_flags,
    add_one_photo_flags,
    add_point_flags,
    add_rendering_flags,
    add_size_flags,
    add_switch,
    read_mask_rule,
    read_point_filter,
    read_size_rule,
)
from .flags.places import add_places, refuse_places
from .flags.runs import RUN_WAYS_ON, add_run_flags
from .frames import FrameSampling, FrameSelection
from .options import PICTURE_FORMATS, BuildOptions
from .outputs import MAX_REFERENCES, ON_REQUEST
from .pairing import PAIRINGS, Pairing
from .scores import add_quality_flags, read_quality

DEFAULTS = BuildOptions()

WAYS_ON = {
    Remedy.INPUT_FOLDER: "see --input-dir",
    Remedy.FEWER_SKIPPED: "lower --skip-every or raise --limit",
    Remedy.EVERY_NTH_PHOTO: "or use --skip-every instead of --auto-skip",
    Remedy.MAKE_AGAIN: "use --force_output to make it again, or another --output-dir",
    Remedy.MODEL: (
        "give --model a file or depth-anything/DA3-BASE (0.5 GB, Apache-2.0), or use --geometry "
        "stereo (nothing to fetch) or recorded"
    ),
    Remedy.STEREO: "or use --geometry stereo",
    Remedy.STEREO_ENGINE: "install it or use --stereo-engine sweep",
    Remedy.DEVICE: "use --device cpu",
    Remedy.CAMERAS: "use --cameras sfm, or leave it out",
    Remedy.NO_CACHE: "or use --nocache, which keeps geometry in the system's temporary folder",
    Remedy.SKY_MODEL: "give --sky-model PATH, or leave out --filter-sky",
    **FLEET_WAYS_ON,
    **RUN_WAYS_ON,
}
"""What mends an error, as the command line has it."""

EXAMPLES = """examples:
  python build_warp_dataset.py --input-dir examples/scenes
      the room that comes with the project, whose cameras and depth are recorded
  python build_warp_dataset.py --input-dir photos --model depth-anything/DA3-BASE
      a folder a place in photos/, by a network that is fetched once (0.5 GB)
  python build_warp_dataset.py --geometry stereo --bidirectional --save-mask
      the same for input/, without a network; every neighbour both ways, with holes
  python build_warp_dataset.py --pairing covisible --plan
      how many holes the pairs of photos in any order would have, before any is made
  python build_warp_dataset.py --doctor
      what this system has, and what to do about what it lacks
"""

AddFlags = Callable[[argparse._ArgumentGroup], None]
"""Adds flags to a group of a parser."""


def describe(error: Exception) -> str:
    """An error as a line for whoever uses the command line."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return error.told(WAYS_ON) if isinstance(error, InputError) else str(error)


def share_range(text: str) -> tuple[float, float]:
    """An argparse type: `0.25:0.95`, two shares of which the first is less."""
    try:
        minimum, maximum = map(float, text.split(":"))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"found {text!r}, need two, as 0.25:0.95") from error
    if not 0 <= minimum < maximum <= 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, need 0 <= MIN < MAX <= 1")
    return minimum, maximum


def clip_frames(text: str) -> int:
    """An argparse type: frames of a clip, 4n+1 of them, at least 5."""
    frames = int(number(int, 5, 1001)(text))
    if frames % TIME_STEP != 1:
        low = frames - (frames - 1) % TIME_STEP
        raise argparse.ArgumentTypeError(
            f"found {text}, need 4n+1 as {low} or {low + TIME_STEP}, which video models take"
        )
    return frames


def make_parser(add_geometry_flags: AddFlags) -> OneLineParser:
    """The command line of the main script.

    Args:
        add_geometry_flags: Adds the flags of whatever estimates depth and cameras.
    """
    parser = OneLineParser(
        prog="build_warp_dataset.py",
        description="Photos of places in, warp pairs (splats, target, reference) out.",
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    _add_files(parser.add_argument_group("input and output"))
    add_size_flags(parser.add_argument_group("resolution"))
    add_geometry_flags(parser.add_argument_group("depth and cameras"))
    add_rendering_flags(parser.add_argument_group("rendering"))
    filters = parser.add_argument_group("filters")
    add_point_flags(filters)
    add_mask_flags(filters)
    add_depth_flags(filters)
    add_quality_flags(filters, "reject", DEFAULTS.quality)
    add_switch(filters, "--match-exposure", "make splats and reference as bright as the target")
    _add_frames(parser.add_argument_group("frames"))
    _add_system(parser.add_argument_group("system"))
    machines = parser.add_argument_group("many machines")
    add_fleet_flags(machines)
    add_shard_flags(machines)
    add_run_flags(machines)
    return parser


def _add_files(group: argparse._ArgumentGroup) -> None:
    add_places(group)
    group.add_argument(
        "--output-format",
        choices=PICTURE_FORMATS,
        default=DEFAULTS.output_format,
        help="format of splats, target and reference; JPEG has quality 95",
    )
    for kind in ON_REQUEST:
        group.add_argument(kind.flag, dest=f"save_{kind.name}", action="store_true", help=kind.help)
    group.add_argument(
        "--save-scene-splats",
        dest="save_scene_gaussians",
        action="store_true",
        help="write all frames' points of a scene as one splat PLY",
    )
    group.add_argument(
        "--save-colmap",
        dest="save_colmap_model",
        action="store_true",
        help="write the cameras used, undistorted photos and points as a COLMAP model",
    )
    add_switch(group, "--force_output", "make again what is there already")
    add_switch(group, "--dry-run", "only say what would be made")
    add_switch(group, "--plan", "only find depth and say what share of holes pairs would have")


def _add_frames(group: argparse._ArgumentGroup) -> None:
    selection = DEFAULTS.selection
    group.add_argument(
        "--skip-every",
        type=number(int, 1),
        default=selection.skip_every,
        help="use every Nth photo",
    )
    group.add_argument(
        "--fps",
        type=number(float, 0.001),
        default=None,
        help="photos taken from a video per second; as many as its motion asks for if not given",
    )
    group.add_argument(
        "--frames",
        type=number(int, 2),
        default=None,
        help="photos taken from a video altogether, evenly over its time",
    )
    add_switch(group, "--auto-skip", "choose frames by the view overlap of recorded cameras")
    group.add_argument(
        "--target-overlap",
        type=number(float, 0, 1),
        default=0.5,
        help="view overlap of neighbours that --auto-skip aims at",
    )
    group.add_argument(
        "--limit", type=number(int, 0), default=0, help="first N frames of a scene; 0 = all"
    )
    add_switch(group, "--bidirectional", "warp every neighbour into the earlier view as well")
    _add_pairing(group)
    add_one_photo_flags(group)


def _add_pairing(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--clips",
        type=clip_frames,
        default=None,
        metavar="N",
        help="instead of pairs: every N frames a clip of the first warped into all; N = 4n+1, and "
        "8n+1 for models such as LTX-Video",
    )
    group.add_argument(
        "--clip-crf",
        type=number(int, 1, 51),
        default=None,
        help="for --clips: quality of the videos, 1 best; without loss if not given",
    )
    pairing = DEFAULTS.pairing
    group.add_argument(
        "--pairing",
        choices=PAIRINGS,
        default=pairing.rule,
        help="pair neighbours in name order, frames that share surface, or all with all",
    )
    group.add_argument(
        "--covisibility",
        type=share_range,
        default=pairing.covisibility,
        metavar="MIN:MAX",
        help="for covisible: share of the reference's points that the target sees",
    )
    group.add_argument(
        "--pairs-per-frame",
        type=number(int, 1),
        default=pairing.pairs_per_frame,
        help="for covisible: references of each target at most",
    )
    group.add_argument(
        "--references",
        type=number(int, 1, MAX_REFERENCES),
        default=DEFAULTS.references,
        help="photos warped into each target's view together, those that cover it best",
    )


def add_system_flags(group: argparse._ArgumentGroup) -> None:
    """Flags that every command which computes takes."""
    group.add_argument(
        "--device",
        choices=("cuda", "cpu"),
        default=None,
        help="where to compute; chosen by what is there if not given",
    )
    add_switch(group, "--nocache", "neither read nor keep estimated geometry in .cache/")
    add_switch(group, "--quiet", "say problems only")


def _add_system(group: argparse._ArgumentGroup) -> None:
    add_system_flags(group)
    add_switch(group, "--clear-cache", "delete .cache/ first")
    add_switch(
        group, "--doctor", "only say what this system has, and what to do about what it lacks"
    )
    group.add_argument(
        "--workers",
        type=number(int, 1),
        default=DEFAULTS.workers,
        help="pairs made at once, a thread each; as many as cores if not given",
    )


Idle = Mapping[str, tuple[bool, str]]
"""By flag, whether it has no effect, and what it needs for one."""


def refuse_idle_flags(parser: OneLineParser, args: argparse.Namespace, idle: Idle) -> None:
    """End with code 2 where a flag was set that has no effect."""
    for flag, (has_none, need) in idle.items():
        name = flag.removeprefix("--").replace("-", "_")
        if has_none and getattr(args, name) != parser.get_default(name):
            parser.error(f"{flag} has no effect here, it needs {need}; add that or drop it")


def _idle_flags(args: argparse.Namespace) -> dict[str, tuple[bool, str]]:
    """Which flags have no effect beside the others, see `Idle`."""
    by_surface = args.pairing == "covisible"
    only_covisible = not by_surface, "--pairing covisible"
    idle = {
        "--sky-model": (not args.filter_sky, "--filter-sky"),
        "--mask-grow": (args.mask_model is None, "--mask-model"),
        "--depth-scale": (args.geometry not in ("auto", "recorded"), "--geometry recorded or auto"),
        "--target-overlap": (not args.auto_skip, "--auto-skip"),
        "--cpus-per-worker": (args.ray is None, "--ray"),
        "--gpus-per-worker": (args.ray is None or args.device == "cpu", "--ray and a GPU"),
        "--stage-gb": (args.ray is not None, "no --ray, whose workers overlap each other"),
        "--covisibility": only_covisible,
        "--pairs-per-frame": only_covisible,
        "--bidirectional": (by_surface, "another --pairing, for covisible pairs go both ways"),
        "--hole-share": (not args.from_one_photo, "--from-one-photo"),
        "--sigma": (args.hole_fill != "fade", "--hole-fill fade"),
        "--clip-crf": (args.clips is None, "--clips"),
    }
    if args.dry_run or args.plan:
        of_writing = "--join", "--retry-failed", "--stage-gb", "--prometheus"
        idle |= dict.fromkeys(of_writing, (True, "a run that writes"))
    if args.clips:
        of_pairs = "--bidirectional", "--pairing", "--plan", "--references"
        idle |= dict.fromkeys(of_pairs, (True, "no --clips"))
    if args.from_one_photo:
        of_two = "--pairing", "--bidirectional", "--plan", "--clips", "--references"
        idle |= dict.fromkeys(of_two, (True, "pairs of two photos, without --from-one-photo"))
    return idle


def refuse_contradictions(parser: OneLineParser, args: argparse.Namespace) -> None:
    """End with code 2 where flags contradict each other or have no effect."""
    for kind in ON_REQUEST if args.clips else ():
        if getattr(args, f"save_{kind.name}"):
            parser.error(f"{kind.flag} has no effect beside --clips; drop one of them")
    refuse_idle_flags(parser, args, _idle_flags(args))
    if bool(args.resize_width) != bool(args.resize_height):
        parser.error("--resize-width and --resize-height go together; give both or neither")
    if args.plan and (args.dry_run or args.ray is not None):
        other = "--dry-run" if args.dry_run else "--ray"
        parser.error(f"--plan and {other} exclude each other; give one of them")
    if args.fps and args.frames:
        parser.error("--fps and --frames exclude each other; give one of them")
    if args.size_preset and args.resize_width:
        parser.error("--size-preset and --resize-width exclude each other; give one of them")
    refuse_places(parser, args)


def read_options(parser: OneLineParser, args: argparse.Namespace) -> BuildOptions:
    """Turn parsed flags into options; contradictions end the program with code 2."""
    refuse_contradictions(parser, args)
    return BuildOptions(
        geometry=args.geometry,
        output_format=args.output_format,
        size_rule=read_size_rule(args),
        upsample_depth=args.upsample_depth,
        point_filter=read_point_filter(args),
        mask_rule=read_mask_rule(args),
        depth_agreement=args.depth_agreement or None,
        augment_depth=args.augment_depth,
        hole_shares=args.hole_share if args.from_one_photo else (),
        hole_fill=args.hole_fill,
        depth_scale=args.depth_scale,
        sigma_px=args.sigma,
        auto_s0=args.auto_s0,
        selection=FrameSelection(
            args.skip_every, args.target_overlap if args.auto_skip else None, args.limit or None
        ),
        pairing=Pairing(args.pairing, args.covisibility, args.pairs_per_frame),
        references=args.references,
        sampling=FrameSampling(args.fps, args.frames),
        clips=ClipRule(args.clips, args.clip_crf) if args.clips else None,
        bidirectional=args.bidirectional,
        quality=read_quality(args),
        match_exposure=args.match_exposure,
        extras=frozenset(kind.name for kind in ON_REQUEST if getattr(args, f"save_{kind.name}")),
        scene_gaussians=args.save_scene_gaussians,
        colmap_model=args.save_colmap_model,
        force=args.force_output,
        dry_run=args.dry_run,
        plan=args.plan,
        quiet=args.quiet,
        workers=args.workers,
    )
