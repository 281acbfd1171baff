"""Gaussian splats (3DGS PLY) -> OpenUSD: `.usdc`, `.usdz`, or NVIDIA's NuRec `.usdz`.

uv run --group usd python splats_to_usd.py scene.ply scene.usdz
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from splats import SplatError, StageOptions, export_splats_to_usd, read_splats


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
        help="up axis of the stage; PLY is taken as y-down (default: %(default)s)",
    )
    parser.add_argument(
        "--metric",
        action="store_true",
        help="the splats are in metres: state metersPerUnit = 1, as --nurec always does",
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
    options = StageOptions(args.up, args.metric)
    try:
        gaussians = read_splats(args.input).padded_to(args.pad_sh)
        export_splats_to_usd(gaussians, args.output, args.nurec, options)
    except SplatError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not args.quiet:
        count, degree = gaussians.num_gaussians, gaussians.sh_degree
        megabytes = args.output.stat().st_size / 1e6
        sys.stdout.write(
            f"{args.output}: {count:,} Gaussians, SH degree {degree}, {megabytes:.1f} MB\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
