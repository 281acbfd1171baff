"""The flags that say what pictures look like and which pixels become points; it runs nothing."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal

from ...core.argument_types import number
from ...core.masks import ConfidenceThreshold
from ...core.sizes import SIZE_PRESETS, SizeRule
from ...files.photos import sha256_of
from ..options import (
    ESTIMATED_EDGE_THRESHOLD,
    MAX_MODEL_BYTES,
    BuildOptions,
    MaskRule,
    PointFilter,
)
from ..pairs.warp import HOLE_FILLS

DEFAULTS = BuildOptions()

DEFAULT_HOLE_SHARES = (0.1, 0.2, 0.3)

# Pixels of the photo, a hundredth of its side: silhouettes of small networks miss by that much.
DEFAULT_MASK_GROW_PX = 8


def confidence_threshold(text: str) -> ConfidenceThreshold:
    """An argparse type: `1.5` or `p30`."""
    try:
        return ConfidenceThreshold.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}") from error


def edge_threshold(text: str) -> float | Literal["auto"]:
    """An argparse type: a number from 0 on, or `auto`."""
    return "auto" if text == "auto" else number(float, 0)(text)


def shares(text: str) -> tuple[float, ...]:
    """An argparse type: `0.1,0.2`, shares between 0 and 1, as an ascending tuple."""
    try:
        found = sorted({float(part) for part in text.split(",")})
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"found {text!r}, need shares, as 0.1,0.2") from error
    if not 0 < found[0] <= found[-1] < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, need shares between 0 and 1")
    return tuple(found)


def add_switch(group: argparse._ArgumentGroup, flag: str, text: str) -> None:
    """Add a flag that is off where it is not given."""
    group.add_argument(flag, action="store_true", help=text)


def add_size_flags(group: argparse._ArgumentGroup) -> None:
    """Flags of a `SizeRule`."""
    group.add_argument(
        "--max-megapixels",
        type=number(float, 0),
        default=DEFAULTS.size_rule.max_megapixels,
        help="shrink pictures to this many million pixels; 0 = no bound",
    )
    for side in ("width", "height"):
        group.add_argument(
            f"--resize-{side}",
            type=number(int, 0),
            default=0,
            help=f"{side} of the pictures in pixels, within --max-megapixels; 0 = the photo's",
        )
    group.add_argument(
        "--size-preset",
        choices=tuple(SIZE_PRESETS),
        default=None,
        help="the nearest size that the trainer keeps whole, instead of the bounds above",
    )


def add_rendering_flags(group: argparse._ArgumentGroup) -> None:
    """Flags that say how points become pictures."""
    add_switch(group, "--upsample-depth", "bring depth to the output size, keeping its edges")
    add_splat_flags(group)
    group.add_argument(
        "--hole-fill",
        choices=HOLE_FILLS,
        default=DEFAULTS.hole_fill,
        help="holes show what lies behind, faded (fade) or not (none), or black, grey or noise",
    )


def add_splat_flags(group: argparse._ArgumentGroup) -> None:
    """Flags that say how splats are drawn, whatever they are of."""
    group.add_argument(
        "--sigma",
        type=number(float, 0),
        default=DEFAULTS.sigma_px,
        help="distance in pixels over which filled holes fade to black",
    )
    add_switch(group, "--auto-s0", "estimate the splat size from depth and intrinsics")


def add_point_flags(group: argparse._ArgumentGroup) -> None:
    """Flags of a `PointFilter`."""
    group.add_argument(
        "--depth-conf-threshold",
        type=confidence_threshold,
        default=DEFAULTS.point_filter.confidence,
        help="least confidence of a point; higher drops more; pNN drops the lowest NN per cent",
    )
    group.add_argument(
        "--depth-edge-threshold",
        type=edge_threshold,
        default=DEFAULTS.point_filter.edge_threshold,
        help="drop pixels floating between two depths this share apart; 0 = keep them; auto: "
        f"{ESTIMATED_EDGE_THRESHOLD} for estimated depth, 0 for recorded",
    )
    add_switch(group, "--filter-sky", "drop points that a segmentation model takes for sky")
    group.add_argument(
        "--sky-model",
        type=Path,
        default=None,
        help="ONNX file for --filter-sky; skyseg.onnx is fetched once if not given",
    )
    add_switch(group, "--filter-black-bg", "drop points whose R + G + B is below 16")
    add_switch(group, "--filter-white-bg", "drop points whose R, G and B are above 240")


def add_mask_flags(group: argparse._ArgumentGroup) -> None:
    """Flags of a `MaskRule`, and the unit of recorded depth."""
    group.add_argument(
        "--mask-model",
        type=Path,
        default=None,
        help="ONNX file whose answer above 0.5 is left out of photos, such as people",
    )
    group.add_argument(
        "--mask-grow",
        type=number(int, 0, 500),
        default=DEFAULT_MASK_GROW_PX,
        help="pixels of the photo by which what --mask-model leaves out grows",
    )
    group.add_argument(
        "--depth-scale",
        type=number(float, 1e-9),
        default=DEFAULTS.depth_scale,
        help="units that recorded depth files store per unit of the scene, such as 5000",
    )


def add_depth_flags(group: argparse._ArgumentGroup) -> None:
    """Flags of what is done to a whole scene's depth."""
    group.add_argument(
        "--depth-agreement",
        type=number(float, 0, 1),
        default=DEFAULTS.depth_agreement or 0,
        help="drop depth that more views contradict than confirm within this share; 0 = ask none",
    )
    add_switch(group, "--augment-depth", "give depth errors like a network's: drift, blur, noise")


def add_one_photo_flags(group: argparse._ArgumentGroup) -> None:
    """Flags of pairs that are made of one photo."""
    add_switch(group, "--from-one-photo", "make pairs of one photo, warped out and back")
    group.add_argument(
        "--hole-share",
        type=shares,
        default=DEFAULT_HOLE_SHARES,
        metavar="X,X",
        help="for --from-one-photo: share of holes of each photo's pairs",
    )


def read_size_rule(args: argparse.Namespace) -> SizeRule:
    """What the flags of `add_size_flags` say."""
    resize_wh = (args.resize_width, args.resize_height) if args.resize_width else None
    return SizeRule(args.max_megapixels or None, resize_wh, args.size_preset)


def read_point_filter(args: argparse.Namespace) -> PointFilter:
    """What the flags of `add_point_flags` say."""
    return PointFilter(
        args.depth_conf_threshold,
        args.depth_edge_threshold or None,
        args.filter_sky,
        args.filter_black_bg,
        args.filter_white_bg,
        _sha256_or_none(args.sky_model),
    )


def read_mask_rule(args: argparse.Namespace) -> MaskRule | None:
    """What `--mask-model` and `--mask-grow` say; None without a model."""
    if args.mask_model is None:
        return None
    return MaskRule(args.mask_model, _sha256_or_none(args.mask_model), args.mask_grow)


def _sha256_or_none(path: Path | None) -> str | None:
    if path is None or not path.is_file() or path.stat().st_size > MAX_MODEL_BYTES:
        return None
    return sha256_of(path)
