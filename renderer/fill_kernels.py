# type: ignore
"""Warp kernels that fill holes from their far side and fade them, for CUDA and CPU.

Images are flat, row by row. Colours come as (red, green, blue, depth), depth 0 where nothing was
seen; what is filled comes as (red, green, blue) times a weight, and that weight, in levels each
half the one below it, rounded up. Every kernel writes a run of texels of its own.
"""

# ruff: noqa: PLR0913, PLR0917, UP018 (Warp's language, whose float(0.0) is mutable)
from __future__ import annotations

import warp as wp

from .raster_kernels import index_of, not_negative

wp.set_module_options({"enable_backward": False, "fuse_fp": False})

# A rim nearer than this share of the farthest depth weighs as much as one at it: its sixth power,
# times a colour, still is an ordinary float32 (1e-24).
NEAREST_SHARE = wp.constant(1e-4)
LEAST_DEPTH = wp.constant(1e-37)  # keeps the share of a frame without a seen pixel from being 0 / 0

# Rows to a seen pixel where a column has none: more than any image has, and its square is an int.
NOTHING_SEEN = wp.constant(30000)


@wp.kernel
def row_maximum(
    first: int,
    width: int,
    image: wp.array(dtype=wp.float32),
    maxima: wp.array(dtype=wp.float32),
):
    """Greatest value of each row."""
    y = not_negative(first + wp.tid())
    best = float(0.0)
    for x in range(width):
        best = wp.max(best, image[index_of(x, y, width)])
    maxima[y] = best


@wp.func
def weighed(seen: wp.vec4f, farthest: float) -> wp.vec4f:
    """A seen colour times its weight, and the weight: the sixth power of its depth.

    What fills a hole is the mean of its rim, by how near each rim pixel is (a harmonic function)
    and by this weight, so that the far side wins, and wins gradually: one and a half times as far
    counts eleven times.
    """
    share = wp.max(seen[3] / wp.max(farthest, LEAST_DEPTH), NEAREST_SHARE)
    square = share * share
    weight = square * square * square
    return wp.vec4f(seen[0] * weight, seen[1] * weight, seen[2] * weight, weight)


@wp.func
def to_byte(value: float) -> wp.uint8:
    """Nearest of 256 levels of a value in 0..1."""
    return wp.uint8(wp.floor(value * 255.0 + 0.5))


@wp.func
def to_bytes(color: wp.vec4f) -> wp.vec3ub:
    """A colour in 8 bits a channel."""
    return wp.vec3ub(to_byte(color[0]), to_byte(color[1]), to_byte(color[2]))


@wp.kernel
def pull_seen(
    first: int,
    width: int,
    height: int,
    colors: wp.array(dtype=wp.vec4f),
    farthest: wp.array(dtype=wp.float32),
    coarse: wp.array(dtype=wp.vec4f),
    coarse_empty: wp.array(dtype=wp.bool),
    whole: wp.array(dtype=wp.bool),
    rgb: wp.array(dtype=wp.vec3ub),
):
    """The first level up: the mean of what was seen in the up to four pixels below, weighed.

    What was seen is stored in 8 bits, and whether that was all four.
    """
    t = not_negative(first + wp.tid())
    coarse_width = (width + 1) // 2
    x, y = t % coarse_width * 2, t // coarse_width * 2
    total = wp.vec4f(0.0)
    count = float(0.0)
    complete = bool(True)
    for j in range(2):
        for i in range(2):
            if x + i < width and y + j < height:
                p = index_of(x + i, y + j, width)
                seen = colors[p]
                if seen[3] > 0.0:
                    total += weighed(seen, farthest[0])
                    count += 1.0
                    rgb[p] = to_bytes(seen)
                else:
                    complete = False
    whole[t] = complete
    coarse_empty[t] = count == 0.0
    coarse[t] = total / wp.max(count, 1.0)


@wp.kernel
def pull(
    first: int,
    width: int,
    height: int,
    fine: wp.array(dtype=wp.vec4f),
    fine_empty: wp.array(dtype=wp.bool),
    coarse: wp.array(dtype=wp.vec4f),
    coarse_empty: wp.array(dtype=wp.bool),
):
    """One level up: the mean of those of the up to four texels below that are not empty."""
    t = not_negative(first + wp.tid())
    coarse_width = (width + 1) // 2
    x, y = t % coarse_width * 2, t // coarse_width * 2
    total = wp.vec4f(0.0)
    count = float(0.0)
    for j in range(y, wp.min(y + 2, height)):
        for i in range(x, wp.min(x + 2, width)):
            p = index_of(i, j, width)
            if not fine_empty[p]:
                total += fine[p]
                count += 1.0
    coarse_empty[t] = count == 0.0
    coarse[t] = total / wp.max(count, 1.0)


@wp.func
def from_coarser(
    coarse: wp.array(dtype=wp.vec4f), width: int, height: int, x: int, y: int
) -> wp.vec4f:
    """A texel of a level of this size, interpolated between the four nearest of the one above."""
    w, h = (width + 1) // 2, (height + 1) // 2
    # a texel's centre lies a quarter of a coarser one off its centre: bilinear weights (3/4)^2,
    # 3/4 1/4 twice, (1/4)^2, in sixteenths; past the image's edge the outermost goes on
    row = y // 2 * w
    beside_x = wp.clamp(x // 2 + x % 2 * 2 - 1, 0, w - 1)
    beside_row = wp.clamp(y // 2 + y % 2 * 2 - 1, 0, h - 1) * w
    near, far = coarse[row + x // 2], coarse[beside_row + beside_x]
    sides = coarse[row + beside_x] + coarse[beside_row + x // 2]
    return (9.0 * near + 3.0 * sides + far) / 16.0


@wp.kernel
def push(
    first: int,
    width: int,
    height: int,
    coarse: wp.array(dtype=wp.vec4f),
    empty: wp.array(dtype=wp.bool),
    fine: wp.array(dtype=wp.vec4f),
):
    """One level down: what is empty is interpolated."""
    t = not_negative(first + wp.tid())
    if empty[t]:
        fine[t] = from_coarser(coarse, width, height, t % width, t // width)


@wp.func
def mean_of_neighbors(
    filled: wp.array(dtype=wp.vec4f), width: int, height: int, x: int, y: int
) -> wp.vec4f:
    """Mean of the up to four texels beside a texel."""
    p = y * width + x
    total = wp.vec4f(0.0)
    count = float(0.0)
    if x > 0:
        total += filled[p - 1]
        count += 1.0
    if x + 1 < width:
        total += filled[p + 1]
        count += 1.0
    if y > 0:
        total += filled[p - width]
        count += 1.0
    if y + 1 < height:
        total += filled[p + width]
        count += 1.0
    return total / wp.max(count, 1.0)


@wp.kernel
def relax(
    first: int,
    width: int,
    height: int,
    parity: int,
    empty: wp.array(dtype=wp.bool),
    filled: wp.array(dtype=wp.vec4f),
):
    """One half of a Gauss-Seidel step towards a harmonic fill: the mean of the four neighbours.

    Texels of one colour of a chessboard read only those of the other, so no order matters.
    """
    t = not_negative(first + wp.tid())
    if empty[t]:  # asked before the division: few are
        x, y = t % width, t // width
        if (x + y) % 2 == parity:
            filled[t] = mean_of_neighbors(filled, width, height, x, y)


# Warp's loops end where an index may be negative; these become vector instructions.
FROM_ABOVE = """
    for (int i = p; i < p + count; ++i)
        rows.data[i] = hole.data[i] ? wp::min(rows.data[i - width] + 1, most) : 0;
"""
FROM_BELOW = """
    for (int i = p; i < p + count; ++i)
        rows.data[i] = wp::min(rows.data[i + width] + 1, rows.data[i]);
"""


@wp.func_native(FROM_ABOVE)
def count_from_above(
    rows: wp.array(dtype=wp.int32),
    hole: wp.array(dtype=wp.bool),
    p: int,
    count: int,
    width: int,
    most: int,
):
    """Rows from some pixels, the first of which is p, up to a seen one, by those above them."""
    ...


@wp.func_native(FROM_BELOW)
def count_from_below(rows: wp.array(dtype=wp.int32), p: int, count: int, width: int):
    """Rows to a seen one above or below, by those below them."""
    ...


@wp.kernel
def column_distance(
    first: int,
    width: int,
    height: int,
    columns: int,
    hole: wp.array(dtype=wp.bool),
    rows: wp.array(dtype=wp.int32),
):
    """Rows to the nearest seen pixel of a column, NOTHING_SEEN where it has none.

    Of some columns side by side, whose pixels share cache lines and vector instructions.
    """
    x = (first + wp.tid()) * columns
    count = wp.min(columns, width - x)
    for i in range(x, x + count):
        rows[i] = wp.where(hole[i], NOTHING_SEEN, 0)
    # down, then up: two passes see the nearest on either side
    for y in range(1, height):
        count_from_above(rows, hole, y * width + x, count, width, NOTHING_SEEN)
    for up in range(1, height):
        count_from_below(rows, (height - 1 - up) * width + x, count, width)


@wp.func
def squared_distance(rows: wp.array(dtype=wp.int32), p: int, width: int, reach: int) -> int:
    """Exact squared distance from a pixel to the nearest seen one, (reach + 1)^2 if beyond."""
    x, row = p % width, p - p % width
    # along the row only while a pixel straight to the side could still be the nearest
    best = (reach + 1) * (reach + 1)
    step = int(0)
    while step * step < best and step < width:
        left, right = rows[row + wp.max(x - step, 0)], rows[row + wp.min(x + step, width - 1)]
        nearest = wp.min(left, right)
        if nearest <= reach:
            best = wp.min(best, step * step + nearest * nearest)
        step += 1
    return best


@wp.func
def faded(rows: wp.array(dtype=wp.int32), p: int, width: int, sigma: float, reach: int) -> float:
    """What fading leaves of a pixel."""
    if rows[p] == 0:
        return 1.0
    square = squared_distance(rows, p, width, reach)
    return wp.where(square > reach * reach, 0.0, wp.exp(-float(square) / (sigma * sigma)))


@wp.kernel
def fade_and_store(
    first: int,
    width: int,
    height: int,
    sigma: float,
    reach: int,
    whole: wp.array(dtype=wp.bool),
    colors: wp.array(dtype=wp.vec4f),
    coarse: wp.array(dtype=wp.vec4f),
    rows: wp.array(dtype=wp.int32),
    rgb: wp.array(dtype=wp.vec3ub),
):
    """Colours of unseen pixels, faded by exp(-(d / sigma)^2) of the distance d to a seen one.

    They come from the level above the pixels. Nothing is left beyond `reach`.
    """
    t = not_negative(first + wp.tid())
    if whole[t]:
        return
    coarse_width = (width + 1) // 2
    x, y = t % coarse_width * 2, t // coarse_width * 2
    for j in range(y, wp.min(y + 2, height)):
        for i in range(x, wp.min(x + 2, width)):
            p = index_of(i, j, width)
            if colors[p][3] == 0.0:
                filled = from_coarser(coarse, width, height, i, j)
                gain = faded(rows, p, width, sigma, reach)
                rgb[p] = to_bytes(filled / wp.where(filled[3] > 0.0, filled[3], 1.0) * gain)
