"""Gaussian splats (3DGS PLY) -> OpenUSD: `.usdc`, `.usdz`, or NVIDIA's NuRec `.usdz`.

uv run --group usd python splats_to_usd.py scene.ply scene.usdz
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from splats import (
    AXES,
    Y_DOWN,
    SplatError,
    StageOptions,
    export_splats_to_usd,
    read_splats,
    recorded_up,
)
from splats.up import Vector


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "input",
        type=Path,
        help="3DGS PLY; with gsply also compressed PLY, and SPZ, which is taken as y-up",
    )
    parser.add_argument("output", type=Path, help=".usdc for a layer, .usdz for a package")
    parser.add_argument(
        "--nurec",
        action="store_true",
        help="a NuRec volume for Isaac Sim and Kit 107 to 110 instead of OpenUSD's Gaussian splats",
    )
    parser.add_argument(
        "--up",
        choices=("y", "z"),
        default=StageOptions.up,
        help="up axis of the stage (default: %(default)s)",
    )
    parser.add_argument(
        "--input-up",
        choices=tuple(AXES),
        help="up axis of the splats; if not given, what the JSON beside them says, else -y",
    )
    parser.add_argument(
        "--metric",
        action="store_true",
        help="the splats are in metres; without it the layer says that its scale is unknown",
    )
    parser.add_argument(
        "--pad-sh",
        type=int,
        choices=(1, 2, 3),
        default=0,
        help="add zero spherical harmonics up to this degree, for loaders that insist on it",
    )
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Convert one file; return the exit code."""
    args = build_parser().parse_args(argv)
    try:
        recorded = recorded_up(args.input)
        up = AXES[args.input_up] if args.input_up else recorded or Y_DOWN
        options = StageOptions(args.up, args.metric, up)
        gaussians = read_splats(args.input).padded_to(args.pad_sh)
        export_splats_to_usd(gaussians, args.output, args.nurec, options)
    except SplatError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not args.quiet:
        count, degree = gaussians.num_gaussians, gaussians.sh_degree
        megabytes = args.output.stat().st_size / 1e6
        sys.stdout.write(
            f"{args.output}: {count:,} Gaussians, SH degree {degree}, {megabytes:.1f} MB, "
            f"up was {_described(args.input_up, up, recorded)}\n"
        )
    return 0


def _described(asked: str | None, up: Vector, recorded: Vector | None) -> str:
    """Up of the splats and where it is known from."""
    named = {axis: name for name, axis in AXES.items()}
    text = named.get(up) or "({:.3g} {:.3g} {:.3g})".format(*up)
    if asked:
        return text
    return f"{text} by the JSON beside them" if recorded else f"taken as {text}; see --input-up"


if __name__ == "__main__":
    sys.exit(main())
