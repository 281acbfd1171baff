# type: ignore
"""Warp kernel that looks at a textured mesh, one source for CUDA and CPU; no scenes, no files.

A ray a sample finds the nearest triangle in Warp's hierarchy of boxes, so that no triangle has to
be cut at the camera's plane and no depth buffer rounds. Images are flat, row by row; depth 0 means
that nothing is there.
"""

# ruff: noqa: PLR0913, PLR0917, UP018 (Warp's language, whose float(0.0) is mutable)
from __future__ import annotations

import warp as wp

# One rounding for every device: no fused multiply-add, nothing to differentiate.
wp.set_module_options({"enable_backward": False, "fuse_fp": False})

LEVELS = wp.constant(14)
"""Sizes in which each texture is kept, each half the one before; enough for 8192 texels a side."""

FARTHEST = wp.constant(1.0e6)  # in the mesh's unit, metres; no mesh reaches so far


@wp.struct
class Eye:
    """Camera: OpenCV axes, pixels, pixel centres at +0.5."""

    center: wp.vec3f
    world_from_cam: wp.mat33f
    focal: wp.vec2f
    principal: wp.vec2f
    width: int
    samples: int


@wp.struct
class Surface:
    """What hangs on the triangles: (3 F) texture coordinates, (F) the rest, and textures.

    `first_texel` and `size` are (T * LEVELS), of each texture's sizes from the largest on.
    """

    uv: wp.array(dtype=wp.vec2f)
    texture: wp.array(dtype=int)
    texels_a_metre: wp.array(dtype=float)
    rgb: wp.array(dtype=wp.vec3f)
    first_texel: wp.array(dtype=int)
    size: wp.array(dtype=wp.vec2i)
    texels: wp.array(dtype=wp.vec3ub)


@wp.func
def direction(eye: Eye, x: float, y: float) -> wp.vec3f:
    """World direction of a position in the picture, with 1 along the optical axis."""
    ray = wp.vec3f(
        (x - eye.principal[0]) / eye.focal[0], (y - eye.principal[1]) / eye.focal[1], 1.0
    )
    return eye.world_from_cam * ray


@wp.func
def texel(surface: Surface, level: int, column: int, row: int) -> wp.vec3f:
    """A texel; textures repeat."""
    size = surface.size[level]
    x = column % size[0]
    y = row % size[1]
    if x < 0:
        x += size[0]
    if y < 0:
        y += size[1]
    found = surface.texels[surface.first_texel[level] + y * size[0] + x]
    return wp.vec3f(float(found[0]), float(found[1]), float(found[2]))


@wp.func
def colour(surface: Surface, face: int, u: float, v: float, footprint: float) -> wp.vec3f:
    """Colour of a face where (u, v) weigh its first two corners.

    The texture is read, bilinearly, in the size whose texels are nearest to a sample's footprint
    in metres, so that what is far does not flicker.
    """
    texture = surface.texture[face]
    if texture < 0:
        return surface.rgb[face]
    corner = 3 * face
    at = u * surface.uv[corner] + v * surface.uv[corner + 1]
    at += (1.0 - u - v) * surface.uv[corner + 2]
    blur = wp.max(footprint * surface.texels_a_metre[face], 1.0)
    level = texture * LEVELS + wp.min(int(wp.log2(blur)), LEVELS - 1)
    size = surface.size[level]
    x = at[0] * float(size[0]) - 0.5
    y = (1.0 - at[1]) * float(size[1]) - 0.5
    left = int(wp.floor(x))
    top = int(wp.floor(y))
    right_share = x - float(left)
    low_share = y - float(top)
    upper = (1.0 - right_share) * texel(surface, level, left, top)
    upper += right_share * texel(surface, level, left + 1, top)
    lower = (1.0 - right_share) * texel(surface, level, left, top + 1)
    lower += right_share * texel(surface, level, left + 1, top + 1)
    return (1.0 - low_share) * upper + low_share * lower


@wp.kernel
def look(
    first: int,
    mesh: wp.uint64,
    eye: Eye,
    surface: Surface,
    background: wp.vec3f,
    rgb: wp.array(dtype=wp.vec3ub),
    depth: wp.array(dtype=float),
):
    """A pixel's depth along the ray of its centre, and the mean colour of its samples."""
    pixel = first + wp.tid()
    column = float(pixel % eye.width)
    row = float(pixel / eye.width)
    ray = direction(eye, column + 0.5, row + 0.5)
    hit = wp.mesh_query_ray(mesh, eye.center, wp.normalize(ray), FARTHEST)
    if hit.result:
        depth[pixel] = hit.t / wp.length(ray)
    else:
        depth[pixel] = 0.0
    total = wp.vec3f(0.0, 0.0, 0.0)
    step = 1.0 / float(eye.samples)
    for sample in range(eye.samples * eye.samples):
        x = column + (float(sample % eye.samples) + 0.5) * step
        y = row + (float(sample / eye.samples) + 0.5) * step
        ray = direction(eye, x, y)
        seen = wp.mesh_query_ray(mesh, eye.center, wp.normalize(ray), FARTHEST)
        if seen.result:
            footprint = seen.t / wp.length(ray) / eye.focal[0] * step
            total += colour(surface, seen.face, seen.u, seen.v, footprint)
        else:
            total += background
    mean = total / float(eye.samples * eye.samples)
    rgb[pixel] = wp.vec3ub(
        wp.uint8(int(mean[0] + 0.5)), wp.uint8(int(mean[1] + 0.5)), wp.uint8(int(mean[2] + 0.5))
    )
