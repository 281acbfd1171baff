"""Procedural materials: wood, brick, paper, cloth, paint; knows neither shapes nor light.

A texture takes surface points (3, N) in metres, in the thing's own coordinates, and gives
linear RGB (3, N). Noise comes from an integer hash, never from a random generator, and nothing
here needs more than exactly rounded arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from raycaster import Texture, linear_from_srgb


def rgb(code: str) -> np.ndarray:
    """Linear RGB (3, 1) of a hexadecimal sRGB colour such as `#c8a07a`."""
    levels = [int(code[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    return np.array([linear_from_srgb(level) for level in levels])[:, None]


def hashed(*keys: np.ndarray | int) -> np.ndarray:
    """Uniform values in 0..1 from integers, the same on every machine."""
    mixed = np.zeros(1, dtype=np.uint32)
    for key in keys:
        mixed = (mixed ^ np.asarray(key).astype(np.int64).astype(np.uint32)) * np.uint32(0x9E3779B1)
        mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x85EBCA6B)
        mixed = mixed ^ (mixed >> np.uint32(13))
    return np.squeeze(mixed.astype(np.float64) / 2.0**32)


_PERIOD = 256
_LAST = _PERIOD - 1
_LATTICE = hashed(np.arange(_PERIOD * _PERIOD))


def noise(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Value noise in 0..1 with one lattice point per unit; repeats after 256."""
    floor_x, floor_y = np.floor(x), np.floor(y)
    left, row = floor_x.astype(np.int64), floor_y.astype(np.int64)
    left, right = left & _LAST, (left + 1) & _LAST
    top, bottom = (row & _LAST) * _PERIOD, ((row + 1) & _LAST) * _PERIOD
    x, y = smooth(x - floor_x), smooth(y - floor_y)
    above = mix(_LATTICE.take(top + left), _LATTICE.take(top + right), x)
    below = mix(_LATTICE.take(bottom + left), _LATTICE.take(bottom + right), x)
    return mix(above, below, y)


def fractal(x: np.ndarray, y: np.ndarray, octaves: int) -> np.ndarray:
    """Octaves of noise in 0..1, each twice as fine as the one before and weighing 0.6 of it."""
    total, weight, weights = np.zeros_like(x), 1.0, 0.0
    for octave in range(octaves):
        scale = 2.0**octave
        total += weight * noise(x * scale + 17.3 * octave, y * scale - 31.7 * octave)
        weights += weight
        weight *= 0.6
    return total / weights


def smooth(t: np.ndarray) -> np.ndarray:
    """Cubic step from 0 to 1, flat at both ends."""
    return t * t * (3 - 2 * t)


def step(value: np.ndarray, start: float, end: float) -> np.ndarray:
    """Smooth step that leaves 0 at `start` and reaches 1 at `end`."""
    return smooth(np.clip((value - start) / (end - start), 0, 1))


def mix(a: np.ndarray, b: np.ndarray, t: np.ndarray | float) -> np.ndarray:
    """From `a` at t = 0 to `b` at t = 1."""
    return a + (b - a) * t


def _wave(t: np.ndarray) -> np.ndarray:
    """A smooth wave of period 1 between 0 and 1, in place of a sine."""
    return smooth(np.abs(2 * (t - np.floor(t)) - 1))


def _flat(xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two coordinates that vary on every face of a box, whichever way it points."""
    return xyz[0] + 0.63 * xyz[2], xyz[1] + 0.71 * xyz[2]


def painted(code: str, roughness: float = 0.12) -> Texture:
    """Paint, plaster or glaze with faint mottling."""
    colour = rgb(code)

    def texture(xyz: np.ndarray) -> np.ndarray:
        x, y = _flat(xyz)
        return colour * (1 + roughness * (2 * fractal(x * 14, y * 14, 4) - 1))

    return texture


def wood(light: str, dark: str, grain: int = 0, seed: int = 0) -> Texture:
    """Wood with its grain along local axis `grain`."""
    pale, deep = rgb(light), rgb(dark)

    def texture(xyz: np.ndarray) -> np.ndarray:
        along = xyz[grain] + 7.1 * seed
        across = xyz[(grain + 1) % 3] + 0.8 * xyz[(grain + 2) % 3] + 3.7 * seed
        return mix(pale, deep, _grain(along, across))

    return texture


def _grain(along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Darkness 0..1 of wood: year rings bent by slow noise, fibres and pores."""
    bend = noise(along * 1.3, across * 7)
    rings = _wave(across * 24 + 2.6 * bend)
    fibres = fractal(along * 5, across * 90, 2)
    pores = noise(along * 16, across * 200)
    return np.clip(0.42 * rings + 0.55 * fibres + 0.25 * pores - 0.18, 0, 1)


def floorboards(width_m: float = 0.145, length_m: float = 1.35) -> Texture:
    """Staggered oak boards along local y with dark joints."""
    tones = np.concatenate([rgb("#b98552"), rgb("#8f5f38"), rgb("#c79a66")], axis=1)
    deep, joint = rgb("#6b4226"), rgb("#2c1a10")

    def texture(xyz: np.ndarray) -> np.ndarray:
        column = np.floor(xyz[0] / width_m)
        shifted = xyz[1] / length_m + 3.3 * hashed(column, 5)
        board = np.floor(shifted)
        tone = hashed(column, board)
        base = mix(mix(tones[:, 1:2], tones[:, 0:1], tone), tones[:, 2:3], tone * tone * 0.6)
        grain = _grain(xyz[1] + 13.7 * tone, xyz[0] + 5.1 * tone)
        edge_x = np.abs(xyz[0] / width_m - column - 0.5) * width_m
        edge_y = np.abs(shifted - board - 0.5) * length_m
        gap = np.maximum(
            step(edge_x, width_m / 2 - 0.005, width_m / 2),
            step(edge_y, length_m / 2 - 0.005, length_m / 2),
        )
        worn = 0.85 + 0.3 * fractal(xyz[0] * 1.5, xyz[1] * 1.5, 3)
        return mix(mix(base, deep, 0.6 * grain), joint, 0.85 * gap) * worn

    return texture


def bricks(length_m: float = 0.235, height_m: float = 0.078) -> Texture:
    """Running bond of weathered bricks in the local xy plane, mortar between."""
    red, brown, mortar = rgb("#b0654a"), rgb("#7c4434"), rgb("#b9ab9a")

    def texture(xyz: np.ndarray) -> np.ndarray:
        wobble = 0.006 * (noise(xyz[0] * 22, xyz[1] * 22) - 0.5)
        y = (xyz[1] + wobble) / height_m
        row = np.floor(y)
        x = (xyz[0] + wobble) / length_m + 0.5 * (row % 2)
        column = np.floor(x)
        edge = np.minimum(
            (0.5 - np.abs(x - column - 0.5)) * length_m, (0.5 - np.abs(y - row - 0.5)) * height_m
        )
        tone, pale = hashed(row, column, 1), hashed(row, column, 2)
        weather = fractal(xyz[0] * 18, xyz[1] * 18, 5)
        clay = mix(red, brown, np.clip(tone + weather - 0.6, 0, 1)) * (0.75 + 0.5 * pale)
        clay = clay * (0.7 + 0.6 * weather)
        joint = mortar * (0.6 + 0.5 * fractal(xyz[0] * 60, xyz[1] * 60, 3))
        return mix(joint, clay, step(edge, 0.003, 0.009))

    return texture


def wallpaper(ground: str, figure: str, period_m: float = 0.22) -> Texture:
    """Paper with eight-petalled flowers on a half-drop lattice, in the local xy plane."""
    paper, print_colour = rgb(ground), rgb(figure)

    def texture(xyz: np.ndarray) -> np.ndarray:
        column = np.floor(xyz[0] / period_m)
        x = xyz[0] / period_m - column - 0.5
        y = xyz[1] / period_m + 0.5 * (column % 2)
        y = y - np.floor(y) - 0.5
        flower = _flower(x, y)
        side = 0.5 - np.abs(x)
        stripe = 1 - step(np.abs(side - 0.06), 0.012, 0.03)
        fibre = fractal(xyz[0] * 60, xyz[1] * 24, 3)
        print_share = 0.75 * np.maximum(flower, 0.35 * stripe)
        stain = 0.9 + 0.2 * fractal(xyz[0] * 1.3, xyz[1] * 1.3, 3)
        return mix(paper, print_colour, print_share) * (0.87 + 0.26 * fibre) * stain

    return texture


def _flower(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """1 inside a flower around the origin; cos(4 a) of the angle a is a ratio of polynomials."""
    xx, yy = x * x, y * y
    square = np.maximum(xx + yy, 1e-9)
    four_fold = (xx * xx - 6 * xx * yy + yy * yy) / (square * square)
    eight_fold = 2 * four_fold * four_fold - 1
    radius = np.sqrt(square)
    petals = 1 - step(radius - 0.045 * eight_fold - 0.02 * four_fold, 0.20, 0.23)
    ring = step(np.abs(radius - 0.085), 0.012, 0.03)
    return petals * ring


def cloth(code: str, thread: str, pitch_m: float = 0.012, stripe_m: float | None = None) -> Texture:
    """Woven fabric of two yarns, optionally with broad stripes across local x."""
    warp, weft = rgb(code), rgb(thread)

    def texture(xyz: np.ndarray) -> np.ndarray:
        x, y = _flat(xyz)
        weave = _wave(x / pitch_m) * (1 - _wave(y / pitch_m)) + _wave(y / pitch_m)
        share = 0.35 * weave + 0.5 * fractal(x * 40, y * 40, 3)
        if stripe_m is not None:
            share = mix(share, 1.0 - 0.3 * share, step(_wave(xyz[0] / stripe_m), 0.6, 0.75))
        fade = 0.85 + 0.3 * fractal(x * 4, y * 4, 3)
        return mix(warp, weft, np.clip(share, 0, 1)) * fade

    return texture


def rug(size: tuple[float, float], colours: Sequence[str]) -> Texture:
    """A knotted rug in the local xy plane: borders around a field of diamonds."""
    field, figure, border, line = (rgb(code) for code in colours)

    def texture(xyz: np.ndarray) -> np.ndarray:
        tufts = fractal(xyz[0] * 70, xyz[1] * 70, 2)
        x, y = xyz[0] + 0.008 * tufts, xyz[1] + 0.008 * tufts
        inward = np.minimum(size[0] / 2 - np.abs(x), size[1] / 2 - np.abs(y))
        diamond = np.abs(x / 0.3 - np.floor(x / 0.3) - 0.5) + np.abs(
            y / 0.3 - np.floor(y / 0.3) - 0.5
        )
        shade = mix(field, figure, step(np.abs(diamond - 0.36), 0.10, 0.06))
        shade = mix(shade, line, step(diamond, 0.16, 0.12))
        teeth = _wave((x + y) / 0.09) * _wave((x - y) / 0.09)
        shade = mix(shade, mix(border, figure, step(teeth, 0.3, 0.4)), step(inward, 0.24, 0.23))
        for edge in (0.235, 0.07, 0.02):
            shade = mix(shade, line, step(np.abs(inward - edge), 0.016, 0.01))
        return shade * (0.62 + 0.55 * tufts + 0.2 * noise(x * 5, y * 5))

    return texture


def spine(code: str, band: str, seed: int) -> Texture:
    """A book's cover with gilt bands and a title block across its height (local z)."""
    cover, gilt = rgb(code), rgb(band)
    first, second = (0.1 * float(hashed(seed, part)) for part in (1, 2))

    def texture(xyz: np.ndarray) -> np.ndarray:
        x, z = xyz[0] + seed, xyz[2]
        lines = np.minimum(np.abs(z - 0.03 - first * 0.6), np.abs(z + 0.06 + second * 0.3))
        title = step(np.abs(z - 0.06 + first), 0.03, 0.028) * step(
            noise(x * 130, z * 150), 0.5, 0.6
        )
        gold = np.maximum(step(lines, 0.006, 0.004), 0.5 * title)
        leather = 0.75 + 0.5 * fractal(x * 50, (z + xyz[1]) * 50, 3)
        return mix(cover, gilt, 0.8 * gold) * leather

    return texture


def landscape(size: tuple[float, float], colours: Sequence[str], seed: int) -> Texture:
    """A view in the local xy plane: sky, a low sun and four ranges of hills, as if in gouache."""
    sky, glow, far, near = (rgb(code) for code in colours)
    scale = max(size)

    def texture(xyz: np.ndarray) -> np.ndarray:
        x, y = xyz[0] / scale + 3 * seed, xyz[1] / size[1] + 0.5
        brush = fractal(xyz[0] / scale * 24, xyz[1] / scale * 60, 6)
        cloud = step(fractal(x * 3, y * 9 + seed, 4), 0.5, 0.75)
        shade = mix(mix(glow, sky, step(y, 0.35, 1.0)), glow, 0.7 * cloud)
        sun_x, sun_y = xyz[0] - 0.4 * size[0], xyz[1] - 0.24 * size[1]
        disc = np.sqrt(sun_x * sun_x + sun_y * sun_y)
        shade = mix(shade, rgb("#fff3d6"), step(disc, 0.05 * scale, 0.04 * scale))
        for depth in range(4):
            ridge = 0.5 - 0.12 * depth + 0.2 * (fractal(x * (2.5 + depth), x * 0 + depth, 4) - 0.5)
            hill = mix(far, near, depth / 3) * (0.6 + 0.8 * brush)
            shade = mix(shade, hill, step(ridge - y, 0.0, 0.012))
        return shade * (0.9 + 0.2 * brush)

    return texture


def abstract(size: tuple[float, float], colours: Sequence[str], seed: int) -> Texture:
    """Overlapping discs and bars on primed canvas, in the local xy plane."""
    canvas = rgb(colours[0])
    palette = [rgb(code) for code in colours[1:]]
    places = [[float(hashed(seed, k, part)) for part in range(3)] for k in range(9)]

    def texture(xyz: np.ndarray) -> np.ndarray:
        x, y = xyz[0] / size[0], xyz[1] / size[1]
        dry = fractal(xyz[0] * 40, xyz[1] * 40, 3)
        shade = canvas * np.ones_like(x)
        for k, (across, up, extent) in enumerate(places):
            dx, dy = x - 0.8 * (across - 0.5), y - 0.8 * (up - 0.5)
            disc = np.sqrt(dx * dx * (size[0] / size[1]) + dy * dy) - 0.06 - 0.14 * extent
            bar = np.maximum(np.abs(dx + 0.3 * dy) - 0.03, np.abs(dy) - 0.1 - 0.25 * extent)
            inside = step(bar if k % 3 == 2 else disc, 0.008, -0.004)
            shade = mix(shade, palette[k % len(palette)], 0.9 * inside)
        return shade * (0.8 + 0.35 * dry)

    return texture


def beach_ball(codes: Sequence[str]) -> Texture:
    """Six coloured gores around local z, with white poles."""
    palette = np.concatenate([rgb(code) for code in codes], axis=1)
    pole = rgb("#f4f0e6")

    def texture(xyz: np.ndarray) -> np.ndarray:
        x, y, z = xyz
        around = np.abs(x) + np.abs(y)
        angle = np.where(y < 0, 3 + x / around, 1 - x / around)
        gore = palette[:, (np.floor(angle * 1.5).astype(np.intp)) % palette.shape[1]]
        polar = step(z * z / (x * x + y * y + z * z), 0.90, 0.93)
        return mix(gore, pole, polar) * (0.9 + 0.2 * fractal(x * 60 + z * 20, y * 60, 3))

    return texture


def leaf(light: str, dark: str, seed: int = 0) -> Texture:
    """A leaf along local x with a pale midrib and veins."""
    pale, deep = rgb(light), rgb(dark)

    def texture(xyz: np.ndarray) -> np.ndarray:
        x, y = xyz[0], xyz[1]
        veins = step(_wave((x - np.abs(y)) / 0.022), 0.75, 0.95)
        rib = 1 - step(np.abs(y), 0.002, 0.005)
        mottle = fractal(x * 40 + seed, y * 40, 3)
        share = np.clip(0.25 + 0.6 * mottle - 0.25 * veins - 0.5 * rib, 0, 1)
        return mix(pale, deep, share)

    return texture


def shining(code: str, strength: float) -> Texture:
    """The even glow of a lamp."""
    colour = rgb(code) * strength

    def texture(xyz: np.ndarray) -> np.ndarray:
        return colour * (0.9 + 0.2 * fractal(xyz[0] * 30 + xyz[2] * 9, xyz[1] * 30, 2))

    return texture


def brighter(texture: Texture, strength: float) -> Texture:
    """The same pattern, as many times brighter, for what lies in full daylight."""
    return lambda xyz: texture(xyz) * strength
