"""The renderer's steps in plain numpy: slow, short, and what every Warp kernel is compared with.

Read this first. The steps run in the order of this file: points land on a raster of 1/256 pixel
(`project_points`), the nearest in each pixel wins (`keep_nearest`), what shines through nearer
samples goes (`nearest_in_row`, `remove_hidden`), cracks between samples close (`close_cracks`),
the samples of the front surface blend (`splat_samples`, `resolve_smooth`) and get back what
blending took from them (`splat_residuals`, `resolve_sharp`). How holes are filled goes on in
`plain_fill`: from their far side (`pull_seen`, `pull`, `push`, `relax`), fading with distance
(`column_distance`, `fade_and_store`).

A function has its kernel's name and arguments, but for `first`, and writes into the arrays that
the kernel writes. Images are flat, row by row; depth 0 means that nothing is there; structs are
namespaces with the fields of the kernels' modules, where the reasons for the numbers are.
"""

# ruff: noqa: PLR0913, PLR0917 (the kernels have as many arguments)
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]
Bools = NDArray[np.bool_]

# float32 throughout, as in the kernels: comparisons would fall out differently in float64.
NO_SAMPLE = np.int64(2**63 - 1)
SAME_SURFACE = np.float32(0.03)
STEPS = [(1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1)]  # i and i+4 opposite


def on_one_surface(z: Floats, front: Floats) -> Bools:
    """Whether samples at depth z belong to the surface at depth front (0: none)."""
    return np.abs(z - front) < SAME_SURFACE * front


def fixed(value: Floats | float) -> Ints:
    """Fixed-point integers, 65536 for 1: sums of integers do not depend on their order."""
    return np.floor(np.float32(value) * np.float32(65536) + np.float32(0.5)).astype(np.int64)


def unfixed(value: Ints) -> Floats:
    """Inverse of `fixed`."""
    return value.astype(np.float32) / np.float32(65536)


def project_points(
    points: Floats,
    footprints: Floats,
    edges: Floats,
    threshold: float,
    camera: SimpleNamespace,
    samples: SimpleNamespace,
) -> None:
    """Land every finite, trusted point in front of the camera on the sub-pixel raster."""
    matrix, focal, center = camera.cam_from_world, camera.focal, camera.center
    with np.errstate(all="ignore"):
        # column by column, in the order in which Warp adds: a matrix product may add in another
        columns = [matrix[:3, k] * points[:, k : k + 1] for k in range(3)]
        p = columns[0] + columns[1] + columns[2] + matrix[:3, 3]
        u = p[:, 0] / p[:, 2] * focal[0] + center[0]
        v = p[:, 1] / p[:, 2] * focal[1] + center[1]
        keep = np.isfinite(p[:, 2]) & (p[:, 2] > 0) & (samples.confidence >= threshold)
        keep &= np.isfinite(samples.rgb).all(axis=1)
        keep &= (u > -1) & (v > -1) & (u < camera.width + 1) & (v < camera.height + 1)
    samples.z[:] = np.where(keep, p[:, 2], 0)
    samples.x[keep] = np.floor(u[keep] * np.float32(256) + np.float32(0.5))
    samples.y[keep] = np.floor(v[keep] * np.float32(256) + np.float32(0.5))
    land_cells(p, footprints, edges, camera, samples)


def land_cells(
    p: Floats, footprints: Floats, edges: Floats, camera: SimpleNamespace, samples: SimpleNamespace
) -> None:
    """What points' own pixels cover: as their edges say, or their widths, or a pixel."""
    keep, known = samples.z > 0, len(edges) or len(footprints)
    half = np.zeros((len(p), 2, 2), np.float32)
    half[:, 0, 0] = half[:, 1, 1] = 141  # UNKNOWN_EDGE
    for k in range(2) if known else ():
        edge = np.zeros((len(p), 3), np.float32)
        if len(edges):
            with np.errstate(all="ignore"):
                parts = [camera.cam_from_world[:3, i] * edges[k::2, i : i + 1] for i in range(3)]
                edge = parts[0] + parts[1] + parts[2]
        else:
            edge[:, k] = footprints
        half[:, k] = half_edge(edge, p, camera)
    samples.cell[keep] = half.reshape(-1, 4)[keep]
    # HALF_PIXEL 128, WIDEST_HALF 192
    shrink = np.float32(65536 * 128) / np.clip(np.abs(half).max(axis=1), 128, 192)
    samples.shrink[keep] = shrink[keep] if known else 65536


def half_edge(edge: Floats, p: Floats, camera: SimpleNamespace) -> Floats:
    """(N, 2) half of an edge of points' cells, seen through the pinhole, in 1/256 pixel."""
    with np.errstate(all="ignore"):
        half = edge[:, :2] - p[:, :2] / p[:, 2:] * edge[:, 2:]
        half = half * (camera.focal * (np.float32(128) / p[:, 2:]))
    half = np.where(np.isfinite(half).all(axis=1, keepdims=True), half, 0)
    return np.clip(half, -2048, 2048)  # LONGEST_EDGE


def keep_nearest(samples: SimpleNamespace, band: SimpleNamespace, keys: Ints) -> None:
    """Z-buffer: the least (depth, squared distance from the centre) of the cells over a pixel."""
    x, y = samples.x >> 8, samples.y >> 8
    for j in (-1, 0, 1):
        for i in (-1, 0, 1):
            column, row = x + i, y + j
            dx, dy = samples.x - (column * 256 + 128), samples.y - (row * 256 + 128)
            keep = (samples.z > 0) & (column >= 0) & (column < band.width)
            keep &= (row >= 0) & (row < band.height)
            # the pixel it lies in is always its own, the others where its cell covers their centre
            keep &= (i == 0 and j == 0) | cell_covers(samples.cell, dx, dy)
            key = (samples.z.view(np.uint32).astype(np.int64) << 32) | (dx * dx + dy * dy)
            # `at`, for an index that comes twice must count twice
            np.minimum.at(keys, (row * band.width + column)[keep], key[keep])


def cell_covers(cell: Ints, dx: Ints, dy: Ints) -> Bools:
    """Whether cells, a margin added to their edges, cover points dx, dy off their middles."""
    ax, ay, bx, by = cell.T
    area, covers = np.abs(ax * by - ay * bx), np.ones(len(cell), bool)
    for x, y in ((ax, ay), (bx, by)):
        # CELL_MARGIN 13; the product is the edge's length times the distance from it
        covers &= np.abs(dx * y - dy * x) <= area + 13 * np.maximum(np.abs(x), np.abs(y))
    # WIDEST_REACH 383
    wide, high = (np.minimum(np.abs(a) + np.abs(b) + 13, 383) for a, b in ((ax, bx), (ay, by)))
    return covers & (np.abs(dx) <= wide) & (np.abs(dy) <= high)


def unpack_nearest(keys: Ints, depth: Floats, exact: Bools) -> None:
    """Depth of the z-buffer's winner, and whether it hit the pixel's centre."""
    empty = keys == NO_SAMPLE
    depth[:] = np.where(empty, np.float32(0), (keys >> 32).astype(np.uint32).view(np.float32))
    # EXACT_HIT is 4 per axis; the key holds the squared distance
    exact[:] = ((keys & 0xFFFFFFFF) <= 16) & ~empty
    keys[:] = NO_SAMPLE


def halve_depth(width: int, height: int, fine: Floats, coarse: Floats) -> None:
    """One pyramid level: the nearest of the up to four depths under each texel."""
    four = four_below(fine.reshape(height, width))
    nearest = np.where(four > 0, four, np.inf).min(axis=0)
    coarse[:] = np.where(np.isfinite(nearest), nearest, 0).ravel()


def four_below(fine: NDArray) -> NDArray:
    """(4, h/2, w/2, ...) the texels under each coarser one, zeros beyond the edges."""
    height, width = fine.shape[:2]
    even = np.pad(fine, ((0, height % 2), (0, width % 2), *((0, 0),) * (fine.ndim - 2)))
    return np.stack([even[j::2, i::2] for j in (0, 1) for i in (0, 1)])


def nearest_in_row(width: int, image: Floats, nearest: Floats) -> None:
    """Nearest depth of each row; coarse levels end early by it, which changes no result."""
    nearest[:] = nearest_of(list(image.reshape(-1, width).T))


def remove_hidden(
    columns: int,  # noqa: ARG001
    pyramid: Floats,
    levels: SimpleNamespace,
    camera: SimpleNamespace,
    threshold: float,
    exact: Bools,
    front: Floats,
    walls: Floats,
) -> None:
    """Drop samples whose eight sectors are too closed (Pintus, Gobbetti and Agus 2011)."""
    here = pyramid[: levels.width * levels.height]
    opening = sum(1 - occlusion(pyramid, levels, camera, step) for step in STEPS)
    x, y = pixels(levels)
    beside = np.stack([at_level(pyramid, levels, 0, x + i, y + j) for i, j in STEPS]) > 0
    loose = np.stack([at_level(1.0 - exact, levels, 0, x + i, y + j) for i, j in STEPS]) > 0
    on_grid = exact & beside.any(axis=0) & ~(beside & loose).any(axis=0)
    # the threshold is of the mean of eight sectors
    hidden = (here > 0) & (opening < np.float32(8) * np.float32(threshold)) & ~on_grid
    front[:] = np.where(hidden, 0, here)
    walls[:] = np.where(hidden | on_grid, 0, here)


def occlusion(
    pyramid: Floats, levels: SimpleNamespace, camera: SimpleNamespace, step: tuple[int, int]
) -> Floats:
    """Greatest cosine between the way to the camera and an occluder of one sector, flat."""
    x, y = pixels(levels)
    here = pyramid[: len(x)]
    point = ray(camera, x + np.float32(0.5), y + np.float32(0.5)) * here
    worst = np.zeros(len(x), np.float32)
    for level in range(levels.coarsest + 1):
        size = np.float32(2**level)
        cell = (x >> level) + step[0], (y >> level) + step[1]
        z = at_level(pyramid, levels, level, *cell)
        closed = (z > 0) & (z < here) & ~on_one_surface(here, z)
        closed &= (level == 0) | (np.float32(levels.splat_px) > z * size)
        middle = [(c.astype(np.float32) + np.float32(0.5)) * size for c in cell]
        toward = ray(camera, *middle) * z - point
        with np.errstate(invalid="ignore", divide="ignore"):
            cosine = -(toward * point).sum(0) / (
                np.linalg.norm(toward, axis=0) * np.linalg.norm(point, axis=0)
            )
        worst = np.where(closed, np.maximum(worst, cosine), worst)
    return worst


def pixels(levels: SimpleNamespace) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Columns and rows of all pixels, flat."""
    y, x = np.divmod(np.arange(levels.width * levels.height, dtype=np.int32), levels.width)
    return x, y


def ray(camera: SimpleNamespace, x: NDArray, y: NDArray) -> Floats:
    """(3, N) points at depth one behind pixel positions."""
    x = (x.astype(np.float32) - camera.center[0]) / camera.focal[0]
    y = (y.astype(np.float32) - camera.center[1]) / camera.focal[1]
    return np.stack([x, y, np.ones_like(x)])


def at_level(
    pyramid: Floats, levels: SimpleNamespace, level: int, x: NDArray, y: NDArray
) -> Floats:
    """Depth of texels, 0 outside the image."""
    inside = in_image(levels, level, x, y)
    row = y * -(-levels.width // 2**level)
    return np.where(inside, pyramid[levels.starts[level] + np.where(inside, row + x, 0)], 0)


def in_image(levels: SimpleNamespace, level: int, x: NDArray, y: NDArray) -> Bools:
    """Whether a level has these texels."""
    w, h = -(-levels.width // 2**level), -(-levels.height // 2**level)
    return (x >= 0) & (y >= 0) & (x < w) & (y < h)


def close_cracks(
    walls: Floats, levels: SimpleNamespace, exact: Bools, front: Floats, border: Bools
) -> None:
    """Give pixels without a sample the depth of the surface whose crack they are."""
    exact[front == 0] = False
    for level in range(levels.coarsest + 1):
        front[:] = np.where(front == 0, spanning_depth(walls, levels, level), front)
    border[:] = front == 0
    x, y = pixels(levels)
    beside = [at_level(walls, levels, 0, x + i, y + j) for i, j in STEPS]
    front[:] = np.where(border, nearest_of(beside), front)


def spanning_depth(walls: Floats, levels: SimpleNamespace, level: int) -> Floats:
    """Depth of the nearest surface that two opposite neighbours share, 0 where none does."""
    x, y = pixels(levels)
    spans = []
    for i, j in STEPS[:4]:
        one, other = ((x >> level) + i, (y >> level) + j), ((x >> level) - i, (y >> level) - j)
        a, b = at_level(walls, levels, level, *one), at_level(walls, levels, level, *other)
        # past the image's edge a surface goes on
        a = np.where(in_image(levels, level, *one), a, b)
        b = np.where(in_image(levels, level, *other), b, a)
        far, near = np.maximum(a, b), np.minimum(a, b)
        joined = (near > 0) & on_one_surface(far, near)
        joined &= (level == 0) | (np.float32(levels.splat_px) > far * np.float32(2**level / 2))
        spans.append(np.where(joined, np.float32(0.5) * (a + b), 0))
    return nearest_of(spans)


def nearest_of(depths: list[Floats]) -> Floats:
    """Least of several depths, where 0 is no depth."""
    least = np.where(np.stack(depths) > 0, depths, np.inf).min(axis=0)
    return np.where(np.isfinite(least), least, 0).astype(np.float32)


def taps(samples: SimpleNamespace, band: SimpleNamespace, front: Floats):
    """Yield sample indices, pixels, and offsets of the 3x3 taps that lie on a front surface."""
    x, y = samples.x >> 8, samples.y >> 8
    for j in (-1, 0, 1):
        for i in (-1, 0, 1):
            inside = (samples.z > 0) & (x + i >= 0) & (x + i < band.width)
            n = np.flatnonzero(inside & (y + j >= 0) & (y + j < band.height))
            p = (y[n] + j) * band.width + x[n] + i
            on = on_one_surface(samples.z[n], front[p])
            n, p = n[on], p[on]
            dx = samples.x[n] - ((x[n] + i) * 256 + 128)
            yield n, p, dx, samples.y[n] - ((y[n] + j) * 256 + 128)


def tap_weight(dx: Ints, dy: Ints, shrink: Ints) -> Ints:
    """Fixed-point weight of samples in pixels whose centres they miss by dx, dy."""
    return (spline(dx, shrink[:, 0]) * spline(dy, shrink[:, 1])) >> 16


def spline(offset: Ints, shrink: Ints) -> Ints:
    """Quadratic B-spline at offsets in 1/256 pixel, 65536 for 1; support 1.5 cells."""
    t = (np.abs(offset).astype(np.int64) * shrink) >> 16
    # 3/4 - t^2, then (3/2 - t)^2 / 2
    return np.where(t < 128, 49152 - t * t, np.where(t < 384, (384 - t) ** 2 // 2, 0))


def fixed_colors(rgb: Floats) -> Ints:
    """Colours as `fixed`, brought within what 32 bits hold; FAR_OUT is 16384."""
    return fixed(np.clip(np.nan_to_num(rgb), -16384, 16384))


def splat_samples(
    samples: SimpleNamespace,
    band: SimpleNamespace,
    front: Floats,
    exact: Bools,
    sums: Ints,
    depth_sums: Ints,
) -> None:
    """Sums per pixel: weight, red, green, blue; relative depth behind the front, confidence."""
    rgb, trust = fixed_colors(samples.rgb), fixed(np.minimum(samples.confidence, np.float32(65536)))
    for n, p, dx, dy in taps(samples, band, front):
        hits = (np.abs(dx) <= 4) & (np.abs(dy) <= 4)
        w = np.where(exact[p], np.where(hits, 65536, 0), tap_weight(dx, dy, samples.shrink[n]))
        np.add.at(sums, p, w[:, None] * np.c_[np.ones_like(w), rgb[n]])
        behind = fixed(samples.z[n] / front[p] - np.float32(1))
        np.add.at(depth_sums, p, w[:, None] * np.c_[behind, trust[n]])


def resolve_smooth(
    border: Bools,
    front: Floats,
    sums: Ints,
    depth_sums: Ints,
    smooth: Floats,
    depth: Floats,
    confidence: Floats,
) -> None:
    """Weighted means of what was splatted: colour and weight, depth, confidence."""
    weight = unfixed(sums[:, 0])
    front[border & (weight < np.float32(0.15))] = 0
    weight[border & (weight < np.float32(0.15))] = 0
    seen = weight > 0
    means = unfixed(np.c_[sums[:, 1:], depth_sums]) / np.where(seen, 65536 * weight, 1)[:, None]
    smooth[:] = np.where(seen[:, None], np.c_[means[:, :3], weight], 0)
    depth[:] = np.where(seen, front + front * means[:, 3], front)
    confidence[:] = np.where(seen, means[:, 4], 0)
    sums[:], depth_sums[:] = 0, 0


def splat_residuals(
    samples: SimpleNamespace, band: SimpleNamespace, front: Floats, smooth: Floats, sums: Ints
) -> None:
    """Splat what smoothing took from each sample (twicing, Tukey 1977)."""
    total, weights = np.zeros_like(samples.rgb), np.zeros_like(samples.z)
    for n, p, dx, dy in taps(samples, band, front):
        w = np.maximum(256 - np.abs(dx), 0) * np.maximum(256 - np.abs(dy), 0)
        w = np.where(smooth[p, 3] > 0, w, 0).astype(np.float32)
        total[n] += w[:, None] * smooth[p, :3]
        weights[n] += w
    read = total / np.where(weights > 0, weights, 1)[:, None]
    share = unfixed(samples.shrink).prod(axis=1, keepdims=True)
    lost = np.where((weights > 0)[:, None], share * (samples.rgb - read), 0).astype(np.float32)
    lost = fixed_colors(lost)
    for n, p, dx, dy in taps(samples, band, front):
        np.add.at(sums[:, 1:], p, tap_weight(dx, dy, samples.shrink[n])[:, None] * lost[n])


def resolve_sharp(
    exact: Bools, front: Floats, smooth: Floats, sums: Ints, colors: Floats, hole: Bools
) -> None:
    """Give the residual's share back; colours carry the front's depth."""
    weight = smooth[:, 3]
    seen = weight > 0
    dense = np.minimum(weight, 1)
    # TWICING 0.6; sparse samples are magnified, and their residual is mostly noise
    gain = np.where(seen & ~exact, 0.6 * dense**2 / np.where(seen, 65536 * weight, 1), 0)
    sharp = smooth[:, :3] + gain[:, None].astype(np.float32) * unfixed(sums[:, 1:4])
    # HOLE_BLACK: not darker than 10 of 255, unless it was before
    floor = np.minimum(smooth[:, :3], np.float32(10 / 255))
    sharp = np.clip(sharp, floor, 1)
    colors[:] = np.where(seen[:, None], np.c_[sharp, front], 0)
    hole[:] = front == 0
    sums[:] = 0
