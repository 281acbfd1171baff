"""Gaussians -> OpenUSD's own ParticleField3DGaussianSplat (usd-core 26.3 and newer)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .errors import SplatError
from .gaussians import Gaussians
from .stage import StageOptions, bounds_3_sigma, new_stage, place_in_world, pxr, save_layer

COLOR_SPACE = "srgb_rec709_scene"
"""Splats are trained on photos as they are stored: gamma-encoded sRGB."""


def write_particle_field(
    gaussians: Gaussians, path: Path, options: StageOptions, where: object
) -> None:
    """Write a layer with the Gaussians at `/World/Splats/Gaussians`.

    Args:
        gaussians: What to write, checked.
        path: `.usdc` for binary, `.usda` for text.
        options: Up axis and units.
        where: What errors name.

    Raises:
        SplatError: OpenUSD is missing or too old, or the scene is too large.
        OSError: The file cannot be written.
    """
    UsdVol = pxr("UsdVol")
    if not hasattr(UsdVol, "ParticleField3DGaussianSplat"):
        version = ".".join(map(str, pxr("Usd").GetVersion()))
        raise SplatError(
            f"{where}: found OpenUSD {version}, need 0.26.3 for Gaussian splats; "
            "run `uv sync --group usd` or export a NuRec package"
        )
    stage = new_stage(options)
    placed = pxr("UsdGeom").Xform.Define(stage, "/World/Splats")
    place_in_world(placed, options, offset=np.zeros(3))
    field = UsdVol.ParticleField3DGaussianSplat.Define(stage, "/World/Splats/Gaussians")
    _author_geometry(field, gaussians, where)
    _author_radiance(field, gaussians)
    save_layer(stage.GetRootLayer(), path)


def _author_geometry(field: Any, gaussians: Gaussians, where: object) -> None:
    Vt = pxr("Vt")
    scales = gaussians.scales
    box = bounds_3_sigma(gaussians.means, scales, where)
    quats_xyzw = np.roll(gaussians.unit_quats, -1, axis=1)
    field.CreatePositionsAttr(Vt.Vec3fArray.FromNumpy(gaussians.means))
    field.CreateOrientationsAttr(Vt.QuatfArray.FromNumpy(quats_xyzw))
    field.CreateScalesAttr(Vt.Vec3fArray.FromNumpy(scales))
    field.CreateOpacitiesAttr(Vt.FloatArray.FromNumpy(gaussians.opacities))
    field.CreateExtentAttr(Vt.Vec3fArray.FromNumpy(box))
    field.CreateSortingModeHintAttr("zDepth")
    field.CreateProjectionModeHintAttr("perspective")


def _author_radiance(field: Any, gaussians: Gaussians) -> None:
    """Author the coefficients: each Gaussian's together, the constant one first."""
    coefficients = gaussians.sh.reshape(-1, 3)
    attribute = field.CreateRadianceSphericalHarmonicsCoefficientsAttr(
        pxr("Vt").Vec3fArray.FromNumpy(coefficients)
    )
    attribute.SetMetadata("interpolation", "vertex")
    attribute.SetMetadata("elementSize", gaussians.num_sh_bases)
    field.CreateRadianceSphericalHarmonicsDegreeAttr(gaussians.sh_degree)
    color_space = pxr("Usd").ColorSpaceAPI.Apply(field.GetPrim())
    color_space.CreateColorSpaceNameAttr(COLOR_SPACE)
