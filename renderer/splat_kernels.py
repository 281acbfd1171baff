# type: ignore
"""Warp kernels of the hole-filling renderer, one source for CUDA and CPU; no scenes, no files.

A point lands on a raster of 1/256 pixel, as in a hardware rasteriser, and all that several points
add to one pixel is added in integers, so no result depends on the order of points or threads.

Warp's CPU atomics are plain read-modify-writes. Every kernel therefore writes only what belongs
to its share of the work: pixel kernels a run of pixels, scattering kernels a band of rows, however
many points they read. On CUDA one launch is the one band, and the atomics are real.

Images are flat, row by row; depth 0 means that nothing is there.
"""

# ruff: noqa: PLR0913, PLR0917, UP018 (Warp's language, whose float(0.0) is mutable)
from __future__ import annotations

import warp as wp

# One rounding for every device: no fused multiply-add, nothing to differentiate.
wp.set_module_options({"enable_backward": False, "fuse_fp": False})

SUBPIXEL_BITS = wp.constant(8)
SUBPIXELS = wp.constant(256)  # raster positions in a pixel, per axis, as graphics cards have

# 1.0 in the integer sums. A weight and a colour make 32 bits; a confidence may be 65536 times as
# large, and 32768 samples of that still fit a pixel's 64 bits.
FIXED_ONE = wp.constant(65536.0)

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

HOLE_BLACK = wp.constant(10.0 / 255.0)  # undershoot must not look like the black of a faded hole

# Least weight by which a surface reaches past its last samples. Raised, outlines shrink and fray;
# lowered, things grow by a pixel's rim.
MARGIN = wp.constant(0.15)

TWICING = wp.constant(0.6)  # share of the residual given back; at 1 edges ring, at 0 blur stays

NO_SAMPLE = wp.constant(wp.int64(0x7FFFFFFFFFFFFFFF))  # greater than every sample's key


# A pixel's sums: weight, then that weight times red, green, blue, relative depth behind the front,
# confidence; the residual's red, green and blue take the places of the colour's.
PixelSums = wp.types.vector(length=6, dtype=wp.int64)


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
def spline_weight(offset: int) -> int:
    """Quadratic B-spline at an offset in 1/256 pixel, 65536 for 1; support 1.5 pixels."""
    t = wp.abs(offset)
    # 3/4 - t^2 to half a pixel, then (3/2 - t)^2 / 2, each in units of 1/65536
    if t < 128:
        return 49152 - t * t
    if t < 384:
        return (384 - t) * (384 - t) // 2
    return 0


@wp.func
def pixel_of(position: int) -> int:
    """The pixel a raster position lies in."""
    return position >> SUBPIXEL_BITS


@wp.func
def offset_from_center(position: int, pixel: int) -> int:
    """Signed distance in 1/256 pixel from the centre of a pixel to a raster position."""
    return position - (pixel * SUBPIXELS + SUBPIXELS // 2)


@wp.func
def tap_weight(across: int, down: int) -> wp.int64:
    """Fixed-point product of the spline's weights along the two axes."""
    return (wp.int64(across) * wp.int64(down)) >> wp.int64(16)


@wp.func
def hits_center(dx: int, dy: int) -> bool:
    """Whether a sample counts as the pixel itself."""
    return wp.abs(dx) <= EXACT_HIT and wp.abs(dy) <= EXACT_HIT


@wp.func
def to_fixed(value: float) -> wp.int64:
    """Nearest fixed-point integer."""
    return wp.int64(wp.floor(value * FIXED_ONE + 0.5))


@wp.func
def from_fixed(value: wp.int64) -> float:
    """Inverse of `to_fixed`."""
    return float(value) / FIXED_ONE


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
    p = camera.cam_from_world @ wp.vec4f(points[n][0], points[n][1], points[n][2], 1.0)
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


@wp.kernel
def splat_samples(
    samples: Samples,
    band: Band,
    front: wp.array(dtype=wp.float32),
    exact: wp.array(dtype=wp.bool),
    sums: wp.array(dtype=PixelSums),
):
    """Add each sample to the up to nine pixels whose front surface it lies on."""
    n = wp.tid()
    z = samples.z[n]
    x, y = pixel_of(samples.x[n]), pixel_of(samples.y[n])
    if z <= 0.0 or y < band.first_row - 1 or y > band.end_row:
        return
    # a sample of the row above or below the band reaches into it
    values = PixelSums(
        wp.int64(1),
        to_fixed(samples.rgb[n][0]),
        to_fixed(samples.rgb[n][1]),
        to_fixed(samples.rgb[n][2]),
        wp.int64(0),
        to_fixed(wp.min(samples.confidence[n], FIXED_ONE)),
    )
    for j in range(wp.max(y - 1, band.first_row), wp.min(y + 2, band.end_row)):
        dy = offset_from_center(samples.y[n], j)
        down = spline_weight(dy)
        for i in range(wp.max(x - 1, 0), wp.min(x + 2, band.width)):
            p = j * band.width + i
            if on_one_surface(z, front[p]):
                dx = offset_from_center(samples.x[n], i)
                w = tap_weight(spline_weight(dx), down)
                # a pixel that a sample hits takes such samples alone
                if exact[p]:
                    w = wp.where(hits_center(dx, dy), to_fixed(1.0), wp.int64(0))
                values[4] = to_fixed(z / front[p] - 1.0)
                wp.atomic_add(sums, p, w * values)


@wp.kernel
def resolve_smooth(
    first: int,
    border: wp.array(dtype=wp.bool),
    front: wp.array(dtype=wp.float32),
    sums: wp.array(dtype=PixelSums),
    smooth: wp.array(dtype=wp.vec4f),
    depth: wp.array(dtype=wp.float32),
    confidence: wp.array(dtype=wp.float32),
):
    """Weighted means of what was splatted: colour and weight, depth, confidence."""
    p = first + wp.tid()
    weight = from_fixed(sums[p][0])
    # a border has no sample of its own; where too little reaches it, it is a hole after all
    if border[p] and weight < MARGIN:
        front[p] = 0.0
        weight = 0.0
    smooth[p] = wp.vec4f(0.0)
    depth[p] = front[p]
    confidence[p] = 0.0
    if weight > 0.0:
        one = FIXED_ONE * weight  # sums of weight times value are fixed-point twice
        smooth[p] = wp.vec4f(
            from_fixed(sums[p][1]) / one,
            from_fixed(sums[p][2]) / one,
            from_fixed(sums[p][3]) / one,
            weight,
        )
        depth[p] = front[p] + front[p] * (from_fixed(sums[p][4]) / one)
        confidence[p] = from_fixed(sums[p][5]) / one
    sums[p] = PixelSums(wp.int64(0))


@wp.func
def smooth_at_sample(
    samples: Samples,
    n: int,
    band: Band,
    front: wp.array(dtype=wp.float32),
    smooth: wp.array(dtype=wp.vec4f),
) -> wp.vec3f:
    """The smoothed image at the sample's place, bilinear among pixels of its surface."""
    total, weights = wp.vec3f(0.0), float(0.0)
    left = pixel_of(samples.x[n] - SUBPIXELS // 2)  # of the four centres around the sample
    top = pixel_of(samples.y[n] - SUBPIXELS // 2)
    for j in range(wp.max(top, 0), wp.min(top + 2, band.height)):
        for i in range(wp.max(left, 0), wp.min(left + 2, band.width)):
            p = j * band.width + i
            if on_one_surface(samples.z[n], front[p]) and smooth[p][3] > 0.0:
                dx = offset_from_center(samples.x[n], i)
                dy = offset_from_center(samples.y[n], j)
                w = float((SUBPIXELS - wp.abs(dx)) * (SUBPIXELS - wp.abs(dy)))
                total += w * wp.vec3f(smooth[p][0], smooth[p][1], smooth[p][2])
                weights += w
    if weights == 0.0:
        return samples.rgb[n]
    return total / weights


@wp.kernel
def splat_residuals(
    samples: Samples,
    band: Band,
    front: wp.array(dtype=wp.float32),
    smooth: wp.array(dtype=wp.vec4f),
    sums: wp.array(dtype=PixelSums),
):
    """Splat what smoothing took from each sample (twicing, Tukey 1977)."""
    n = wp.tid()
    z = samples.z[n]
    x, y = pixel_of(samples.x[n]), pixel_of(samples.y[n])
    if z <= 0.0 or y < band.first_row - 1 or y > band.end_row:
        return
    lost = samples.rgb[n] - smooth_at_sample(samples, n, band, front, smooth)
    red, green, blue = to_fixed(lost[0]), to_fixed(lost[1]), to_fixed(lost[2])
    residual = PixelSums(wp.int64(0), red, green, blue, wp.int64(0), wp.int64(0))
    for j in range(wp.max(y - 1, band.first_row), wp.min(y + 2, band.end_row)):
        down = spline_weight(offset_from_center(samples.y[n], j))
        for i in range(wp.max(x - 1, 0), wp.min(x + 2, band.width)):
            p = j * band.width + i
            if on_one_surface(z, front[p]):
                across = spline_weight(offset_from_center(samples.x[n], i))
                wp.atomic_add(sums, p, tap_weight(across, down) * residual)


@wp.func
def sharpened(smooth: float, correction: float) -> float:
    """Corrected channel, in range, and not darkened into the colour of a hole."""
    return wp.clamp(smooth + correction, wp.min(smooth, HOLE_BLACK), 1.0)


@wp.kernel
def resolve_sharp(
    first: int,
    exact: wp.array(dtype=wp.bool),
    front: wp.array(dtype=wp.float32),
    smooth: wp.array(dtype=wp.vec4f),
    sums: wp.array(dtype=PixelSums),
    colors: wp.array(dtype=wp.vec4f),
    hole: wp.array(dtype=wp.bool),
):
    """Give the residual's share back; colours carry the front's depth, 0 where unresolved."""
    p = first + wp.tid()
    s = smooth[p]
    hole[p] = front[p] == 0.0
    colors[p] = wp.vec4f(0.0)
    if s[3] > 0.0:
        dense = wp.min(s[3], 1.0)  # sparse samples are magnified: their residual is mostly noise
        gain = wp.where(exact[p], 0.0, TWICING * dense * dense / (FIXED_ONE * s[3]))
        colors[p] = wp.vec4f(
            sharpened(s[0], gain * from_fixed(sums[p][1])),
            sharpened(s[1], gain * from_fixed(sums[p][2])),
            sharpened(s[2], gain * from_fixed(sums[p][3])),
            front[p],
        )
    sums[p] = PixelSums(wp.int64(0))
