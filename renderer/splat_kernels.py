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
    SAME_SURFACE,
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
def hits_center(dx: int, dy: int) -> bool:
    """Whether a sample counts as the pixel itself."""
    return wp.abs(dx) <= EXACT_HIT and wp.abs(dy) <= EXACT_HIT


@wp.func
def to_fixed(value: float) -> int:
    """Nearest fixed-point integer of a value within +-32767."""
    return int(wp.floor(value * FIXED_ONE + 0.5))


# What follows is C++, for Warp's own vectors do not become vector instructions. On the CPU three
# pixels of a row are weighed at once, with a fourth of no weight, and without a branch: columns
# outside the image add nothing to the pixel at its edge. A card takes the nine one by one.
TAPS = (
    f"""
    const float same_surface = {SAME_SURFACE}f, fixed_one = {FIXED_ONE}f, far_out = {FAR_OUT}f;
"""
    """
    const int width = band.width, first_row = band.first_row, end_row = band.end_row;
#if defined(__CUDA_ARCH__)
    wp::vec_t<4, wp::int64> values;
    for (int i = 0; i < 4; ++i)
        values[i] = wp::floor(wp::clamp(color[i], -far_out, far_out) * fixed_one + 0.5f);
    for (int tap = 0; tap < 9; ++tap) {
        const int i = tap % 3, row = y - 1 + tap / 3, p = row * width + x - 1 + i;
        if (row < first_row || row >= end_row)
            continue;
        const float depth = front.data[p];
        wp::int64 weight = wp::uint32(across[i]) * wp::uint32(down[tap / 3]) >> 16;
        if (!(wp::abs(z - depth) < same_surface * depth))
            weight = 0;
#else
    typedef float Reals __attribute__((vector_size(16), aligned(4), may_alias));
    typedef wp::uint8 Bytes __attribute__((vector_size(4), aligned(1), may_alias));
    typedef wp::int32 Ints __attribute__((vector_size(16)));
    typedef wp::uint32 Naturals __attribute__((vector_size(16)));
    typedef wp::int64 Pair __attribute__((vector_size(16), aligned(8), may_alias));
    typedef wp::int64 Wide __attribute__((vector_size(32), aligned(8), may_alias));
    const int last = width - 1;
    const wp::int64 columns[] = {
        x > 0 ? x - 1 : 0, x < 0 ? 0 : x < last ? x : last, x < last ? x + 1 : last};
    const Reals far = Reals{} + far_out, given = {color[0], color[1], color[2], color[3]};
    const Reals kept = __builtin_elementwise_max(__builtin_elementwise_min(given, far), -far);
    const Reals fixed = __builtin_elementwise_floor(kept * fixed_one + 0.5f);
    const Wide values = __builtin_convertvector(__builtin_convertvector(fixed, Ints), Wide);
    Naturals in_row = {wp::uint32(across[0]), wp::uint32(across[1]), wp::uint32(across[2]), 0};
    #pragma unroll
    for (int j = 0; j < 3; ++j) {
        const int row = y - 1 + j;
        if (row < first_row || row >= end_row)
            continue;
        const wp::int64 start = wp::int64(row) * width;
        const Reals depths = *(Reals*)(front.data + start + x - 1), near = depths * same_surface;
        const Ints same = (z - depths < near) & (depths - z < near);
        Naturals weights = in_row * wp::uint32(down[j]) >> 16 & (Naturals)same;
#endif
"""
)

# a pixel that a sample hits takes such samples alone
HITS = """
#if defined(__CUDA_ARCH__)
        if (exact.data[p])
            weight = tap == 4 && weight ? hit : 0;
#else
        const Bytes hits = *(Bytes*)(exact.data + start + x - 1);
        const Naturals alone = {0, j == 1 && weights[1] ? wp::uint32(hit) : 0, 0, 0};
        weights = __builtin_convertvector(hits, Ints) == 0 ? weights : alone;
#endif
"""

ADD_COLORS = """
#if defined(__CUDA_ARCH__)
        if (weight)
            wp::atomic_add(sums, p, weight * values);
#else
        const Wide w = __builtin_convertvector((Ints)weights, Wide);
        Wide* sum = (Wide*)(sums.data + start);
        sum[columns[0]] += __builtin_shufflevector(w, w, 0, 0, 0, 0) * values;
        sum[columns[1]] += __builtin_shufflevector(w, w, 1, 1, 1, 1) * values;
        sum[columns[2]] += __builtin_shufflevector(w, w, 2, 2, 2, 2) * values;
#endif
"""

ADD_DEPTHS = """
#if defined(__CUDA_ARCH__)
        if (weight) {
            const wp::int64 behind = wp::floor((z / depth - 1.0f) * fixed_one + 0.5f);
            wp::atomic_add(depth_sums, p, wp::vec_t<2, wp::int64>(weight * behind, weight * trust));
        }
#else
        const Reals behind = __builtin_elementwise_floor((z / depths - 1.0f) * fixed_one + 0.5f);
        const Ints products = (Ints)weights * __builtin_convertvector(behind, Ints);
        const Wide depth = __builtin_convertvector(products, Wide), trusts = w * trust;
        Pair* pair = (Pair*)(depth_sums.data + start);
        for (int i = 0; i < 3; ++i)
            pair[columns[i]] += Pair{depth[i], trusts[i]};
#endif
"""


@wp.func_native(TAPS + HITS + ADD_COLORS + ADD_DEPTHS + "}")
def add_sample(
    band: Band,
    front: wp.array(dtype=wp.float32),
    exact: wp.array(dtype=wp.bool),
    sums: wp.array(dtype=ColorSums),
    depth_sums: wp.array(dtype=DepthSums),
    x: int,
    y: int,
    z: float,
    across: wp.vec3i,
    down: wp.vec3i,
    hit: int,
    color: wp.vec4f,
    trust: wp.int64,
):
    """Add a sample's values, trust and depth, times its weights, to the pixels around x, y."""
    ...


@wp.func_native(TAPS + ADD_COLORS + "}")
def add_residual(
    band: Band,
    front: wp.array(dtype=wp.float32),
    sums: wp.array(dtype=ColorSums),
    x: int,
    y: int,
    z: float,
    across: wp.vec3i,
    down: wp.vec3i,
    color: wp.vec4f,
):
    """Add a sample's values, times its weights, to the pixels around x, y."""
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
    trust = wp.int64(wp.floor(wp.min(samples.confidence[n], FIXED_ONE) * FIXED_ONE + 0.5))
    dx, dy = offset_from_center(samples.x[n], x), offset_from_center(samples.y[n], y)
    shrink = samples.shrink[n]
    across, down = weights_across(x, dx, shrink[0], band.width), spline_weights(dy, shrink[1])
    hit = wp.where(hits_center(dx, dy), to_fixed(1.0), 0)
    rgb = samples.rgb[n]
    color = wp.vec4f(1.0 / FIXED_ONE, rgb[0], rgb[1], rgb[2])
    add_sample(band, front, exact, sums, depth_sums, x, y, z, across, down, hit, color, trust)


# Four at once on the CPU: left to itself, the compiler takes two of the three colours together, in
# instructions on four; the others are what registers held, which may be numbers so small that
# dividing them takes many times as long.
MEANS = f"""
    const float fixed_one = {FIXED_ONE}f;
    const auto& sum = sums.data[p];
    const float behind = depth_sums.data[p][0], red = sum[1], green = sum[2], blue = sum[3];
#if defined(__CUDA_ARCH__)
    wp::vec_t<4, float> means(red, green, blue, behind);
    return means / fixed_one / one;
#else
    typedef float Reals __attribute__((vector_size(16)));
    const Reals means = Reals{{red, green, blue, behind}} / fixed_one / one;
    return wp::vec_t<4, float>(means[0], means[1], means[2], means[3]);
#endif
"""


@wp.func_native(MEANS)
def means_of(
    sums: wp.array(dtype=ColorSums), depth_sums: wp.array(dtype=DepthSums), p: int, one: float
) -> wp.vec4f:
    """Means of red, green, blue and depth behind the front; one is the sum of weights as an int."""
    ...


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
        means = means_of(sums, depth_sums, p, one)
        smooth[p] = wp.vec4f(means[0], means[1], means[2], weight)
        depth[p] = front[p] + front[p] * means[3]
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
    lost = share * (samples.rgb[n] - smooth_at_sample(samples, n, band, front, smooth))
    across = weights_across(x, offset_from_center(samples.x[n], x), shrink[0], band.width)
    down = spline_weights(offset_from_center(samples.y[n], y), shrink[1])
    add_residual(band, front, sums, x, y, z, across, down, wp.vec4f(0.0, lost[0], lost[1], lost[2]))


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
