# type: ignore
"""Warp kernels that tell surfaces from gaps by depth alone, for CUDA and CPU.

Images are flat, row by row; depth 0 means that nothing is there. A depth pyramid is one flat
buffer, level after level, each half the one below it, rounded up. Every kernel writes a run of
pixels of its own.
"""

# ruff: noqa: PLR0913, PLR0917, UP018 (Warp's language, whose float(0.0) is mutable)
from __future__ import annotations

import warp as wp

from .raster_kernels import Pinhole, index_of, not_negative, on_one_surface, within

wp.set_module_options({"enable_backward": False, "fuse_fp": False})


@wp.struct
class Levels:
    """Pyramid geometry and what tells which level a splat still spans."""

    width: int
    height: int
    coarsest: int
    starts: wp.array(dtype=wp.int32)  # first texel of each level
    splat_px: float  # diameter in pixels of a splat one unit away
    nearest: wp.array(dtype=wp.float32)  # one depth; none is nearer, 0 where there is none at all


@wp.func
def nearer(a: float, b: float) -> float:
    """Lesser of two depths, where 0 is no depth."""
    if a == 0.0 or (b > 0.0 and b < a):
        return b
    return a


@wp.kernel
def halve_depth(
    first: int,
    width: int,
    height: int,
    fine: wp.array(dtype=wp.float32),
    coarse: wp.array(dtype=wp.float32),
):
    """One pyramid level: the nearest of the up to four depths under each texel."""
    c = not_negative(first + wp.tid())
    coarse_width = (width + 1) // 2
    x, y = c % coarse_width * 2, c // coarse_width * 2
    best = fine[index_of(x, y, width)]
    if x + 1 < width:
        best = nearer(best, fine[index_of(x + 1, y, width)])
    if y + 1 < height:
        best = nearer(best, fine[index_of(x, y + 1, width)])
        if x + 1 < width:
            best = nearer(best, fine[index_of(x + 1, y + 1, width)])
    coarse[c] = best


@wp.kernel
def nearest_in_row(
    first: int,
    width: int,
    image: wp.array(dtype=wp.float32),
    nearest: wp.array(dtype=wp.float32),
):
    """Nearest depth of each row."""
    y = not_negative(first + wp.tid())
    best = float(0.0)
    for x in range(width):
        best = nearer(best, image[index_of(x, y, width)])
    nearest[y] = best


@wp.func
def sector_step(sector: int) -> wp.vec2i:
    """Column and row step to neighbour 0..7; sectors 0..3 are opposite to 4..7."""
    turn = sector % 4
    step = wp.vec2i(1, turn - 1)
    if turn == 3:
        step = wp.vec2i(0, 1)
    return wp.where(sector < 4, step, -step)


@wp.func
def level_extent(extent: int, level: int) -> int:
    """Width or height of a level."""
    return (extent + (1 << level) - 1) >> level


@wp.func
def in_image(levels: Levels, x: int, y: int, level: int) -> bool:
    """Whether a level has this texel."""
    is_in_row = within(x, level_extent(levels.width, level))
    return is_in_row and within(y, level_extent(levels.height, level))


@wp.func
def texel_depth(
    pyramid: wp.array(dtype=wp.float32), levels: Levels, x: int, y: int, level: int
) -> float:
    """Depth of a texel, 0 outside the image."""
    if not in_image(levels, x, y, level):
        return 0.0
    row = levels.starts[level] + y * level_extent(levels.width, level)
    return pyramid[not_negative(row + x)]


@wp.func
def splat_exceeds(levels: Levels, z: float, extent_px: float) -> bool:
    """Whether a splat at depth z is wider on the image than an extent in pixels."""
    return levels.splat_px > z * extent_px


@wp.func
def some_span(levels: Levels, level: int, share: float) -> bool:
    """Whether on a level the nearest sample's splat, so any, is wider than a share of a texel."""
    if level > levels.coarsest:
        return False
    return level == 0 or splat_exceeds(levels, levels.nearest[0], share * float(1 << level))


@wp.func
def ray(camera: Pinhole, x: float, y: float) -> wp.vec3f:
    """Point at depth one behind a pixel position."""
    return wp.vec3f(
        (x - camera.center[0]) / camera.focal[0], (y - camera.center[1]) / camera.focal[1], 1.0
    )


@wp.func
def closes(levels: Levels, here: float, z: float, level: int) -> bool:
    """Whether a texel at depth z (0: none) closes its sector for a sample at depth here."""
    # most texels are of this surface: asked first, that is a branch that processors foresee
    if on_one_surface(here, z) or z >= here or z == 0.0:
        return False
    # a coarse texel closes nothing unless the splat of its sample is as wide as the texel
    return level == 0 or splat_exceeds(levels, z, float(1 << level))


@wp.func
def occluder(
    pyramid: wp.array(dtype=wp.float32), levels: Levels, here: float, x: int, y: int, level: int
) -> float:
    """Depth of a texel that closes its sector for a sample at depth here, 0 where it does not."""
    z = texel_depth(pyramid, levels, x, y, level)
    return wp.where(closes(levels, here, z, level), z, 0.0)


FARTHEST = """
    float farthest = 0.0f;
    for (int i = p; i < p + count; ++i)
        farthest = depths.data[i] > farthest ? depths.data[i] : farthest;
    return farthest;
"""
NEAREST = """
    const float beyond = 3e38f;
    float nearest = beyond;
    for (int i = p; i < p + count; ++i) {
        const float z = depths.data[i] > 0.0f ? depths.data[i] : beyond;
        nearest = z < nearest ? z : nearest;
    }
    return nearest;
"""
KEEP = """
    bool hits = false;
    for (int i = p; i < p + count; ++i) {
        front.data[i] = walls.data[i] = pyramid.data[i];
        hits |= exact.data[i];
    }
    return hits;
"""


@wp.func_native(FARTHEST)
def farthest_of(depths: wp.array(dtype=wp.float32), p: int, count: int) -> float:
    """The farthest of some depths from p on."""
    ...


@wp.func_native(NEAREST)
def nearest_of(depths: wp.array(dtype=wp.float32), p: int, count: int) -> float:
    """The nearest of some depths from p on, beyond all where there is none."""
    ...


@wp.func_native(KEEP)
def keep(
    pyramid: wp.array(dtype=wp.float32),
    exact: wp.array(dtype=wp.bool),
    front: wp.array(dtype=wp.float32),
    walls: wp.array(dtype=wp.float32),
    p: int,
    count: int,
) -> bool:
    """Take some pixels from p on for visible; whether one was hit."""
    ...


@wp.func
def are_open(
    pyramid: wp.array(dtype=wp.float32), levels: Levels, px: int, py: int, count: int
) -> bool:
    """Whether nothing closes the first sector, right and up, of any of some pixels from px on.

    What closes it for one of them closes it for the farthest, and if any texel does that they look
    at, the nearest does: differences of depths grow with them, rounded as well. So of several
    pixels, open ones may be called closed, but never the other way.
    """
    here = farthest_of(pyramid, index_of(px, py, levels.width), count)
    for level in range(levels.coarsest + 1):
        y = (py >> level) - 1
        if y < 0 or not some_span(levels, level, 1.0):
            break
        width = level_extent(levels.width, level)
        x, end = (px >> level) + 1, wp.min(((px + count - 1) >> level) + 2, width)
        z = nearest_of(pyramid, levels.starts[level] + y * width + x, end - x)
        if closes(levels, here, z, level):
            return False
    return True


@wp.func
def sector_opening(
    pyramid: wp.array(dtype=wp.float32),
    levels: Levels,
    camera: Pinhole,
    px: int,
    py: int,
    sector: int,
) -> float:
    """Openness of one sector: 1 - cos between the way to the camera and the worst occluder."""
    here = pyramid[index_of(px, py, levels.width)]
    step, closed = sector_step(sector), float(0.0)
    # a neighbour of each level is twice as far as that of the one before: few look-ups reach far
    for level in range(levels.coarsest + 1):
        if not some_span(levels, level, 1.0):
            break
        x, y = (px >> level) + step[0], (py >> level) + step[1]
        z = occluder(pyramid, levels, here, x, y, level)
        if z > 0.0:
            size = float(1 << level)
            point = ray(camera, float(px) + 0.5, float(py) + 0.5) * here
            other = ray(camera, (float(x) + 0.5) * size, (float(y) + 0.5) * size) * z
            toward = other - point
            closed = wp.max(closed, -wp.dot(toward, point) / (wp.length(toward) * wp.length(point)))
    return 1.0 - closed


@wp.func
def on_samples_grid(
    depth: wp.array(dtype=wp.float32),
    exact: wp.array(dtype=wp.bool),
    levels: Levels,
    px: int,
    py: int,
) -> bool:
    """Whether a pixel and the samples beside it, of which there are some, hit their centres."""
    if not exact[index_of(px, py, levels.width)]:
        return False
    found = bool(False)
    for sector in range(8):
        step = sector_step(sector)
        x, y = px + step[0], py + step[1]
        if texel_depth(depth, levels, x, y, 0) > 0.0:
            found = True
            if not exact[index_of(x, y, levels.width)]:
                return False
    return found


@wp.func
def hide(
    pyramid: wp.array(dtype=wp.float32),
    levels: Levels,
    camera: Pinhole,
    least_opening: float,
    exact: wp.array(dtype=wp.bool),
    x: int,
    y: int,
    front: wp.array(dtype=wp.float32),
    walls: wp.array(dtype=wp.float32),
):
    """Of one pixel, what `remove_hidden` says."""
    p = index_of(x, y, levels.width)
    if pyramid[p] == 0.0:
        return
    if on_samples_grid(pyramid, exact, levels, x, y):
        walls[p] = 0.0
        return
    # an open sector may be enough, is what most pixels have first, and is found without a ray
    if least_opening <= 1.0 and are_open(pyramid, levels, x, y, 1):
        return
    opening = float(0.0)
    for sector in range(8):
        opening += sector_opening(pyramid, levels, camera, x, y, sector)
        if opening >= least_opening:
            return  # the mean of eight can only grow: most pixels end after few sectors
    front[p] = 0.0
    walls[p] = 0.0


@wp.kernel
def remove_hidden(
    first: int,
    columns: int,
    pyramid: wp.array(dtype=wp.float32),
    levels: Levels,
    camera: Pinhole,
    occlusion_threshold: float,
    exact: wp.array(dtype=wp.bool),
    front: wp.array(dtype=wp.float32),
    walls: wp.array(dtype=wp.float32),
):
    """Drop samples that shine through nearer ones: mean openness of 8 sectors too low.

    Follows the screen-space visibility operator of Pintus, Gobbetti and Agus (2011); an occluder
    counts only up to the pyramid level its own splat spans, so gaps wider than that stay open.
    What is visible may wall a crack in, but where the view is on the samples' own grid: there
    nothing shines through, and a pixel without a sample is missing from the input.

    Takes so many pixels of a row at a time, most of which are found visible together.
    """
    run, runs = not_negative(first + wp.tid()), (levels.width + columns - 1) // columns
    x, y = run % runs * columns, run // runs
    count, least = wp.min(columns, levels.width - x), 8.0 * occlusion_threshold
    hits = keep(pyramid, exact, front, walls, index_of(x, y, levels.width), count)
    if not hits and least <= 1.0 and are_open(pyramid, levels, x, y, count):
        return
    for i in range(count):
        hide(pyramid, levels, camera, least, exact, x + i, y, front, walls)


@wp.func
def spanning_depth(
    pyramid: wp.array(dtype=wp.float32), levels: Levels, px: int, py: int, level: int
) -> float:
    """Depth of the nearest surface that two opposite neighbours share, 0 where none does.

    Samples a splat's diameter apart leave no texel of that size or more empty. Past the image's
    edge a surface is taken to go on.
    """
    best = float(0.0)
    for sector in range(4):
        step = sector_step(sector)
        x, y = px >> level, py >> level
        a = texel_depth(pyramid, levels, x + step[0], y + step[1], level)
        b = texel_depth(pyramid, levels, x - step[0], y - step[1], level)
        # past the edge the surface goes on: what is there is what is opposite
        if not in_image(levels, x + step[0], y + step[1], level):
            a = b
        if not in_image(levels, x - step[0], y - step[1], level):
            b = a
        # half a texel: samples a splat apart may fall on both sides of a texel that is twice as
        # wide
        spans = level == 0 or splat_exceeds(levels, wp.max(a, b), 0.5 * float(1 << level))
        if a > 0.0 and b > 0.0 and spans and on_one_surface(wp.max(a, b), wp.min(a, b)):
            best = nearer(best, 0.5 * (a + b))
    return best


@wp.func
def depth_beside(walls: wp.array(dtype=wp.float32), levels: Levels, px: int, py: int) -> float:
    """Nearest depth among the 8 neighbours."""
    best = float(0.0)
    for sector in range(8):
        step = sector_step(sector)
        best = nearer(best, texel_depth(walls, levels, px + step[0], py + step[1], 0))
    return best


@wp.kernel
def close_cracks(
    first: int,
    walls: wp.array(dtype=wp.float32),
    levels: Levels,
    exact: wp.array(dtype=wp.bool),
    front: wp.array(dtype=wp.float32),
    border: wp.array(dtype=wp.bool),
):
    """Give pixels without a sample of their own the depth of the surface whose crack they are.

    A pixel beside a surface, spanned by none, is its border; the splats' weight will decide.
    """
    p = not_negative(first + wp.tid())
    border[p] = False
    if front[p] > 0.0:
        return
    exact[p] = False
    x, y = p % levels.width, p // levels.width
    # finest first, so that the nearest samples decide what spans a crack
    level = int(0)
    while front[p] == 0.0 and some_span(levels, level, 0.5):
        front[p] = spanning_depth(walls, levels, x, y, level)
        level += 1
    if front[p] == 0.0:
        front[p] = depth_beside(walls, levels, x, y)
        border[p] = True
