"""Gaussians -> NVIDIA's NuRec volume, which Isaac Sim and Kit 107 to 110 render.

The payload is a gzipped msgpack of half floats in the layout that 3dgrut writes and reads.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import SplatError
from .gaussians import MAX_SH_DEGREE, Gaussians
from .nurec_config import NUREC_VERSION, RENDER_SETTINGS, nurec_config
from .optional import optional_module
from .stage import StageOptions, bounds_3_sigma, new_stage, place_in_world, pxr, save_layer
from .usdz import check_fits

PAYLOAD_NAME = "gauss.nurec"
VOLUME_NAME = "gauss.usda"
ROOT_NAME = "default.usda"
VOLUME_PATH = "/World/gauss"

Halves = Mapping[str, NDArray[np.float16]]


def write_nurec(
    gaussians: Gaussians, folder: Path, options: StageOptions, where: object
) -> list[Path]:
    """Write the files of a NuRec package.

    Both layers say `metersPerUnit = 1` whatever the units are, as those of fvdb and 3dgrut do.

    Args:
        gaussians: What to write, checked.
        folder: Where the files go.
        options: Up axis; its units do not matter.
        where: What errors name.

    Returns:
        The files in the order of the package, the layer that opens first.

    Raises:
        SplatError: OpenUSD or msgpack is missing, or half floats cannot hold the scene.
        OSError: A file cannot be written.
    """
    center = np.median(gaussians.means, axis=0).astype(np.float64)
    tensors = half_tensors(gaussians, center, where)
    check_fits(sum(values.nbytes for values in tensors.values()), where)
    root, volume, payload = (folder / name for name in (ROOT_NAME, VOLUME_NAME, PAYLOAD_NAME))
    payload.write_bytes(pack_payload(tensors, gaussians.sh_degree))
    scales = np.exp(tensors["scales"].astype(np.float32))
    box = bounds_3_sigma(tensors["positions"].astype(np.float32), scales, where)
    in_metres = replace(options, metric=True)
    stage = _volume_stage(box, center, in_metres)
    save_layer(stage.GetRootLayer(), volume)
    save_layer(_root_layer(in_metres), root)
    return [root, volume, payload]


def half_tensors(gaussians: Gaussians, center: NDArray[np.float64], where: object) -> Halves:
    """Round the Gaussians to half floats, before activation.

    Half floats have 11 bits: they round by 0.25 at 1,000 and end at 65,504. Hence the positions
    are relative to `center`.

    Raises:
        SplatError: A value is beyond 65,504.
    """
    n = gaussians.num_gaussians
    tensors = {
        "positions": gaussians.means - center,
        "rotations": gaussians.unit_quats,
        "scales": gaussians.log_scales,
        "densities": gaussians.logit_opacities[:, None],
        "features_albedo": gaussians.sh0.reshape(n, 3),
        "features_specular": gaussians.shN.reshape(n, -1),
        "extra_signal": np.zeros((n, 0)),
    }
    limit = float(np.finfo(np.float16).max)
    for name, values in tensors.items():
        largest = np.abs(values).max(initial=0)
        if largest > limit:
            raise SplatError(
                f"{where}: {name} reach {largest:.6g}, need at most {limit:.0f} in NuRec's half "
                "floats; remove outliers or export OpenUSD's own splats"
            )
    return {name: values.astype("<f2") for name, values in tensors.items()}


def pack_payload(tensors: Halves, sh_degree: int) -> bytes:
    """Serialise tensors as NuRec stores a network's state: bytes and shape by name."""
    state: dict[str, Any] = {"._extra_state": {"obj_track_ids": {"gaussians": []}}}
    for name, values in tensors.items():
        state[f".gaussians_nodes.gaussians.{name}"] = values.tobytes()
        state[f".gaussians_nodes.gaussians.{name}.shape"] = list(values.shape)
    state[".gaussians_nodes.gaussians.n_active_features"] = np.int64(sh_degree).tobytes()
    state[".gaussians_nodes.gaussians.n_active_features.shape"] = []
    document = {
        "nre_data": {
            "version": NUREC_VERSION,
            "model": "nre",
            "config": nurec_config(sh_degree),
            "state_dict": state,
        }
    }
    packed = optional_module("msgpack", "NuRec export").packb(document)
    # Trained coefficients deflate by a tenth at three times the time; zero padding to nothing.
    level = 0 if sh_degree == MAX_SH_DEGREE else 1
    return gzip.compress(packed, compresslevel=level, mtime=0)


def _volume_stage(box: NDArray, center: NDArray[np.float64], options: StageOptions) -> Any:
    Gf, Types = pxr("Gf"), pxr("Sdf").ValueTypeNames
    stage = new_stage(options)
    stage.GetRootLayer().customLayerData = {"renderSettings": RENDER_SETTINGS}
    volume = pxr("UsdVol").Volume.Define(stage, VOLUME_PATH)
    place_in_world(volume, options, offset=center)
    volume.CreateExtentAttr(pxr("Vt").Vec3fArray.FromNumpy(box))
    lower, upper = (Gf.Vec3f(*map(float, corner)) for corner in box)
    prim = volume.GetPrim()
    for name, kind, value in (
        ("isNuRecVolume", Types.Bool, True),
        ("useProxyTransform", Types.Bool, False),
        ("offset", Types.Float3, Gf.Vec3f(0)),
        ("crop:minBounds", Types.Float3, lower),
        ("crop:maxBounds", Types.Float3, upper),
    ):
        prim.CreateAttribute(f"omni:nurec:{name}", kind).Set(value)
    prim.CreateRelationship("proxy")
    _add_field(volume, "density", "float")
    color = _add_field(volume, "emissiveColor", "float3")
    for channel, row in zip("RGB", np.eye(3, 4), strict=True):
        attribute = color.CreateAttribute(f"omni:nurec:ccm{channel}", Types.Float4)
        attribute.Set(Gf.Vec4f(*map(float, row)))
    return stage


def _add_field(volume: Any, role: str, data_type: str) -> Any:
    """Define one of the two views that a NuRec volume takes of the payload."""
    Types = pxr("Sdf").ValueTypeNames
    prim_name = {"density": "density_field", "emissiveColor": "emissive_color_field"}[role]
    path = f"{VOLUME_PATH}/{prim_name}"
    field = volume.GetPrim().GetStage().DefinePrim(path, "OmniNuRecFieldAsset")
    field.CreateAttribute("filePath", Types.Asset).Set(f"./{PAYLOAD_NAME}")
    field.CreateAttribute("fieldName", Types.Token).Set(role)
    field.CreateAttribute("fieldDataType", Types.Token).Set(data_type)
    field.CreateAttribute("fieldRole", Types.Token).Set(role)
    volume.CreateFieldRelationship(role, path)
    return field


def _root_layer(options: StageOptions) -> Any:
    """Make the layer that opens: it refers to the volume and repeats its render settings.

    A renderer takes settings from the root layer only. The reference begins with `./`, which
    anchors it to this layer instead of the search path. It is authored on a layer of no stage,
    since a stage would at once look for the file.
    """
    Sdf = pxr("Sdf")
    stage = new_stage(options)
    layer = Sdf.Layer.CreateAnonymous(".usda")
    layer.TransferContent(stage.GetRootLayer())
    layer.customLayerData = {"renderSettings": RENDER_SETTINGS}
    volume = Sdf.CreatePrimInLayer(layer, VOLUME_PATH)
    volume.referenceList.prependedItems.append(Sdf.Reference(f"./{VOLUME_NAME}"))
    return layer
