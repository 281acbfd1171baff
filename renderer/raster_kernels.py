# type: ignore
"""Warp kernels that land points on the image and find the nearest in each pixel; no colours.

A point lands on a raster of 1/256 pixel, as in a hardware rasteriser, and all that several points
add to one pixel is added in integers, so no result depends on the order of points or threads.

Warp's CPU atomics are plain read-modify-writes. Every kernel therefore writes only what belongs
to its share of the work: pixel kernels a run of pixels, scattering kernels a band of rows, however
many points they read. On CUDA one launch is the one band, and the atomics are real.

Images are flat, row by row; depth 0 means that nothing is there.
"""

# ruff: noqa: PLR0913, PLR0917 (kernels have as many arguments)
from __future__ import annotations

import warp as wp

# One rounding for every device: no fused multiply-add, nothing to differentiate.
wp.set_module_options({"enable_backward": False, "fuse_fp": False})

SUBPIXEL_BITS = wp.constant(8)
SUBPIXELS = wp.constant(256)  # raster positions in a pixel, per axis, as graphics cards have

# Samples of one surface differ by less, relative to depth. Raised, things blend with what stands
# close behind them; lowered, surfaces seen at a slant tear, where neighbours differ by more.
SAME_SURFACE = wp.constant(0.03)

# Half the edge of a cell in 1/256 pixel, of a point whose footprint is not known: with the margin
# 0.6 pixels. With 0.5 a surface magnified ever so little would have gaps; raised, near things grow
# at their outline.
UNKNOWN_EDGE = wp.constant(141.0)

CELL_MARGIN = wp.constant(13)  # 5 % of a pixel that cells overlap by, for depth is not exact

# Just under 1.5 pixels, the reach of the taps below: a cell in a pixel that no tap of its sample
# reaches would hide others there and give no colour.
WIDEST_REACH = wp.constant(383)

# Half edges are cut to 8 pixels, far beyond that reach, so that products of two fit 32 bits.
LONGEST_EDGE = wp.constant(2048.0)

# Half the width of a pixel, and of the widest that a sample is blended like, in 1/256 pixel. Wider,
# the taps, which reach no farther, would cut what they weigh; narrower, magnified samples show
# their grid (hololens 9 frames on: 0.02 dB less at 128, the same at 224).
HALF_PIXEL = wp.constant(128.0)
WIDEST_HALF = wp.constant(192.0)

# A sample this near a pixel's centre, per axis and in 1/256 pixel, is that pixel and is not
# blended: so a view from the photo's own camera is the photo. Raised, views that are off by little
# get jagged.
EXACT_HIT = wp.constant(4)

NO_SAMPLE = wp.constant(wp.int64(0x7FFFFFFFFFFFFFFF))  # greater than every sample's key


@wp.struct
class Pinhole:
    """Target camera: OpenCV axes, pixels, pixel centres at +0.5."""

    cam_from_world: wp.mat44f
    focal: wp.vec2f
    center: wp.vec2f
    width: int
    height: int


@wp.struct
class Samples:
    """The points as the target camera sees them."""

    x: wp.array(dtype=wp.int32)  # in 1/256 pixel
    y: wp.array(dtype=wp.int32)
    z: wp.array(dtype=wp.float32)  # 0: not to be drawn
    cell: wp.array(dtype=wp.vec4i)  # x, y of half of its cell's one edge and the other, in 1/256
    shrink: wp.array(dtype=wp.vec2i)  # along x and y, pixel over cell where that is less than one
    rgb: wp.array(dtype=wp.vec3f)
    confidence: wp.array(dtype=wp.float32)


@wp.struct
class Band:
    """Rows a scattering launch may write, and the raster they are of."""

    width: int
    height: int
    first_row: int
    end_row: int


@wp.func
def on_one_surface(z: float, front: float) -> bool:
    """Whether a sample at depth z belongs to the surface at depth front (0: no surface)."""
    return wp.abs(z - front) < SAME_SURFACE * front


@wp.func
def pixel_of(position: int) -> int:
    """The pixel a raster position lies in."""
    return position >> SUBPIXEL_BITS


@wp.func
def offset_from_center(position: int, pixel: int) -> int:
    """Signed distance in 1/256 pixel from the centre of a pixel to a raster position."""
    return position - (pixel * SUBPIXELS + SUBPIXELS // 2)


@wp.func
def within(position: int, extent: int) -> bool:
    """Whether 0 <= position < extent, in one comparison: what is negative is a huge unsigned."""
    return wp.uint32(position) < wp.uint32(extent)


@wp.func
def not_negative(index: int) -> int:
    """An index that is at least 0; said as a maximum, that spares a check at every use of it."""
    return wp.max(index, 0)


@wp.func
def index_of(column: int, row: int, width: int) -> int:
    """A pixel's index."""
    return not_negative(row * width + column)


@wp.func
def first_reached(position: int, reach: int) -> int:
    """First pixel whose centre a sample reaches, but not after the one it lies in."""
    return wp.min(pixel_of(position), pixel_of(position - reach + SUBPIXELS // 2 - 1))


@wp.func
def last_reached(position: int, reach: int) -> int:
    """Last pixel whose centre a sample reaches, but not before the one it lies in."""
    return wp.max(pixel_of(position), pixel_of(position + reach - SUBPIXELS // 2))


@wp.func
def is_finite(value: float) -> bool:
    """Whether a value is a number; on the CPU `wp.isfinite` is a call of a library's function."""
    return value - value == 0.0


@wp.func
def half_edge(edge: wp.vec3f, ray: wp.vec2f, scale: wp.vec2f) -> wp.vec2f:
    """Half of an edge of a point's cell on the image, in 1/256 pixel.

    The point is on the ray (x, y, 1); the scale is half a pixel's worth of its focal lengths over
    its depth.
    """
    along_x, along_y = (
        (edge[0] - ray[0] * edge[2]) * scale[0],
        (edge[1] - ray[1] * edge[2]) * scale[1],
    )
    if not (is_finite(along_x) and is_finite(along_y)):
        return wp.vec2f(0.0)
    return wp.vec2f(
        wp.clamp(along_x, -LONGEST_EDGE, LONGEST_EDGE),
        wp.clamp(along_y, -LONGEST_EDGE, LONGEST_EDGE),
    )


@wp.func
def shrink_of(one: float, other: float) -> int:
    """Width of a pixel over that of a cell, 65536 for 1 and for cells that are no wider."""
    half = wp.max(wp.abs(one), wp.abs(other))
    if half <= HALF_PIXEL:
        return 65536
    return int(65536.0 * HALF_PIXEL / wp.min(half, WIDEST_HALF))


@wp.func
def in_camera(cam_from_world: wp.mat44f, direction: wp.vec3f) -> wp.vec3f:
    """A direction in the camera's axes."""
    turned = cam_from_world @ wp.vec4f(direction[0], direction[1], direction[2], 0.0)
    return wp.vec3f(turned[0], turned[1], turned[2])


@wp.func
def land_cell(
    n: int,
    p: wp.vec4f,
    footprints: wp.array(dtype=wp.float32),
    edges: wp.array(dtype=wp.vec3f),
    camera: Pinhole,
    samples: Samples,
):
    """What the point's own pixel covers here: as its edges say, or its width, or a pixel."""
    ray = wp.vec2f(p[0] / p[2], p[1] / p[2])
    scale = camera.focal * (HALF_PIXEL / p[2])
    a, b = wp.vec2f(UNKNOWN_EDGE, 0.0), wp.vec2f(0.0, UNKNOWN_EDGE)
    samples.shrink[n] = wp.vec2i(65536)
    if edges.shape[0] > 0:
        a = half_edge(in_camera(camera.cam_from_world, edges[2 * n]), ray, scale)
        b = half_edge(in_camera(camera.cam_from_world, edges[2 * n + 1]), ray, scale)
    elif footprints.shape[0] > 0:
        a = half_edge(wp.vec3f(footprints[n], 0.0, 0.0), ray, scale)
        b = half_edge(wp.vec3f(0.0, footprints[n], 0.0), ray, scale)
    samples.cell[n] = wp.vec4i(int(a[0]), int(a[1]), int(b[0]), int(b[1]))
    if edges.shape[0] + footprints.shape[0] > 0:
        samples.shrink[n] = wp.vec2i(shrink_of(a[0], b[0]), shrink_of(a[1], b[1]))


@wp.kernel
def project_points(
    first: int,
    points: wp.array(dtype=wp.vec3f),
    footprints: wp.array(dtype=wp.float32),
    edges: wp.array(dtype=wp.vec3f),
    confidence_threshold: float,
    camera: Pinhole,
    samples: Samples,
):
    """Land every finite, trusted point in front of the camera on the sub-pixel raster."""
    n = not_negative(first + wp.tid())
    point = points[n]
    p = camera.cam_from_world @ wp.vec4f(point[0], point[1], point[2], 1.0)
    samples.z[n] = 0.0
    finite = is_finite(p[2]) and is_finite(wp.length_sq(samples.rgb[n]))
    if not (finite and p[2] > 0.0 and samples.confidence[n] >= confidence_threshold):
        return
    u = p[0] / p[2] * camera.focal[0] + camera.center[0]  # up to a pixel outside it reaches inside
    v = p[1] / p[2] * camera.focal[1] + camera.center[1]
    if u > -1.0 and v > -1.0 and u < float(camera.width + 1) and v < float(camera.height + 1):
        samples.x[n] = int(wp.floor(u * float(SUBPIXELS) + 0.5))
        samples.y[n] = int(wp.floor(v * float(SUBPIXELS) + 0.5))
        samples.z[n] = p[2]
        land_cell(n, p, footprints, edges, camera, samples)


@wp.func
def cell_covers(c: wp.vec4i, dx: int, dy: int) -> bool:
    """Whether a cell, a margin added to each of its edges, covers a point dx, dy off its middle."""
    # the product of an edge and an offset is the edge's length times the distance from it; lengths
    # as their greater part, at most 1.41 times too short
    area = wp.abs(c[0] * c[3] - c[1] * c[2])
    of_one = wp.max(wp.abs(c[0]), wp.abs(c[1]))
    of_other = wp.max(wp.abs(c[2]), wp.abs(c[3]))
    return (
        wp.abs(dx * c[1] - dy * c[0]) <= area + CELL_MARGIN * of_one
        and wp.abs(dx * c[3] - dy * c[2]) <= area + CELL_MARGIN * of_other
    )


@wp.kernel
def keep_nearest(samples: Samples, band: Band, keys: wp.array(dtype=wp.int64)):
    """Z-buffer: the least (depth, squared distance from the pixel centre) in every pixel.

    A sample is a cell, the parallelogram that the pixel it was lifted from is here: it stands in
    the pixel it lies in and in those whose centres the cell covers, or a surface that is magnified,
    or turned towards this camera, would show what is behind it between its samples.
    """
    n = not_negative(wp.tid())
    z = samples.z[n]
    if z <= 0.0:
        return
    # the bits of positive floats are in the order of their values: one atomic minimum finds the
    # nearest, and among equals the one nearest to the centre
    depth_bits = wp.int64(wp.cast(z, wp.uint32)) << wp.int64(32)
    c = samples.cell[n]
    x, y = samples.x[n], samples.y[n]
    wide = wp.min(wp.abs(c[0]) + wp.abs(c[2]) + CELL_MARGIN, WIDEST_REACH)
    high = wp.min(wp.abs(c[1]) + wp.abs(c[3]) + CELL_MARGIN, WIDEST_REACH)
    top = wp.max(first_reached(y, high), band.first_row)
    bottom = wp.min(last_reached(y, high) + 1, band.end_row)
    left = wp.max(first_reached(x, wide), 0)
    right = wp.min(last_reached(x, wide) + 1, band.width)
    for j in range(top, bottom):
        for i in range(left, right):
            dx, dy = offset_from_center(x, i), offset_from_center(y, j)
            if (i == pixel_of(x) and j == pixel_of(y)) or cell_covers(c, dx, dy):
                key = depth_bits | wp.int64(dx * dx + dy * dy)
                wp.atomic_min(keys, index_of(i, j, band.width), key)


@wp.kernel
def unpack_nearest(
    first: int,
    keys: wp.array(dtype=wp.int64),
    depth: wp.array(dtype=wp.float32),
    exact: wp.array(dtype=wp.bool),
):
    """Depth of the z-buffer's winner, and whether it hit the pixel's centre."""
    p = not_negative(first + wp.tid())
    key = keys[p]
    keys[p] = NO_SAMPLE  # ready for the next view
    exact[p] = (key & wp.int64(0xFFFFFFFF)) <= wp.int64(EXACT_HIT * EXACT_HIT)
    depth[p] = wp.where(key == NO_SAMPLE, 0.0, wp.cast(wp.uint32(key >> wp.int64(32)), wp.float32))
