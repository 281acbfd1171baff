"""Gaussian splats in and out of files (PLY, USD, NuRec); it knows no network, photo or pair."""

from .errors import SplatError
from .export import export_splats_to_usd, export_splats_to_usdz
from .from_points import (
    SplatShape,
    confidence_from_opacity,
    gaussians_from_points,
    pixel_footprint,
    trust_from_confidence,
)
from .gaussians import Gaussians, as_gaussians
from .ply import holds_splats, ply_bytes, read_splats, write_ply, write_ply_in_parts
from .stage import StageOptions
from .up import AXES, Y_DOWN, recorded_up, upright

__all__ = [
    "AXES",
    "Gaussians",
    "SplatError",
    "SplatShape",
    "StageOptions",
    "Y_DOWN",
    "as_gaussians",
    "confidence_from_opacity",
    "export_splats_to_usd",
    "export_splats_to_usdz",
    "gaussians_from_points",
    "holds_splats",
    "pixel_footprint",
    "ply_bytes",
    "read_splats",
    "recorded_up",
    "trust_from_confidence",
    "upright",
    "write_ply",
    "write_ply_in_parts",
]
