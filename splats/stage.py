"""What every USD stage of splats shares: frame, units, up axis; the splats are unknown.

Splats arrive in any frame, with a direction that is up there (see `up`). A stage is y-up or z-up.
The change of frame is a rotation on an Xform and never baked into the Gaussians, whose rotations
and spherical harmonics would have to turn too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import SplatError
from .optional import optional_module
from .up import Y_DOWN, Vector, upright

UNKNOWN_SCALE = "The scale is unknown: one unit is taken as one metre."


@dataclass(frozen=True)
class StageOptions:
    """How the world of a stage is laid out.

    Attributes:
        up: Up axis of the stage.
        metric: Scene units are metres. Otherwise they are taken as such, as the layer's comment
            says: a stage without `metersPerUnit` counts as centimetres in OpenUSD.
        input_up: Up of the splats, of any length but zero.
    """

    up: Literal["y", "z"] = "z"
    metric: bool = False
    input_up: Vector = Y_DOWN


DEFAULT_STAGE = StageOptions()


def pxr(module: str) -> Any:
    """Import one of OpenUSD's modules, for instance `UsdVol`."""
    return optional_module(f"pxr.{module}", "USD export")


def new_stage(options: StageOptions) -> Any:
    """Start a stage in memory with its metadata and `/World` as default prim."""
    UsdGeom = pxr("UsdGeom")
    stage = pxr("Usd").Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, options.up.upper())
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    if not options.metric:
        stage.GetRootLayer().comment = UNKNOWN_SCALE
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/World").GetPrim())
    return stage


def place_in_world(xformable: Any, options: StageOptions, offset: NDArray[np.float64]) -> None:
    """Author the transform from splat coordinates to the world of the stage.

    Args:
        xformable: A `UsdGeom.Xformable`.
        options: Where up is.
        offset: (3,) added to the coordinates before they are turned.
    """
    rotation = upright(options.input_up, options.up)
    row_vector_transform = np.eye(4)
    row_vector_transform[:3, :3] = rotation.T
    row_vector_transform[3, :3] = rotation @ offset
    xformable.AddTransformOp().Set(pxr("Gf").Matrix4d(row_vector_transform))


def bounds_3_sigma(means: NDArray, scales: NDArray, where: object) -> NDArray[np.float32]:
    """Box around every Gaussian out to three standard deviations of its longest axis.

    Args:
        means: (N, 3) centres.
        scales: (N, 3) standard deviations.
        where: What the error names.

    Returns:
        (2, 3) lower and upper corner.

    Raises:
        SplatError: The box is too large for float32.
    """
    reach = 3 * scales.max(axis=1, keepdims=True).astype(np.float64)
    with np.errstate(over="ignore"):
        box = np.stack([(means - reach).min(axis=0), (means + reach).max(axis=0)])
        box = box.astype(np.float32)
    if not np.isfinite(box).all():
        raise SplatError(f"{where}: the scene is too large for float32; remove far or huge splats")
    return box


def save_layer(layer: Any, path: Path) -> None:
    """Write a layer; the suffix chooses text or binary.

    Raises:
        OSError: The file cannot be written.
    """
    try:
        layer.Export(str(path))
    except pxr("Tf").ErrorException as error:
        raise OSError(error.args[0].commentary) from error
