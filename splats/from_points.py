"""Points of a depth map -> Gaussians; how the points came about is unknown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .gaussians import SH_C0, Gaussians

Numbers = NDArray[np.floating]


@dataclass(frozen=True)
class SplatShape:
    """How big, flat and opaque the Gaussian of a point is.

    Attributes:
        scale_multiplier: Standard deviation in pixel footprints. At 0.5 a Gaussian still covers
            61 % at the border of its pixel; less opens seams between neighbours, more blurs.
        flatness: Standard deviation along the normal per standard deviation along the surface,
            where normals are given.
        min_opacity: Of the least trusted point. A surface of such Gaussians lets 1 % of what lies
            behind it through, at 0.9 it would be 5 %; more leaves less room for what points tell
            apart in formats of eight bits.
        max_opacity: Of a fully trusted point; 1 has no finite logit.
    """

    scale_multiplier: float = 0.5
    flatness: float = 0.1
    min_opacity: float = 0.98
    max_opacity: float = 254 / 255


DEFAULT_SHAPE = SplatShape()


def pixel_footprint(depth: Numbers, focal_px: float) -> Numbers:
    """Width in scene units of what one pixel sees.

    Args:
        depth: Z-depth of each point, in scene units, of any shape.
        focal_px: Focal length in pixels of the raster that the depth lies on.
    """
    return depth / focal_px


def trust_from_confidence(confidence: Numbers) -> Numbers:
    """Map confidences of 1 and more to 0..1 as 1 - 1/c.

    Networks of the DUSt3R family answer c = 1 + exp(x), for which this is the sigmoid of x.
    """
    return 1 - 1 / np.maximum(confidence, 1)


def opacity_from_trust(trust: Numbers, shape: SplatShape = DEFAULT_SHAPE) -> Numbers:
    """Map trust in 0..1 to opacities that keep its order and hide what lies behind.

    Points of one photo lie in one layer: taken for the opacity itself, the trust 1/2 of a
    confidence of 2 would let 36 % of a bright background through, that of 5 still 11 %. Which
    points are trusted enough to be shown is for thresholds to say.
    """
    return shape.min_opacity + (shape.max_opacity - shape.min_opacity) * trust


def confidence_from_opacity(opacity: Numbers) -> Numbers:
    """Map opacities in 0..1 to confidences of the same order, 1 / (1 - opacity), bounded."""
    return 1 / (1 - np.minimum(opacity, DEFAULT_SHAPE.max_opacity))


def gaussians_from_points(
    xyz: Numbers,
    rgb: NDArray[np.uint8],
    footprint: Numbers,
    confidence: Numbers | None = None,
    normals: Numbers | None = None,
    shape: SplatShape = DEFAULT_SHAPE,
) -> Gaussians:
    """Make one Gaussian of SH degree 0 per point.

    Args:
        xyz: (N, 3) points.
        rgb: (N, 3) colours.
        footprint: (N,) width of a pixel at each point, see `pixel_footprint`.
        confidence: (N,) 1 or more, or None for fully trusted; see `opacity_from_trust`.
        normals: (N, 3) surface normals of length one; None makes balls instead of discs.
        shape: How big, flat and opaque.
    """
    n = len(xyz)
    trust = np.ones(n) if confidence is None else trust_from_confidence(confidence)
    opacity = opacity_from_trust(trust, shape)
    scales = np.repeat(footprint[:, None] * shape.scale_multiplier, 3, axis=1)
    if normals is None:
        quats = np.tile([1.0, 0.0, 0.0, 0.0], (n, 1))
    else:
        quats = quats_from_z_to(normals)
        scales[:, 2] *= shape.flatness
    return Gaussians(
        means=xyz.astype(np.float32),
        quats=quats.astype(np.float32),
        log_scales=np.log(scales).astype(np.float32),
        logit_opacities=np.log(opacity / (1 - opacity)).astype(np.float32),
        sh0=((rgb[:, None] / 255 - 0.5) / SH_C0).astype(np.float32),
        shN=np.zeros((n, 0, 3), np.float32),
    )


def quats_from_z_to(normals: Numbers) -> Numbers:
    """Shortest rotations that lay the z axis along normals of either sign.

    Args:
        normals: (N, 3) of length one.

    Returns:
        (N, 4) unit quaternions, w x y z.
    """
    x, y, z = np.where(normals[:, 2:] < 0, -normals, normals).T
    half_way = np.stack([1 + z, -y, x, np.zeros_like(x)], axis=1)
    return half_way / np.linalg.norm(half_way, axis=1, keepdims=True)
