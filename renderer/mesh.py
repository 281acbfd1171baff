"""A textured mesh looked at by a pinhole camera: colours and metric depth; no files, no scenes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import warp as wp
from numpy.typing import NDArray

from . import mesh_kernels
from .launcher import launcher_for

SKY_RGB = (178.0, 202.0, 230.0)
"""Colour of what no triangle is before."""


class MeshSurface(NamedTuple):
    """A mesh and what hangs on its triangles.

    Attributes:
        vertices: (V, 3) float32, z up, near the origin, metres.
        faces: (F, 3) int32 indices of vertices.
        uv: (F, 3, 2) float32 texture coordinates of the corners, v upwards; textures repeat.
        texture: (F,) int32 index into `textures`; -1 for a face of one colour.
        rgb: (F, 3) uint8 colours of the faces without a texture.
        textures: (h, w, 3) uint8 pictures.
    """

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    uv: NDArray[np.float32]
    texture: NDArray[np.int32]
    rgb: NDArray[np.uint8]
    textures: tuple[NDArray[np.uint8], ...]


class MeshView(NamedTuple):
    """What a camera sees.

    Attributes:
        rgb: (h, w, 3) uint8.
        depth: (h, w) float32 z-depth in metres along the rays of the pixels' centres, 0 = nothing.
    """

    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]


class MeshRenderer:
    """Looks at one mesh from anywhere.

    Args:
        surface: The mesh.
        device: `cuda` or `cpu`.
        samples: Colour samples along each side of a pixel.
    """

    def __init__(self, surface: MeshSurface, device: str = "cpu", samples: int = 2):
        self._launcher = launcher_for(device, (mesh_kernels.__name__,))
        where = self._launcher.device
        self._mesh = wp.Mesh(
            wp.array(surface.vertices, dtype=wp.vec3f, device=where),
            wp.array(surface.faces.ravel(), dtype=int, device=where),
        )
        self._surface, self._samples = _on_device(surface, where), samples

    def look(
        self,
        K: NDArray[np.floating],
        cam_from_world: NDArray[np.floating],
        size_wh: tuple[int, int],
    ) -> MeshView:
        """The view of a camera.

        Args:
            K: (3, 3) intrinsics, pixel centres at +0.5.
            cam_from_world: (4, 4) pose, OpenCV axes.
            size_wh: Size of the picture.
        """
        (width, height), where = size_wh, self._launcher.device
        rgb, depth = (_empty(width * height, kind, where) for kind in (wp.vec3ub, float))
        eye = _eye(K, cam_from_world, width, self._samples)
        arguments = [self._mesh.id, eye, self._surface, wp.vec3f(*SKY_RGB), rgb, depth]
        self._launcher.items(mesh_kernels.look, width * height, arguments)
        return MeshView(rgb.numpy().reshape(height, width, 3), depth.numpy().reshape(height, width))


def _empty(count: int, dtype: Any, where: wp.Device) -> Any:
    return wp.empty(count, dtype=dtype, device=where)


def mip_sizes(texture: NDArray[np.uint8], levels: int) -> list[NDArray[np.uint8]]:
    """A texture and its halves, each the mean of 2x2 texels of the one before, down to 1x1."""
    sizes = [texture]
    while len(sizes) < levels:
        last = sizes[-1]
        rows, columns = (np.arange(0, side, 2) for side in last.shape[:2])
        counts_hw = (np.diff([*rows, last.shape[0]]), np.diff([*columns, last.shape[1]]))
        total = np.add.reduceat(np.add.reduceat(last.astype(np.uint32), rows, 0), columns, 1)
        share = counts_hw[0][:, None, None] * counts_hw[1][None, :, None]
        sizes.append(((total + share // 2) // share).astype(np.uint8))
    return sizes


def texels_a_metre(surface: MeshSurface) -> NDArray[np.float32]:
    """(F,) how many texels of its texture a metre of a face holds, 0 without a texture."""
    corners = surface.vertices[surface.faces].astype(np.float64)
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    sizes_wh = np.array([[*texture.shape[1::-1]] for texture in surface.textures] + [[0, 0]])
    uv = surface.uv.astype(np.float64) * sizes_wh[surface.texture][:, None]
    one, other = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    texels = np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0])
    return np.sqrt(texels / np.maximum(area, 1e-12)).astype(np.float32)


def _on_device(surface: MeshSurface, where: wp.Device) -> Any:
    sizes = [size for t in surface.textures for size in mip_sizes(t, mesh_kernels.LEVELS)]
    counts = [size.shape[0] * size.shape[1] for size in sizes]
    texels = [size.reshape(-1, 3) for size in sizes] or [np.zeros((1, 3), np.uint8)]
    sizes_wh = np.array([size.shape[1::-1] for size in sizes] or [(1, 1)], np.int32)
    firsts = np.cumsum([0, *counts])[: len(sizes_wh)].astype(np.int32)

    def array(values: NDArray, dtype: Any) -> wp.array:
        return wp.array(np.ascontiguousarray(values), dtype=dtype, device=where)

    on_device = mesh_kernels.Surface()
    on_device.uv = array(surface.uv.reshape(-1, 2), wp.vec2f)
    on_device.texture = array(surface.texture, int)
    on_device.texels_a_metre = array(texels_a_metre(surface), float)
    on_device.rgb = array(surface.rgb.astype(np.float32), wp.vec3f)
    on_device.first_texel = array(firsts, int)
    on_device.size = array(sizes_wh, wp.vec2i)
    on_device.texels = array(np.concatenate(texels), wp.vec3ub)
    return on_device


def _eye(
    K: NDArray[np.floating], cam_from_world: NDArray[np.floating], width: int, samples: int
) -> Any:
    turn = cam_from_world[:3, :3].T
    eye = mesh_kernels.Eye()
    eye.center = wp.vec3f(*(-turn @ cam_from_world[:3, 3]).tolist())
    eye.world_from_cam = wp.mat33f(*turn.ravel().tolist())
    eye.focal = wp.vec2f(float(K[0, 0]), float(K[1, 1]))
    eye.principal = wp.vec2f(float(K[0, 2]), float(K[1, 2]))
    eye.width, eye.samples = width, samples
    return eye
