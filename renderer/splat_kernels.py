# type: ignore
"""Warp kernels that blend the samples of each pixel's surface, for CUDA and CPU; no geometry.

Whatever several samples add to a pixel is added in fixed-point integers, band by band, for the
reasons that `raster_kernels` gives. Images are flat, row by row.
"""

# ruff: noqa: PLR0913, PLR0917, UP018 (Warp's language, whose float(0.0) is mutable)
from __future__ import annotations

import warp as wp

from .raster_kernels import (
    EXACT_HIT,
    SUBPIXELS,
    Band,
    Samples,
    index_of,
    not_negative,
    offset_from_center,
    on_one_surface,
    pixel_of,
    within,
)

wp.set_module_options({"enable_backward": False, "fuse_fp": False})

# Colours within this are exact in 32 bits of fixed point; no picture has others.
FAR_OUT = wp.constant(16384.0)

# 1.0 in the integer sums. A weight and a colour make 32 bits; a confidence may be 65536 times as
# large, and 32768 samples of that still fit a pixel's 64 bits.
FIXED_ONE = wp.constant(65536.0)

HOLE_BLACK = wp.constant(10.0 / 255.0)  # undershoot must not look like the black of a faded hole

# Least weight by which a surface reaches past its last samples. Raised, outlines shrink and fray;
# lowered, things grow by a pixel's rim.
MARGIN = wp.constant(0.15)

TWICING = wp.constant(0.6)  # share of the residual given back; at 1 edges ring, at 0 blur stays

# A pixel's sums, of 32 bytes that never straddle two cache lines: weight, then that weight times
# red, green, blue. The residual's red, green and blue take the places of the colour's.
ColorSums = wp.types.vector(length=4, dtype=wp.int64)
# The weight times relative depth behind the front, and times confidence.
DepthSums = wp.types.vector(length=2, dtype=wp.int64)


@wp.func
def spline_beside(offset: int, shrink: int) -> int:
    """Quadratic B-spline, 65536 for 1, half a pixel to one and a half (128 to 384) off a sample.

    As wide as the sample's cell: within half of that it is 3/4 - t^2, beyond it (3/2 - t)^2 / 2: a
    sum of two squares.
    """
    t = (offset * shrink) >> 16
    outer, inner = 384 - t, wp.max(128 - t, 0)
    return (outer * outer - 3 * inner * inner) >> 1


@wp.func
def spline_weights(offset: int, shrink: int) -> wp.vec3i:
    """The spline at the pixel before, the own and the one after, by the offset from the own."""
    t = (wp.abs(offset) * shrink) >> 16
    return wp.vec3i(
        spline_beside(SUBPIXELS + offset, shrink),
        49152 - t * t,
        spline_beside(SUBPIXELS - offset, shrink),
    )


@wp.func
def tap_weight(across: int, down: int) -> int:
    """Fixed-point product of the spline's weights along the two axes, which 32 bits just hold."""
    return int((wp.uint32(across) * wp.uint32(down)) >> wp.uint32(16))


@wp.func
def hits_center(dx: int, dy: int) -> bool:
    """Whether a sample counts as the pixel itself."""
    return wp.abs(dx) <= EXACT_HIT and wp.abs(dy) <= EXACT_HIT


@wp.func
def to_fixed(value: float) -> int:
    """Nearest fixed-point integer of a value within +-32767."""
    return int(wp.floor(value * FIXED_ONE + 0.5))


@wp.func
def fixed_color(rgb: wp.vec3f) -> wp.vec3i:
    """Fixed-point colour; one that is none of 0..1 is brought within what 32 bits hold."""
    return wp.vec3i(
        to_fixed(wp.clamp(rgb[0], -FAR_OUT, FAR_OUT)),
        to_fixed(wp.clamp(rgb[1], -FAR_OUT, FAR_OUT)),
        to_fixed(wp.clamp(rgb[2], -FAR_OUT, FAR_OUT)),
    )


# A row of three pixels at a time, so that what is the same for all is made once: on the CPU, four
# products of 32-bit numbers in one instruction, which Warp's own 64-bit vectors do not become.
ADD_COLORS = """
#if defined(__CUDA_ARCH__)
    for (int i = 0; i < 3; ++i)
        if (wp::int64 w = weights[i])
            wp::atomic_add(sums, p + i - 1, wp::vec_t<4, wp::int64>(
                w * values[0], w * values[1], w * values[2], w * values[3]));
#else
    typedef wp::int32 Narrow __attribute__((vector_size(16)));
    typedef wp::int64 Wide __attribute__((vector_size(32), aligned(8), may_alias));
    Narrow narrow = {values[0], values[1], values[2], values[3]};
    Wide wide = __builtin_convertvector(narrow, Wide), *sum = (Wide*)(sums.data + p) - 1;
    for (int i = 0; i < 3; ++i)
        if (wp::int64 w = weights[i])
            sum[i] += w * wide;
#endif
"""

ADD_DEPTHS = """
    for (int i = 0; i < 3; ++i)
        if (wp::int64 w = weights[i])
#if defined(__CUDA_ARCH__)
            wp::atomic_add(sums, p + i - 1, wp::vec_t<2, wp::int64>(w * behind[i], w * trust));
#else
            sums.data[p + i - 1] += wp::vec_t<2, wp::int64>(w * behind[i], w * trust);
#endif
"""


@wp.func_native(ADD_COLORS)
def add_colors(sums: wp.array(dtype=ColorSums), p: int, weights: wp.vec3i, values: wp.vec4i):
    """Add four values times a weight to the sums of the pixel before p, of p and of the next."""
    ...


@wp.func_native(ADD_DEPTHS)
def add_depths(
    sums: wp.array(dtype=DepthSums), p: int, weights: wp.vec3i, behind: wp.vec3i, trust: wp.int64
):
    """Add what is behind and one trust, times a weight, to the sums of the same three pixels."""
    ...


@wp.func_native("return wp::vec_t<3, float>(image.data[p - 1], image.data[p], image.data[p + 1]);")
def depths_around(image: wp.array(dtype=wp.float32), p: int) -> wp.vec3f:
    """Of the same three pixels, up to two of which may lie in the image's padding."""
    ...


@wp.func_native("return wp::vec_t<3, int>(image.data[p - 1], image.data[p], image.data[p + 1]);")
def flags_around(image: wp.array(dtype=wp.bool), p: int) -> wp.vec3i:
    """Of the same three pixels, 1 for True."""
    ...


@wp.func
def from_fixed(value: wp.int64) -> float:
    """Inverse of `to_fixed`."""
    return float(value) / FIXED_ONE


@wp.func
def weights_across(x: int, offset: int, shrink: int, width: int) -> wp.vec3i:
    """The spline's weights in the columns around the pixel x, 0 in those outside the image."""
    weights = spline_weights(offset, shrink)
    for i in range(3):
        weights[i] = wp.where(within(x - 1 + i, width), weights[i], 0)
    return weights


@wp.func
def surface_taps(z: float, depths: wp.vec3f, across: wp.vec3i, down: int) -> wp.vec3i:
    """A sample's weights in three pixels of a row, 0 in those whose front surface is another."""
    # without a branch in it, so that the three are weighed together
    taps = wp.vec3i()
    for i in range(3):
        taps[i] = wp.where(on_one_surface(z, depths[i]), tap_weight(across[i], down), 0)
    return taps


@wp.kernel
def splat_samples(
    samples: Samples,
    band: Band,
    front: wp.array(dtype=wp.float32),
    exact: wp.array(dtype=wp.bool),
    sums: wp.array(dtype=ColorSums),
    depth_sums: wp.array(dtype=DepthSums),
):
    """Add each sample to the up to nine pixels whose front surface it lies on."""
    n = not_negative(wp.tid())
    z = samples.z[n]
    x, y = pixel_of(samples.x[n]), pixel_of(samples.y[n])
    if z <= 0.0 or y < band.first_row - 1 or y > band.end_row:
        return
    # a sample of the row above or below the band reaches into it
    color = fixed_color(samples.rgb[n])
    trust = wp.int64(wp.floor(wp.min(samples.confidence[n], FIXED_ONE) * FIXED_ONE + 0.5))
    values = wp.vec4i(1, color[0], color[1], color[2])
    dx, dy = offset_from_center(samples.x[n], x), offset_from_center(samples.y[n], y)
    shrink = samples.shrink[n]
    across, down = weights_across(x, dx, shrink[0], band.width), spline_weights(dy, shrink[1])
    hit = wp.where(hits_center(dx, dy), to_fixed(1.0), 0)
    for j in range(3):
        row = y - 1 + j
        if row >= band.first_row and row < band.end_row:
            p = row * band.width + x
            depths, hits = depths_around(front, p), flags_around(exact, p)
            taps, behind = surface_taps(z, depths, across, down[j]), wp.vec3i()
            for i in range(3):
                # a pixel that a sample hits takes such samples alone
                own = wp.where(i == 1 and j == 1 and taps[i] > 0, hit, 0)
                taps[i] = wp.where(hits[i] != 0, own, taps[i])
                behind[i] = to_fixed(z / depths[i] - 1.0)
            add_colors(sums, p, taps, values)
            add_depths(depth_sums, p, taps, behind, trust)


@wp.kernel
def resolve_smooth(
    first: int,
    border: wp.array(dtype=wp.bool),
    front: wp.array(dtype=wp.float32),
    sums: wp.array(dtype=ColorSums),
    depth_sums: wp.array(dtype=DepthSums),
    smooth: wp.array(dtype=wp.vec4f),
    depth: wp.array(dtype=wp.float32),
    confidence: wp.array(dtype=wp.float32),
):
    """Weighted means of what was splatted: colour and weight, depth, confidence."""
    p = not_negative(first + wp.tid())
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
        depth[p] = front[p] + front[p] * (from_fixed(depth_sums[p][0]) / one)
        confidence[p] = from_fixed(depth_sums[p][1]) / one
    sums[p] = ColorSums(wp.int64(0))
    depth_sums[p] = DepthSums(wp.int64(0))


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
    z, x, y = samples.z[n], samples.x[n], samples.y[n]
    left = pixel_of(x - SUBPIXELS // 2)  # of the four centres around the sample
    top = pixel_of(y - SUBPIXELS // 2)
    for j in range(2):
        row = top + j
        if within(row, band.height):
            down = SUBPIXELS - wp.abs(offset_from_center(y, row))
            for i in range(2):
                column = left + i
                p = index_of(column, row, band.width)
                if within(column, band.width) and on_one_surface(z, front[p]):
                    seen = smooth[p]
                    if seen[3] > 0.0:
                        across = SUBPIXELS - wp.abs(offset_from_center(x, column))
                        w = float(across * down)
                        total += w * wp.vec3f(seen[0], seen[1], seen[2])
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
    sums: wp.array(dtype=ColorSums),
):
    """Splat what smoothing took from each sample (twicing, Tukey 1977)."""
    n = not_negative(wp.tid())
    z = samples.z[n]
    x, y = pixel_of(samples.x[n]), pixel_of(samples.y[n])
    if z <= 0.0 or y < band.first_row - 1 or y > band.end_row:
        return
    shrink = samples.shrink[n]
    # the wider the cell, the more of it is noise (hololens 8 frames on: 0.04 dB more)
    share = from_fixed(wp.int64(shrink[0])) * from_fixed(wp.int64(shrink[1]))
    lost = fixed_color(share * (samples.rgb[n] - smooth_at_sample(samples, n, band, front, smooth)))
    values = wp.vec4i(0, lost[0], lost[1], lost[2])
    across = weights_across(x, offset_from_center(samples.x[n], x), shrink[0], band.width)
    down = spline_weights(offset_from_center(samples.y[n], y), shrink[1])
    for j in range(3):
        row = y - 1 + j
        if row >= band.first_row and row < band.end_row:
            p = row * band.width + x
            taps = surface_taps(z, depths_around(front, p), across, down[j])
            add_colors(sums, p, taps, values)


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
    sums: wp.array(dtype=ColorSums),
    colors: wp.array(dtype=wp.vec4f),
    hole: wp.array(dtype=wp.bool),
):
    """Give the residual's share back; colours carry the front's depth, 0 where unresolved."""
    p = not_negative(first + wp.tid())
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
    sums[p] = ColorSums(wp.int64(0))
