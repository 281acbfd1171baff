"""The furnished room of the example scene and the photographer's walk through it.

World: x right along the back wall, y from the photographer towards it, z up; metres; the floor
is z = 0. Knows neither pixels nor files.
"""

from __future__ import annotations

import math

import numpy as np
from furniture import (
    BRASS,
    IRON,
    OAK,
    WHITE,
    Place,
    armchair,
    axes_from,
    bookshelf,
    chair,
    curtain,
    floor_lamp,
    framed_picture,
    fruit_bowl,
    pendant,
    potted_plant,
    table,
    vase_of_flowers,
    wall_panel,
)
from lighting import Light, Lighting
from raycaster import Thing
from shapes import Rectangle
from textures import (
    abstract,
    beach_ball,
    bricks,
    brighter,
    cloth,
    floorboards,
    hashed,
    landscape,
    painted,
    rug,
    shining,
    spine,
    wallpaper,
    wood,
)

WIDTH_M, DEPTH_M, HEIGHT_M = 4.6, 4.4, 2.6
WINDOW_X, WINDOW_Z = (1.0, 2.4), (0.95, 2.25)
TABLE = Place(2.66, 2.78, turn_deg=10)
PENDANT = Place(2.58, 2.75, 1.66)
FLOOR_LAMP = Place(0.42, 3.85)
GAZE_M = (2.32, 2.95, 0.98)
ARC_RADIUS_M, ARC_STEP_DEG = 2.45, 4.6

EAST, NORTH, UP = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
WEST, SOUTH = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)


def things() -> list[Thing]:
    """Everything in the room, unlit."""
    return [
        *_shell(),
        *_window(),
        *_seating(),
        *_table_with_supper(),
        *_along_the_walls(),
        *_fairy_lights(),
    ]


def _shell() -> list[Thing]:
    """Floor, ceiling, walls, skirting, and the garden outside."""
    half = (WIDTH_M / 2, DEPTH_M / 2, HEIGHT_M / 2)
    opening = (
        WINDOW_X[0] - half[0], WINDOW_Z[0] - half[2], WINDOW_X[1] - half[0], WINDOW_Z[1] - half[2],
    )  # fmt: skip
    papered = wallpaper("#c9c6a8", "#7f9080")
    back = Thing(
        Rectangle((WIDTH_M, HEIGHT_M), opening),
        papered,
        (half[0], DEPTH_M, half[2]),
        axes_from(EAST, SOUTH),
    )
    garden = landscape((7.6, 4.4), ("#7fa8d6", "#f2e6cc", "#6f8f7a", "#3f5a2f"), seed=3)
    outdoors = Thing(
        Rectangle((7.6, 4.4)),
        brighter(garden, 1.7),
        (1.1, 9.0, 1.85),
        axes_from(EAST, SOUTH),
        glows=True,
    )
    skirting = painted("#ded7c6", 0.06)
    room = Place()
    return [
        outdoors,
        back,
        wall_panel((half[0], half[1], 0), EAST, UP, (WIDTH_M, DEPTH_M), floorboards()),
        wall_panel((half[0], half[1], HEIGHT_M), EAST, (0, 0, -1), (WIDTH_M, DEPTH_M), WHITE),
        wall_panel((0, half[1], half[2]), NORTH, EAST, (DEPTH_M, HEIGHT_M), bricks()),
        wall_panel((WIDTH_M, half[1], half[2]), NORTH, WEST, (DEPTH_M, HEIGHT_M), papered),
        wall_panel((half[0], 0, half[2]), EAST, NORTH, (WIDTH_M, HEIGHT_M), painted("#cfc4ac")),
        room.box((0, DEPTH_M - 0.016, 0), (WIDTH_M, DEPTH_M, 0.11), skirting),
        room.box((0, 0, 0), (0.016, DEPTH_M, 0.11), skirting),
        room.box((WIDTH_M - 0.016, 0, 0), (WIDTH_M, DEPTH_M, 0.11), skirting),
    ]


def _window() -> list[Thing]:
    """Reveal, sill, glazing bars, curtains on a brass rail."""
    (x0, x1), (z0, z1) = WINDOW_X, WINDOW_Z
    inner, outer = DEPTH_M + 0.004, DEPTH_M + 0.16
    room = Place()
    reveal = [
        room.box((x0 - 0.1, inner, z0 - 0.1), (x0, outer, z1 + 0.1), WHITE),
        room.box((x1, inner, z0 - 0.1), (x1 + 0.1, outer, z1 + 0.1), WHITE),
        room.box((x0, inner, z1), (x1, outer, z1 + 0.1), WHITE),
        room.box((x0 - 0.05, inner - 0.14, z0 - 0.03), (x1 + 0.05, outer, z0), WHITE),
    ]
    y0, y1 = inner + 0.06, inner + 0.1
    posts = [x0 + 0.025, (x0 + x1) / 2, x1 - 0.025]
    bars = [room.box((x - 0.025, y0, z0), (x + 0.025, y1, z1), WHITE) for x in posts]
    bars += [
        room.box((x0, y0 + 0.004, z - 0.02), (x1, y1 - 0.004, z + 0.02), WHITE)
        for z in (z0 + 0.02, (z0 + z1) / 2 + 0.2, z1 - 0.02)
    ]
    rail_z, rail_y = z1 + 0.12, inner - 0.09
    rail = [
        room.rod((x0 - 0.35, rail_y, rail_z), (x1 + 0.35, rail_y, rail_z), 0.012, BRASS),
        room.ball((x0 - 0.36, rail_y, rail_z), 0.025, BRASS),
        room.ball((x1 + 0.36, rail_y, rail_z), 0.025, BRASS),
    ]
    hems = [x0 - 0.3, x1 - 0.08]
    curtains = [
        part for x in hems for part in curtain(Place(x, rail_y, 0.06), 0.38, rail_z - 0.08, 7)
    ]
    return [*reveal, *bars, *rail, *curtains]


def _seating() -> list[Thing]:
    """Rug, two chairs, an armchair, a ball."""
    size = (2.5, 1.75)
    weave = rug(size, ("#83423a", "#c4a67c", "#3d4c5c", "#d8c8a8"))
    knitted = cloth("#b9552f", "#e3a368")
    ball = ("#cf4536", "#f1ead8", "#2f6f9c", "#f1ead8", "#e2a52e", "#f1ead8")
    return [
        Thing(Rectangle(size), weave, (2.45, 2.5, 0.008), Place(turn_deg=4).rotation),
        *chair(Place(2.05, 2.17, turn_deg=-158), knitted),
        *chair(Place(3.42, 2.45, turn_deg=-68), knitted),
        *armchair(Place(0.92, 2.98, turn_deg=52)),
        Place().ball((1.52, 2.62, 0.13), 0.13, beach_ball(ball)),
    ]


def _table_with_supper() -> list[Thing]:
    """The table, a runner, flowers, fruit, books, a mug; the lamp above."""

    def top(x: float, y: float, turn_deg: float = 0.0) -> Place:
        return Place(*TABLE.point(x, y, 0.745), turn_deg=turn_deg)

    glaze = painted("#e7dcc6", 0.25)
    books = top(0.36, -0.12, 25)
    mug = top(-0.34, -0.2)
    return [
        *table(TABLE),
        TABLE.box((-0.2, -0.395, 0.74), (0.2, 0.395, 0.745), cloth("#dfd5bd", "#a9b7a0")),
        *vase_of_flowers(top(-0.12, 0.12), stems=9),
        *fruit_bowl(top(0.1, -0.12)),
        books.box((-0.12, -0.085, 0), (0.12, 0.085, 0.03), spine("#2f4a5e", "#d9b56a", 71)),
        books.box((-0.1, -0.08, 0.03), (0.11, 0.075, 0.055), spine("#a5582f", "#d9b56a", 72)),
        mug.taper((0, 0, -0.005), (0, 0, 0.085), (0.034, 0.04), glaze),
        mug.taper((0, 0, 0.0851), (0, 0, 0.0852), (0.036, 0.036), painted("#3b2417")),
        *pendant(PENDANT, HEIGHT_M),
    ]


def _along_the_walls() -> list[Thing]:
    """Shelves with books, sideboard, plants, standard lamp with its cable, pictures."""
    shelf = Place(3.36, DEPTH_M - 0.3)
    sunset = landscape((0.5, 0.36), ("#5f7fa3", "#efc58c", "#9a7f8f", "#3f4a3a"), seed=1)
    discs = abstract((0.42, 0.56), ("#e6dcc4", "#b8432f", "#2f4f6a", "#d9a441", "#2a2a2a"), seed=5)
    hills = landscape((0.66, 0.46), ("#a9c0cf", "#f3e3bf", "#7f98a5", "#4a5a39"), seed=8)
    back = DEPTH_M
    return [
        *bookshelf(shelf, 1.1, 0.285, (0.09, 0.46, 0.83, 1.2, 1.55)),
        Place(3.7, back - 0.17, 1.55).ball((0, 0, 0.09), 0.09, painted("#b5673f", 0.3)),
        *potted_plant(Place(4.18, back - 0.18, 1.55), 0.46, 7, seed=21),
        *_sideboard(Place(1.12, back - 0.56)),
        *potted_plant(Place(3.5, 1.8), 1.15, 11, seed=4),
        *floor_lamp(FLOOR_LAMP),
        *_cable_on_floor(),
        *framed_picture((2.98, back, 1.78), EAST, SOUTH, (0.42, 0.56), discs),
        *framed_picture((0, 3.3, 1.62), NORTH, EAST, (0.66, 0.46), hills),
        *framed_picture((WIDTH_M, 3.55, 1.6), SOUTH, WEST, (0.62, 0.48), sunset),
    ]


def _sideboard(place: Place) -> list[Thing]:
    """A low cabinet under the window with a clock, candlesticks and a globe on it."""
    body, door = wood(*OAK, grain=0, seed=12), wood(*OAK, grain=2, seed=13)
    doors = [
        place.box((0.03 + 0.38 * k, -0.012, 0.16), (0.39 + 0.38 * k, 0.0, 0.62), door)
        for k in range(3)
    ]
    knobs = [place.ball((0.36 + 0.38 * k, -0.024, 0.42), 0.013, BRASS) for k in range(3)]
    legs = [
        place.taper((x, y, 0), (x, y, 0.12), (0.014, 0.022), IRON)
        for x in (0.06, 1.12)
        for y in (0.05, 0.33)
    ]
    candles = [
        part
        for x, height in ((0.12, 0.2), (0.22, 0.27))
        for part in (
            place.taper((x, 0.17, 0.66), (x, 0.17, 0.68), (0.04, 0.03), BRASS),
            place.rod((x, 0.17, 0.68), (x, 0.17, 0.66 + height / 2), 0.006, BRASS),
            place.rod((x, 0.17, 0.66 + height / 2), (x, 0.17, 0.66 + height), 0.011, WHITE),
        )
    ]
    return [
        place.box((0, 0, 0.12), (1.18, 0.38, 0.66), body),
        *doors,
        *knobs,
        *legs,
        *candles,
        place.ball((0.98, 0.19, 0.8), 0.11, painted("#6f93a3", 0.6)),
        place.taper((0.98, 0.19, 0.66), (0.98, 0.19, 0.7), (0.06, 0.02), BRASS),
    ]


def _cable_on_floor() -> list[Thing]:
    """The standard lamp's cable, lying in a loose curve to the wall."""
    black = painted("#211f1e")
    points = [(0.5, 3.8), (0.62, 3.86), (0.72, 3.97), (0.78, 4.1), (0.8, 4.24), (0.8, 4.38)]
    return [
        Place().rod((*a, 0.005), (*b, 0.005), 0.005, black)
        for a, b in zip(points[:-1], points[1:], strict=True)
    ]


def _fairy_lights() -> list[Thing]:
    """A hanging cable with small bulbs along the back wall, two sagging spans."""
    black = painted("#26231f")
    room, parts = Place(), []
    for left, right in ((2.66, 3.55), (3.55, 4.5)):
        nodes = [left + (right - left) * k / 8 for k in range(9)]
        sag = [2.3 - 0.17 * (1 - (2 * k / 8 - 1) ** 2) for k in range(9)]
        hanging = [(x, DEPTH_M - 0.02, z) for x, z in zip(nodes, sag, strict=True)]
        parts += [
            room.rod(a, b, 0.003, black) for a, b in zip(hanging[:-1], hanging[1:], strict=True)
        ]
        parts += [
            Thing(room.ball((x, y - 0.005, z - 0.018), 0.014, shining("#ffd28a", 2.2)).shape,
                  shining("#ffd28a", 2.2), (x, y - 0.005, z - 0.018), glows=True)
            for x, y, z in hanging[1:-1]
        ]  # fmt: skip
    return parts


def lighting() -> Lighting:
    """Low sun through the window, sky light, the two lamps, and the sun's bounce off the floor."""
    (x0, x1), (z0, z1) = WINDOW_X, WINDOW_Z
    pane = np.array(
        [
            (x0 + (x1 - x0) * (column + 0.5) / 4, DEPTH_M - 0.02, z0 + (z1 - z0) * (row + 0.5) / 4)
            for row in range(4)
            for column in range(4)
        ]
    )
    far = 200.0
    sun = np.array(
        [
            (-0.44 * far + 1.6 * (column - 1), 0.78 * far, 0.60 * far + 1.6 * (row - 1))
            for row in range(3)
            for column in range(3)
        ]
    )
    strength = 5.0 * far * far
    bounce = np.array([(x, y, 0.15) for x in (2.2, 2.7) for y in (2.0, 2.6)])
    return Lighting(
        lights=[
            Light(sun, (strength, 0.86 * strength, 0.66 * strength)),
            Light(pane, (1.5, 1.65, 1.85), facing=SOUTH),
            Light(_globe(PENDANT.origin, 0.1), (0.46, 0.37, 0.25)),
            Light(_globe(FLOOR_LAMP.point(0, 0, 1.5), 0.15), (0.42, 0.31, 0.19)),
            Light(bounce, (0.22, 0.15, 0.10)),
        ],
        sky=(0.34, 0.33, 0.31),
        ground=(0.27, 0.22, 0.17),
    )


def _globe(centre: tuple[float, float, float], radius: float) -> np.ndarray:
    """Light positions (4, 3) at the corners of a tetrahedron inside a lamp."""
    side = radius / math.sqrt(3)
    signs = [(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)]
    return np.array(centre) + side * np.array(signs)


def viewpoint(index: int, count: int) -> np.ndarray:
    """Pose world_from_cam (4, 4), OpenCV axes, of one of `count` photographs along an arc.

    The photographer walks to the right around the table and is no tripod: height, gaze and
    roll wander a little.
    """
    jitter = [2 * float(hashed(11, index, part)) - 1 for part in range(4)]
    angle = math.radians(-3.0 + ARC_STEP_DEG * (index - (count - 1) / 2))
    position = np.array(
        [
            GAZE_M[0] + ARC_RADIUS_M * math.sin(angle),
            GAZE_M[1] - ARC_RADIUS_M * math.cos(angle),
            1.47 + 0.025 * jitter[0],
        ]
    )
    target = np.array(GAZE_M) + 0.03 * np.array([jitter[1], 0.0, jitter[2]])
    roll = math.radians(0.7 * jitter[3])
    down = (math.sin(roll), 0.0, -math.cos(roll))
    pose = np.eye(4)
    x_y_z = axes_from(down, tuple(target - position))
    pose[:3, :3] = np.stack([-x_y_z[:, 1], x_y_z[:, 0], x_y_z[:, 2]], axis=1)
    pose[:3, 3] = position
    return np.round(pose, 12)
