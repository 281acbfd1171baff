"""Gaussians -> `.usdc` and `.usdz` files; where the Gaussians come from is unknown."""

from __future__ import annotations

from pathlib import Path

from .errors import SplatError
from .files import whole_file
from .gaussians import as_gaussians
from .nurec import write_nurec
from .particle_field import write_particle_field
from .stage import DEFAULT_STAGE, StageOptions
from .usdz import check_fits, write_usdz


def export_splats_to_usd(
    model: object, path: Path, nurec: bool = False, options: StageOptions = DEFAULT_STAGE
) -> None:
    """Write splats for OpenUSD's renderers; equal splats make equal bytes.

    Args:
        model: An `fvdb.GaussianSplat3d`, `Gaussians`, or whatever has these fields.
        path: `.usdc` for a layer, `.usdz` for a package.
        nurec: Pack a NuRec volume for Isaac Sim and Kit 107 to 110 instead of OpenUSD's own
            ParticleField3DGaussianSplat; `.usdz` only.
        options: Up axis and units of the stage; a NuRec package always says metres.

    Raises:
        SplatError: A library is missing, or the model cannot be stored, or the path not written.
    """
    suffixes = (".usdz",) if nurec else (".usdc", ".usdz")
    if path.suffix.lower() not in suffixes:
        kind = "NuRec" if nurec else "USD"
        needed = " or ".join(suffixes)
        raise SplatError(f"{path}: {kind} export writes {needed}; choose such a name")
    gaussians = as_gaussians(model, path)
    with whole_file(path) as partial:
        if nurec:
            write_usdz(write_nurec(gaussians, partial.parent, options, path), partial, path)
        elif path.suffix.lower() == ".usdz":
            raw_numbers = gaussians.num_gaussians * (11 + 3 * gaussians.num_sh_bases)
            check_fits(4 * raw_numbers, path)
            layer = partial.with_name("splats.usdc")
            write_particle_field(gaussians, layer, options, path)
            write_usdz([layer], partial, path)
        else:
            write_particle_field(gaussians, partial, options, path)


def export_splats_to_usdz(
    model: object,
    out_path: str | Path,
    nurec: bool = True,
    options: StageOptions = DEFAULT_STAGE,
) -> Path:
    """Write a USDZ package: the NuRec volume that fvdb's function of this name wrote at first.

    See `export_splats_to_usd`.

    Args:
        model: An `fvdb.GaussianSplat3d`, `Gaussians`, or whatever has these fields.
        out_path: Where to write; `.usdz` is added if it is not there.
        nurec: False packs OpenUSD's own ParticleField3DGaussianSplat instead.
        options: Up axis and units of the stage; a NuRec package always says metres.

    Returns:
        The file written.
    """
    path = Path(out_path)
    if path.suffix.lower() != ".usdz":
        path = path.with_name(f"{path.name}.usdz")
    export_splats_to_usd(model, path, nurec, options)
    return path
