"""Looking at a textured mesh in plain numpy: every ray with every triangle, in double precision.

Slow and short, and what `mesh_kernels.look` is compared with.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from .mesh import SKY_RGB, MeshSurface, MeshView, mip_sizes, texels_a_metre

LEVELS = 14
Floats = NDArray[np.floating]


def look(
    surface: MeshSurface, K: Floats, cam_from_world: Floats, size_wh: tuple[int, int], samples: int
) -> MeshView:
    """See `MeshRenderer.look`."""
    width, height = size_wh
    rows, columns = np.mgrid[0:height, 0:width].reshape(2, -1).astype(np.float64)
    eye = SimpleNamespace(K=K, pose=cam_from_world)
    depth = _cast(surface, *_rays(eye, columns + 0.5, rows + 0.5)).depth
    total = np.zeros((width * height, 3))
    for sample in range(samples**2):
        x = columns + (sample % samples + 0.5) / samples
        y = rows + (sample // samples + 0.5) / samples
        hit = _cast(surface, *_rays(eye, x, y))
        total += _colours(surface, hit, hit.depth / K[0, 0] / samples)
    mean = total / samples**2
    rgb = np.floor(mean + 0.5).astype(np.uint8).reshape(height, width, 3)
    return MeshView(rgb, depth.astype(np.float32).reshape(height, width))


def _rays(eye: SimpleNamespace, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Centre (3,) of a camera, and world directions (n, 3) with 1 along its optical axis."""
    K, turn = eye.K, eye.pose[:3, :3].T
    rays = np.stack([(x - K[0, 2]) / K[0, 0], (y - K[1, 2]) / K[1, 1], np.ones_like(x)], axis=1)
    return -turn @ eye.pose[:3, 3], rays @ turn.T


def _cast(surface: MeshSurface, center: Floats, rays: Floats) -> SimpleNamespace:
    """Nearest hit of each ray: depth (0 = none), face, weights of its first two corners.

    Moeller and Trumbore, Fast, minimum storage ray-triangle intersection, 1997.
    """
    depth, face = np.full(len(rays), np.inf), np.full(len(rays), -1)
    weights = np.zeros((len(rays), 2))
    for index, corners in enumerate(surface.vertices[surface.faces].astype(np.float64)):
        one, other = corners[1] - corners[0], corners[2] - corners[0]
        across = np.cross(rays, other)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = 1 / (across @ one)
            second = across @ (center - corners[0]) * inverse
            turned = np.cross(center - corners[0], one)
            third = rays @ turned * inverse
            far = float(other @ turned) * inverse
        nearer = (second >= 0) & (third >= 0) & (second + third <= 1) & (far > 0) & (far < depth)
        depth[nearer], face[nearer] = far[nearer], index
        weights[nearer] = np.stack([1 - second - third, second], axis=1)[nearer]
    return SimpleNamespace(depth=np.where(face >= 0, depth, 0.0), face=face, weights=weights)


def _colours(surface: MeshSurface, hit: SimpleNamespace, footprint: Floats) -> Floats:
    """(n, 3) colours of hits, the sky's where there is none."""
    colours = np.tile(np.array(SKY_RGB), (len(hit.face), 1))
    sizes = [mip_sizes(texture, LEVELS) for texture in surface.textures]
    density = texels_a_metre(surface)
    for n in np.flatnonzero(hit.face >= 0):
        face = hit.face[n]
        if surface.texture[face] < 0:
            colours[n] = surface.rgb[face]
            continue
        u, v = hit.weights[n]
        at = np.array([u, v, 1 - u - v]) @ surface.uv[face].astype(np.float64)
        level = min(int(np.log2(max(footprint[n] * density[face], 1.0))), LEVELS - 1)
        colours[n] = _bilinear(sizes[surface.texture[face]][level], at)
    return colours


def _bilinear(texture: NDArray[np.uint8], at: Floats) -> Floats:
    height, width = texture.shape[:2]
    x, y = at[0] * width - 0.5, (1 - at[1]) * height - 0.5
    left, top = int(np.floor(x)), int(np.floor(y))
    columns, rows = np.array([left, left + 1]) % width, np.array([top, top + 1]) % height
    corners = texture[np.ix_(rows, columns)].astype(np.float64)
    shares = np.outer([top + 1 - y, y - top], [left + 1 - x, x - left])
    return np.einsum("rc,rck->k", shares, corners)
