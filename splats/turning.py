"""Gaussians in other axes: centres, rotations and colours that vary with the view turn together."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .gaussians import Gaussians

Floats = NDArray[np.floating]

SH_SIGNS_OF_HALF_TURN = np.array([-1, -1, 1, -1, 1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1], np.float32)
"""(15,) of the harmonics of degree 1 to 3 where y and z change their signs."""

_TO_CUBE = np.array([one for one in itertools.product((-1.0, 0.0, 1.0), repeat=3) if any(one)])
DIRECTIONS = _TO_CUBE / np.linalg.norm(_TO_CUBE, axis=1, keepdims=True)
"""(26, 3) to a cube's faces, edges and corners: harmonics to degree 3 differ there, since weights
exist with which sums over these are integrals of any polynomial to degree 7 (Lebedev)."""


def turned(gaussians: Gaussians, rotation: Floats) -> Gaussians:
    """The same splats in axes that a rotation leads to.

    Args:
        gaussians: Of any degree.
        rotation: (3, 3) new axes from old ones.
    """
    x, y, z, w = quaternion_xyzw(rotation)
    product = np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    count = gaussians.shN.shape[1]
    turn = _turn_of_harmonics(rotation)[:count, :count]
    return replace(
        gaussians,
        means=(gaussians.means @ rotation.T).astype(np.float32),
        quats=(gaussians.quats @ product.T).astype(np.float32),
        shN=np.einsum("ij,njc->nic", turn, gaussians.shN).astype(np.float32),
    )


def turned_about_x(gaussians: Gaussians) -> Gaussians:
    """The same splats in axes turned by 180 degrees about x: y up, z back to y down, z forward.

    Its own inverse. The signs are those of `coordinateConverter` from RUB to RDF in Niantic's spz
    (splat-types.h): a harmonic changes its sign where its polynomial is odd in y and z together.
    """
    return replace(
        gaussians,
        means=gaussians.means * np.array([1, -1, -1], np.float32),
        quats=gaussians.quats * np.array([1, 1, -1, -1], np.float32),
        shN=gaussians.shN * SH_SIGNS_OF_HALF_TURN[: gaussians.shN.shape[1], None],
    )


def quaternion_xyzw(rotation: Floats) -> tuple[float, float, float, float]:
    """Unit quaternion of a rotation, as the eigenvector that Bar-Itzhack's method names (2000)."""
    m = rotation
    symmetric = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], 0, 0, 0],
            [m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], 0, 0],
            [m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1], 0],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
        ]
    )
    _, vectors = np.linalg.eigh(symmetric)  # of the lower triangle, eigenvalues ascending
    x, y, z, w = vectors[:, -1].tolist()
    return x, y, z, w


def _turn_of_harmonics(rotation: Floats) -> Floats:
    """(15, 15) coefficients in the new axes from those in the old ones.

    Turned harmonics are sums of harmonics of their degree, so that values in enough directions
    tell which.
    """
    seen_in_old_axes = _harmonics(DIRECTIONS @ rotation)
    return np.linalg.lstsq(_harmonics(DIRECTIONS), seen_in_old_axes, rcond=None)[0]


def _harmonics(directions: Floats) -> Floats:
    """(D, 15) real harmonics of degree 1 to 3 as 3DGS orders and signs them, over the constant one.

    Args:
        directions: (D, 3) of length one.
    """
    x, y, z = directions.T
    xx, yy, zz = x * x, y * y, z * z
    first = math.sqrt(3) * np.stack([-y, z, -x])
    second = math.sqrt(15) * np.stack(
        [x * y, -y * z, (2 * zz - xx - yy) / math.sqrt(12), -x * z, (xx - yy) / 2]
    )
    third = math.sqrt(105) * np.stack(
        [
            -y * (3 * xx - yy) / math.sqrt(24),
            x * y * z,
            -y * (4 * zz - xx - yy) / math.sqrt(40),
            z * (2 * zz - 3 * xx - 3 * yy) / math.sqrt(60),
            -x * (4 * zz - xx - yy) / math.sqrt(40),
            z * (xx - yy) / 2,
            -x * (xx - 3 * yy) / math.sqrt(24),
        ]
    )
    return np.concatenate([first, second, third]).T
