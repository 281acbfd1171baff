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

# Half the side of a cell in 1/256 pixel, of a point whose footprint is not known: 0.6 pixels. With
# 0.5 a surface magnified ever so little would have gaps; raised, near things grow at their outline.
CELL_REACH = wp.constant(154)

CELL_MARGIN = wp.constant(13)  # 5 % of a pixel that cells overlap by, for they turn and foreshorten

# Just under 1.5 pixels, the reach of the taps below: a cell in a pixel that no tap of its sample
# reaches would hide others there and give no colour.
WIDEST_REACH = wp.constant(383)

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
    reach: wp.array(dtype=wp.int32)  # half the side of its cell, in 1/256 pixel
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
def index_of(column: int, row: int, width: int) -> int:
    """A pixel's index; never negative, which as a maximum spares a check at every use of it."""
    return wp.max(row * width + column, 0)


@wp.func
def first_reached(position: int, reach: int) -> int:
    """First pixel whose centre a sample reaches, but not after the one it lies in."""
    return wp.min(pixel_of(position), pixel_of(position - reach + SUBPIXELS // 2 - 1))


@wp.func
def last_reached(position: int, reach: int) -> int:
    """Last pixel whose centre a sample reaches, but not before the one it lies in."""
    return wp.max(pixel_of(position), pixel_of(position + reach - SUBPIXELS // 2))


@wp.func
def cell_reach(footprint: float, z: float, focal: float) -> int:
    """Half the side in 1/256 pixel of what a point's own pixel covers here, and the margin."""
    cell_px = footprint * focal / z
    if cell_px > 0.0 and cell_px < float(SUBPIXELS):
        return wp.min(int(cell_px * float(SUBPIXELS // 2)) + CELL_MARGIN, WIDEST_REACH)
    return wp.where(cell_px > 0.0, WIDEST_REACH, 0)


@wp.kernel
def project_points(
    first: int,
    points: wp.array(dtype=wp.vec3f),
    footprints: wp.array(dtype=wp.float32),
    confidence_threshold: float,
    camera: Pinhole,
    samples: Samples,
):
    """Land every finite, trusted point in front of the camera on the sub-pixel raster."""
    n = first + wp.tid()
    point = points[n]
    p = camera.cam_from_world @ wp.vec4f(point[0], point[1], point[2], 1.0)
    samples.z[n] = 0.0
    finite = wp.isfinite(p[2]) and wp.isfinite(wp.length_sq(samples.rgb[n]))
    if not (finite and p[2] > 0.0 and samples.confidence[n] >= confidence_threshold):
        return
    u = p[0] / p[2] * camera.focal[0] + camera.center[0]  # up to a pixel outside it reaches inside
    v = p[1] / p[2] * camera.focal[1] + camera.center[1]
    if u > -1.0 and v > -1.0 and u < float(camera.width + 1) and v < float(camera.height + 1):
        samples.x[n] = int(wp.floor(u * float(SUBPIXELS) + 0.5))
        samples.y[n] = int(wp.floor(v * float(SUBPIXELS) + 0.5))
        samples.z[n] = p[2]
        samples.reach[n] = CELL_REACH
        if footprints.shape[0] > 0:
            samples.reach[n] = cell_reach(footprints[n], p[2], camera.focal[0])


@wp.kernel
def keep_nearest(samples: Samples, band: Band, keys: wp.array(dtype=wp.int64)):
    """Z-buffer: the least (depth, squared distance from the pixel centre) in every pixel.

    A sample is a cell as large as the pixel it was lifted from is here: it stands in the pixel it
    lies in and in those whose centres the cell covers, or a magnified surface would show what is
    behind it between its samples.
    """
    n = wp.tid()
    z = samples.z[n]
    if z <= 0.0:
        return
    # the bits of positive floats are in the order of their values: one atomic minimum finds the
    # nearest, and among equals the one nearest to the centre
    depth_bits = wp.int64(wp.cast(z, wp.uint32)) << wp.int64(32)
    top = wp.max(first_reached(samples.y[n], samples.reach[n]), band.first_row)
    bottom = wp.min(last_reached(samples.y[n], samples.reach[n]) + 1, band.end_row)
    left = wp.max(first_reached(samples.x[n], samples.reach[n]), 0)
    right = wp.min(last_reached(samples.x[n], samples.reach[n]) + 1, band.width)
    for j in range(top, bottom):
        for i in range(left, right):
            dx = offset_from_center(samples.x[n], i)
            dy = offset_from_center(samples.y[n], j)
            key = depth_bits | wp.int64(dx * dx + dy * dy)
            wp.atomic_min(keys, j * band.width + i, key)


@wp.kernel
def unpack_nearest(
    first: int,
    keys: wp.array(dtype=wp.int64),
    depth: wp.array(dtype=wp.float32),
    exact: wp.array(dtype=wp.bool),
):
    """Depth of the z-buffer's winner, and whether it hit the pixel's centre."""
    p = first + wp.tid()
    key = keys[p]
    keys[p] = NO_SAMPLE  # ready for the next view
    exact[p] = (key & wp.int64(0xFFFFFFFF)) <= wp.int64(EXACT_HIT * EXACT_HIT)
    depth[p] = wp.where(key == NO_SAMPLE, 0.0, wp.cast(wp.uint32(key >> wp.int64(32)), wp.float32))
