"""Pieces of furniture built from the ray caster's solids; knows no room, light or camera.

Every builder takes the `Place` where the piece stands and gives its things. Lengths are metres,
z is up.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from raycaster import Texture, Thing
from shapes import Box, Ellipsoid, Frustum, Rectangle
from textures import cloth, hashed, leaf, painted, shining, spine, wood

OAK = ("#c08f5c", "#7a4f2c")
WALNUT = ("#8a5f3f", "#3f2718")
BRASS = painted("#a8854a", 0.3)
IRON = painted("#35322f", 0.3)
WHITE = painted("#e9e4d8", 0.08)
BOOK_COVERS = (
    "#7d2f2b",
    "#2f4a5e",
    "#c9a35a",
    "#3c5a43",
    "#d8cdb8",
    "#5b3a55",
    "#a5582f",
    "#28303a",
)

Point = tuple[float, float, float]
UP = (0.0, 0.0, 1.0)


class Place:
    """Where a piece stands: its origin in the world and its turn about the vertical."""

    def __init__(self, x: float = 0.0, y: float = 0.0, z: float = 0.0, turn_deg: float = 0.0):
        angle = math.radians(turn_deg)
        cosine, sine = round(math.cos(angle), 12), round(math.sin(angle), 12)
        self.origin = (x, y, z)
        self.rotation = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])

    def point(self, x: float, y: float, z: float) -> Point:
        """World point of the piece's own coordinates."""
        cosine, sine = float(self.rotation[0, 0]), float(self.rotation[1, 0])
        ox, oy, oz = self.origin
        return (ox + cosine * x - sine * y, oy + sine * x + cosine * y, oz + z)

    def box(self, low: Point, high: Point, texture: Texture) -> Thing:
        """A box between two opposite corners."""
        size = (high[0] - low[0], high[1] - low[1], high[2] - low[2])
        middle = self.point(*(((a + b) / 2) for a, b in zip(low, high, strict=True)))
        return Thing(Box(size), texture, middle, self.rotation)

    def rod(self, start: Point, end: Point, radius: float, texture: Texture) -> Thing:
        """A round rod between two points."""
        return self.taper(start, end, (radius, radius), texture)

    def taper(
        self, start: Point, end: Point, radii: tuple[float, float], texture: Texture
    ) -> Thing:
        """A round rod that begins with one radius and ends with another."""
        a, b = self.point(*start), self.point(*end)
        along = (b[0] - a[0], b[1] - a[1], b[2] - a[2])
        length = math.sqrt(along[0] ** 2 + along[1] ** 2 + along[2] ** 2)
        sideways = (1.0, 0.0, 0.0) if abs(along[0]) < 0.9 * length else (0.0, 1.0, 0.0)
        middle = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2)
        return Thing(Frustum(*radii, length), texture, middle, axes_from(sideways, along))

    def ball(self, centre: Point, radius: float, texture: Texture) -> Thing:
        """A sphere."""
        return self.egg(centre, (radius, radius, radius), texture)

    def egg(self, centre: Point, radii: Point, texture: Texture) -> Thing:
        """An ellipsoid along the piece's axes."""
        return Thing(Ellipsoid(radii), texture, self.point(*centre), self.rotation)


def axes_from(x: Sequence[float], z: Sequence[float]) -> np.ndarray:
    """Rotation (3, 3) whose columns are x made orthogonal to z, their y, and z; all unit."""
    along = np.array(z) / math.sqrt(sum(value * value for value in z))
    across = np.array(x) - along * sum(a * b for a, b in zip(x, along, strict=True))
    across = across / math.sqrt(sum(value * value for value in across))
    return np.stack([across, np.cross(along, across), along], axis=1)


def wall_panel(
    centre: Point, x: Point, normal: Point, size: tuple[float, float], texture: Texture
) -> Thing:
    """A rectangle with its width along x that faces along `normal`."""
    return Thing(Rectangle(size), texture, centre, axes_from(x, normal))


def framed_picture(
    centre: Point, x: Point, normal: Point, size: tuple[float, float], picture: Texture
) -> list[Thing]:
    """A picture in a mount and a walnut frame, hung a little off the wall."""
    rotation = axes_from(x, normal)

    def at(across: float, up: float, out: float) -> Point:
        offset = np.round(rotation @ np.array([across, up, out]), 12)
        return (centre[0] + offset[0], centre[1] + offset[1], centre[2] + offset[2])

    width, height, rim = size[0] / 2, size[1] / 2, 0.03
    grain = [wood(*WALNUT, grain=axis, seed=9) for axis in (0, 1)]
    rails = [
        Thing(
            Box((2 * width + 2 * rim, rim, 0.03)),
            grain[0],
            at(0, side * (height + rim / 2), 0.015),
            rotation,
        )
        for side in (-1, 1)
    ]
    stiles = [
        Thing(
            Box((rim, 2 * height, 0.03)), grain[1], at(side * (width + rim / 2), 0, 0.015), rotation
        )
        for side in (-1, 1)
    ]
    mount = Thing(Rectangle(size), WHITE, at(0, 0, 0.008), rotation)
    inner = (size[0] - 0.12, size[1] - 0.12)
    return [*rails, *stiles, mount, Thing(Rectangle(inner), picture, at(0, 0, 0.01), rotation)]


def table(place: Place) -> list[Thing]:
    """A dining table on four thin tapered legs, with an apron under the top."""
    apron = wood(*OAK, grain=0, seed=2)
    side = wood(*OAK, grain=1, seed=3)
    legs = [
        place.taper((x, y, 0), (x, y, 0.71), (0.014, 0.026), wood(*OAK, grain=2, seed=k))
        for k, (x, y) in enumerate([(-0.56, -0.31), (0.56, -0.31), (-0.56, 0.31), (0.56, 0.31)])
    ]
    return [
        place.box((-0.64, -0.39, 0.71), (0.64, 0.39, 0.74), wood(*OAK, grain=0, seed=1)),
        place.box((-0.56, -0.32, 0.64), (0.56, -0.30, 0.71), apron),
        place.box((-0.56, 0.30, 0.64), (0.56, 0.32, 0.71), apron),
        place.box((-0.57, -0.31, 0.64), (-0.55, 0.31, 0.71), side),
        place.box((0.55, -0.31, 0.64), (0.57, 0.31, 0.71), side),
        *legs,
    ]


def chair(place: Place, cushion: Texture) -> list[Thing]:
    """A spindle-back chair; it faces along its own -y."""
    upright = wood(*WALNUT, grain=2, seed=4)
    across = wood(*WALNUT, grain=0, seed=5)
    front = [
        place.taper((x, -0.18, 0), (x, -0.17, 0.43), (0.012, 0.02), upright) for x in (-0.18, 0.18)
    ]
    back = [
        place.taper((x, 0.20, 0), (x, 0.17, 0.45), (0.013, 0.02), upright) for x in (-0.18, 0.18)
    ]
    posts = [place.rod((x, 0.18, 0.45), (x, 0.25, 0.93), 0.016, upright) for x in (-0.18, 0.18)]
    spindles = [
        place.rod((x, 0.18, 0.45), (x, 0.245, 0.88), 0.007, upright)
        for x in (-0.12, -0.06, 0.0, 0.06, 0.12)
    ]
    stretchers = [
        place.rod((x, -0.175, 0.2), (x, 0.185, 0.2), 0.008, across) for x in (-0.18, 0.18)
    ]
    return [
        place.box((-0.21, -0.21, 0.43), (0.21, 0.21, 0.455), across),
        place.egg((0, -0.01, 0.465), (0.20, 0.19, 0.03), cushion),
        place.box((-0.215, 0.225, 0.87), (0.215, 0.25, 0.95), across),
        place.rod((-0.18, 0.0, 0.2), (0.18, 0.0, 0.2), 0.008, across),
        *front, *back, *posts, *spindles, *stretchers,
    ]  # fmt: skip


def armchair(place: Place) -> list[Thing]:
    """A low upholstered chair; it faces along its own -y."""
    fabric = cloth("#44707a", "#8fb2ae")
    feet = wood(*WALNUT, grain=2, seed=6)
    arms = [
        part
        for x in (-0.36, 0.36)
        for part in (
            place.box((x - 0.07, -0.36, 0.14), (x + 0.07, 0.32, 0.52), fabric),
            place.rod((x, -0.37, 0.52), (x, 0.33, 0.52), 0.08, fabric),
        )
    ]
    legs = [
        place.taper((x, y, 0), (x, y, 0.14), (0.012, 0.024), feet)
        for x in (-0.36, 0.36)
        for y in (-0.3, 0.32)
    ]
    return [
        place.box((-0.30, -0.36, 0.14), (0.30, 0.34, 0.34), fabric),
        place.egg((0, -0.04, 0.36), (0.31, 0.35, 0.085), fabric),
        place.box((-0.42, 0.24, 0.14), (0.42, 0.40, 0.80), fabric),
        place.rod((-0.43, 0.32, 0.80), (0.43, 0.32, 0.80), 0.09, fabric),
        place.egg(
            (0.05, 0.14, 0.60), (0.20, 0.10, 0.19), cloth("#c98d3c", "#e9cf9a", stripe_m=0.1)
        ),
        *arms,
        *legs,
    ]


def bookshelf(place: Place, width: float, depth: float, shelves: Sequence[float]) -> list[Thing]:
    """Open shelves with books; stands against a wall behind it, opens along its own -y.

    Args:
        place: Left front corner on the floor.
        width: Outer width.
        depth: Outer depth.
        shelves: Heights of the boards' upper faces, ascending; the last one is the lid.
    """
    board = wood(*OAK, grain=0, seed=7)
    side = wood(*OAK, grain=2, seed=8)
    top = shelves[-1]
    frame = [
        place.box((0, 0, 0), (0.025, depth, top), side),
        place.box((width - 0.025, 0, 0), (width, depth, top), side),
        place.box((0.025, depth - 0.012, 0), (width - 0.025, depth, top), wood(*WALNUT, seed=8)),
    ]
    boards = [
        place.box((0.025, 0, z - 0.025), (width - 0.025, depth - 0.012, z), board) for z in shelves
    ]
    books = [
        book
        for row, (z, above) in enumerate(zip(shelves[:-1], shelves[1:], strict=True))
        for book in _row_of_books(place, row, (0.03, width - 0.03), (z, above - z - 0.03))
    ]
    return [*frame, *boards, *books]


def _row_of_books(
    place: Place, row: int, span: tuple[float, float], shelf: tuple[float, float]
) -> Iterator[Thing]:
    """Books side by side from `span[0]` on, with gaps; `shelf` is its height and its headroom."""
    x, number = span[0], 0
    floor, headroom = shelf
    while True:
        thick, tall, deep, gap = (float(hashed(row, number, part)) for part in range(4))
        thickness = 0.022 + 0.035 * thick
        if gap > 0.86:
            x += 0.06 + 0.12 * thick
        if x + thickness > span[1]:
            return
        height = headroom * (0.66 + 0.28 * tall)
        seed = 100 * row + number
        cover = BOOK_COVERS[int(hashed(seed, 7) * len(BOOK_COVERS))]
        front = 0.03 + 0.05 * deep
        low, high = (x, front, floor), (x + thickness - 0.002, front + 0.19, floor + height)
        yield place.box(low, high, spine(cover, "#d9b56a", seed))
        x, number = x + thickness, number + 1


def floor_lamp(place: Place) -> list[Thing]:
    """A brass standard lamp with a linen shade."""
    return [
        place.taper((0, 0, 0), (0, 0, 0.025), (0.14, 0.12), IRON),
        place.rod((0, 0, 0.025), (0, 0, 1.42), 0.011, BRASS),
        Thing(
            Frustum(0.2, 0.12, 0.26), shining("#ffd9a0", 1.9), place.point(0, 0, 1.5), glows=True
        ),
    ]


def pendant(place: Place, ceiling_m: float) -> list[Thing]:
    """A lamp on a thin cable; the place is the middle of its globe."""
    cable = painted("#1d1b1a")
    return [
        Thing(Ellipsoid((0.11, 0.11, 0.1)), shining("#ffe6bd", 2.4), place.origin, glows=True),
        place.taper((0, 0, 0.09), (0, 0, 0.16), (0.035, 0.012), BRASS),
        place.rod((0, 0, 0.16), (0, 0, ceiling_m - place.origin[2]), 0.004, cable),
    ]


def potted_plant(place: Place, height: float, leaves: int, seed: int) -> list[Thing]:
    """Thin arching stalks with a pointed leaf along each, in a terracotta pot."""
    pot, soil = painted("#b5673f", 0.25), painted("#3a2a1e", 0.5)
    things = [
        place.taper((0, 0, 0), (0, 0, 0.24 * height), (0.10 * height, 0.14 * height), pot),
        place.taper(
            (0, 0, 0.22 * height), (0, 0, 0.27 * height), (0.155 * height, 0.155 * height), pot
        ),
        place.taper(
            (0, 0, 0.262 * height), (0, 0, 0.274 * height), (0.14 * height, 0.14 * height), soil
        ),
    ]
    for number in range(leaves):
        things += _stalk(place, height, number, seed)
    return things


def _stalk(place: Place, height: float, number: int, seed: int) -> list[Thing]:
    """Two rods, the second leaning outwards, and leaves along the upper one."""
    turn, lean, tall = (float(hashed(seed, number, part)) for part in range(3))
    angle = 2.399963 * number + 0.5 * turn
    out = (round(math.cos(angle), 9), round(math.sin(angle), 9))
    reach, rise = height * (0.16 + 0.3 * lean), height * (0.62 + 0.38 * tall)

    def along(share: float) -> Point:
        spread = 0.04 * height + reach * share * share
        return (out[0] * spread, out[1] * spread, height * 0.26 + (rise - height * 0.26) * share)

    stem = painted("#6c7f3c", 0.3)
    stalk = [
        place.rod(along(a), along(b), 0.0032 * (2 - b), stem)
        for a, b in ((0.0, 0.4), (0.4, 0.7), (0.7, 1.0))
    ]
    tints = ("#7fa653", "#2f5a33") if number % 2 else ("#93b35c", "#41692f")
    blades = []
    for share, swing in ((0.62, 0.9), (0.84, -0.9), (1.0, 0.0)):
        way = (out[0] - swing * out[1], out[1] + swing * out[0], 0.45 - 0.7 * lean)
        length = height * (0.085 + 0.05 * tall)
        blades.append(_blade(place, along(share), way, length, leaf(*tints, seed=number)))
    return [*stalk, *blades]


def _blade(place: Place, root: Point, way: Point, length: float, texture: Texture) -> Thing:
    """A thin leaf of half length `length` that grows from `root` along `way`, face upwards."""
    upward_way_side = axes_from(UP, way)
    axes = np.stack([upward_way_side[:, 2], -upward_way_side[:, 1], upward_way_side[:, 0]], axis=1)
    x, y, z = (a + 0.95 * length * b for a, b in zip(root, axes[:, 0].tolist(), strict=True))
    shape = Ellipsoid((length, length * 0.36, 0.004))
    return Thing(shape, texture, place.point(x, y, z), np.round(place.rotation @ axes, 12))


def vase_of_flowers(place: Place, stems: int) -> list[Thing]:
    """Long-stemmed flowers in a slim glazed vase."""
    glaze, stem = painted("#3f6f86", 0.35), painted("#5f7a3a", 0.2)
    things = [
        place.taper((0, 0, 0), (0, 0, 0.12), (0.032, 0.055), glaze),
        place.taper((0, 0, 0.12), (0, 0, 0.19), (0.055, 0.028), glaze),
        place.taper((0, 0, 0.19), (0, 0, 0.215), (0.028, 0.036), glaze),
    ]
    petals = ("#d9604f", "#e8a23e", "#e9d9c0", "#c2476a")
    for number in range(stems):
        lean, tall = (float(hashed(40, number, part)) for part in range(2))
        angle = 2.399963 * number
        reach = 0.03 + 0.12 * lean
        tip = (
            reach * round(math.cos(angle), 9),
            reach * round(math.sin(angle), 9),
            0.34 + 0.16 * tall,
        )
        foot = (tip[0] * 0.12, tip[1] * 0.12, 0.2)
        things.append(place.rod(foot, tip, 0.0026, stem))
        things.append(place.egg(tip, (0.03, 0.03, 0.02), painted(petals[number % 4], 0.4)))
        things.append(place.ball((tip[0], tip[1], tip[2] + 0.012), 0.013, painted("#6b4a1f", 0.5)))
    return things


def fruit_bowl(place: Place) -> list[Thing]:
    """Oranges and apples in a shallow wooden bowl."""
    fruit = [("#d8842b", 0.040), ("#b5392f", 0.038), ("#c9a83a", 0.037), ("#d98f35", 0.041)]
    spots = [(-0.045, -0.03), (0.05, -0.02), (0.0, 0.05), (0.0, 0.0)]
    bowl = place.taper((0, 0, 0), (0, 0, 0.055), (0.06, 0.13), wood(*WALNUT, grain=0, seed=11))
    return [
        bowl,
        *(
            place.ball((x, y, 0.085 + 0.055 * (k == 3)), radius, painted(code, 0.35))
            for k, ((code, radius), (x, y)) in enumerate(zip(fruit, spots, strict=True))
        ),
    ]


def curtain(place: Place, width: float, height: float, folds: int) -> list[Thing]:
    """A drawn-back linen curtain: a row of hanging folds, origin at its lower left."""
    linen = cloth("#d9c7a3", "#efe6d0", pitch_m=0.014)
    pitch = width / folds
    things = []
    for fold in range(folds):
        x, y = pitch * (fold + 0.5), 0.012 * (-1) ** fold
        things.append(place.taper((x, y, 0), (x, y, height), (pitch * 0.58, pitch * 0.54), linen))
    return things
