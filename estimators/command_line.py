"""The flags that say where depth and cameras come from, and how they become `ComputeOptions`."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import get_args

from vggt.choices import PRECISIONS
from vggt.preprocess import Mode
from warpset.building.command_line import Idle
from warpset.building.options import BuildOptions
from warpset.core.argument_types import number

from .options import CAMERAS, STEREO_ENGINES, ComputeOptions
from .registry import ESTIMATORS

DEFAULTS = ComputeOptions()
NETWORK_FLAGS = ("--model", "--preprocess-mode", "--window", "--precision")


def add_geometry_flags(group: argparse._ArgumentGroup) -> None:
    """Flags that say where depth and cameras come from, and how a network is run for them."""
    group.add_argument(
        "--geometry",
        choices=("auto", *ESTIMATORS, "recorded"),
        default=BuildOptions().geometry,
        help="where depth and cameras come from",
    )
    group.add_argument(
        "--model",
        default=DEFAULTS.model,
        help="weights of the network: a Hub id, a folder, or a .safetensors or .pt file",
    )
    group.add_argument(
        "--preprocess-mode",
        choices=get_args(Mode),
        default=DEFAULTS.mode,
        help="how photos are fitted to the network; each has ways of its own and a default",
    )
    group.add_argument(
        "--window",
        type=number(int, 0),
        default=DEFAULTS.window,
        help="frames predicted together; 0 = the whole scene; what fits the memory if not given",
    )
    group.add_argument(
        "--precision",
        choices=PRECISIONS,
        default=DEFAULTS.precision,
        help="of the network's large layers; auto is bf16 where the processor is fast at it",
    )
    group.add_argument(
        "--stereo-engine",
        choices=STEREO_ENGINES,
        default=DEFAULTS.engine,
        help="dense depth of --geometry stereo: our plane sweep, or COLMAP's patch-match on CUDA",
    )


def add_building_flags(group: argparse._ArgumentGroup) -> None:
    """`add_geometry_flags`, and what is done to whole scenes afterwards."""
    add_geometry_flags(group)
    group.add_argument(
        "--cameras",
        choices=CAMERAS,
        default=DEFAULTS.cameras,
        help="whose cameras a network's or stereo's depth is for; sfm = structure from motion",
    )
    group.add_argument(
        "--refine-cameras",
        action="store_true",
        help="refine cameras over matched features, and bring depth to agree with them",
    )


def idle_geometry_flags(args: argparse.Namespace) -> Idle:
    """Which of `add_geometry_flags` have no effect beside the others."""
    no_network = args.geometry in ("recorded", "stereo"), "--geometry vggt or auto"
    no_stereo = args.geometry != "stereo", "--geometry stereo"
    return {**dict.fromkeys(NETWORK_FLAGS, no_network), "--stereo-engine": no_stereo}


def idle_building_flags(args: argparse.Namespace) -> Idle:
    """Which of `add_building_flags` have no effect beside the others."""
    no_choice = args.geometry == "recorded", "--geometry vggt, stereo or auto"
    if args.geometry == "stereo" and args.cameras == "network":
        no_choice = True, "--geometry vggt or auto for a network's cameras"
    return {**idle_geometry_flags(args), "--cameras": no_choice}


def read_building_options(
    args: argparse.Namespace, options: BuildOptions
) -> tuple[BuildOptions, ComputeOptions]:
    """Options of a build and of whoever estimates for it, given those of the other flags.

    Recorded depth is for recorded cameras alone: with others, `auto` takes an estimator.
    """
    if options.geometry == "auto" and args.cameras in ("network", "sfm"):
        options = replace(options, geometry=next(iter(ESTIMATORS)))
    compute = replace(
        read_compute_options(args), cameras=args.cameras, refine_cameras=args.refine_cameras
    )
    return options, compute


def read_compute_options(args: argparse.Namespace) -> ComputeOptions:
    """Turn parsed flags into options; a command without --sky-model has the published one."""
    return ComputeOptions(
        device=args.device,
        model=args.model,
        mode=args.preprocess_mode,
        window=args.window,
        precision=args.precision,
        engine=args.stereo_engine,
        sky_model=getattr(args, "sky_model", None),
        quiet=args.quiet,
    )
