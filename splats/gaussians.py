"""Gaussian splats as arrays, named and stored as fvdb stores them; no file format is known."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import SplatError

Floats = NDArray[np.float32]

SH_C0 = 0.28209479177387814
"""The constant spherical harmonic, sqrt(1 / (4 pi)): colour = 0.5 + SH_C0 * sh0."""

MAX_SH_DEGREE = 3
"""3DGS files and renderers end here."""


@dataclass(frozen=True, eq=False)
class Gaussians:
    """N Gaussians as they are trained, before activation; all float32.

    Attributes:
        means: (N, 3) centres.
        quats: (N, 4) rotations as w x y z, of any length but zero.
        log_scales: (N, 3) natural logarithms of the standard deviations along the own axes.
        logit_opacities: (N,) opacities before the sigmoid.
        sh0: (N, 1, 3) constant coefficient of red, green, blue.
        shN: (N, K - 1, 3) the other coefficients, by degree; K = (degree + 1)^2.
    """

    means: Floats
    quats: Floats
    log_scales: Floats
    logit_opacities: Floats
    sh0: Floats
    shN: Floats

    @property
    def num_gaussians(self) -> int:
        """N."""
        return len(self.means)

    @property
    def num_sh_bases(self) -> int:
        """K, the coefficients of each colour channel."""
        return 1 + self.shN.shape[1]

    @property
    def sh_degree(self) -> int:
        """Highest degree of the spherical harmonics."""
        return round(self.num_sh_bases**0.5) - 1

    @property
    def sh(self) -> Floats:
        """(N, K, 3) all coefficients, the constant one first."""
        return np.concatenate([self.sh0, self.shN], axis=1)

    @property
    def unit_quats(self) -> Floats:
        """(N, 4) rotations of length one, w x y z."""
        quats = self.quats.astype(np.float64)
        return (quats / np.linalg.norm(quats, axis=1, keepdims=True)).astype(np.float32)

    @property
    def scales(self) -> Floats:
        """(N, 3) standard deviations along the own axes in scene units, infinite past float32."""
        with np.errstate(over="ignore"):
            return np.exp(self.log_scales)

    @property
    def opacities(self) -> Floats:
        """(N,) opacities in 0..1."""
        return (0.5 + 0.5 * np.tanh(0.5 * self.logit_opacities)).astype(np.float32)

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """(N, 3) colours of the constant coefficient, which the others vary with the view."""
        return np.clip((0.5 + SH_C0 * self.sh0[:, 0]) * 255, 0, 255).round().astype(np.uint8)

    def padded_to(self, sh_degree: int) -> Gaussians:
        """Add zero coefficients until the degree is at least `sh_degree`; looks do not change."""
        missing = (sh_degree + 1) ** 2 - self.num_sh_bases
        if missing <= 0:
            return self
        zeros = np.zeros((self.num_gaussians, missing, 3), np.float32)
        return replace(self, shN=np.concatenate([self.shN, zeros], axis=1))


def as_gaussians(model: object, where: object, may_be_empty: bool = False) -> Gaussians:
    """Take over a model, for instance an `fvdb.GaussianSplat3d`, and check that it can be stored.

    Args:
        model: Whatever has the fields of `Gaussians`, as numpy arrays or as torch tensors on any
            device, of any float type.
        where: What errors name: the file read or to be written.
        may_be_empty: Take a model of no Gaussians as well.

    Raises:
        SplatError: The model is empty, its shapes disagree, or a value is not finite.
    """
    gaussians = Gaussians(*(_as_floats(getattr(model, field.name)) for field in fields(Gaussians)))
    if not (gaussians.num_gaussians or may_be_empty):
        raise SplatError(f"{where}: found no Gaussians, need at least one; loosen the filters")
    _check_shapes(gaussians, where)
    for field in fields(Gaussians):
        _check_finite(field.name, getattr(gaussians, field.name), where)
    zero = np.flatnonzero(~gaussians.quats.any(axis=1))
    if zero.size:
        raise SplatError(f"{where}: quats of Gaussian {zero[0]} are all zero; {_REMOVE}")
    return gaussians


_REMOVE = "remove such Gaussians first, for instance in SuperSplat"


def _as_floats(values: Any) -> Floats:
    """Take an array, or a torch tensor without importing torch."""
    if hasattr(values, "detach"):
        values = values.detach().float().cpu()
    return np.asarray(values, dtype=np.float32)


def _check_shapes(gaussians: Gaussians, where: object) -> None:
    n = gaussians.num_gaussians
    bases = gaussians.shN.shape[1] + 1 if gaussians.shN.ndim == 3 else 1
    if bases not in [(degree + 1) ** 2 for degree in range(MAX_SH_DEGREE + 1)]:
        raise SplatError(f"{where}: found {bases} SH coefficients, need 1, 4, 9 or 16")
    shapes = {
        "means": (n, 3),
        "quats": (n, 4),
        "log_scales": (n, 3),
        "logit_opacities": (n,),
        "sh0": (n, 1, 3),
        "shN": (n, bases - 1, 3),
    }
    for name, needed in shapes.items():
        found = getattr(gaussians, name).shape
        if found != needed:
            raise SplatError(f"{where}: {name} is of shape {found}, need {needed}")


def _check_finite(name: str, values: Floats, where: object) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        first = np.argwhere(~finite)[0]
        raise SplatError(
            f"{where}: {name} of Gaussian {first[0]} is {values[tuple(first)]}, "
            f"need finite numbers; {_REMOVE}"
        )
