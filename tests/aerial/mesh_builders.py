"""A block of houses with ground truth: as things for the ray caster, and as a textured mesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from PIL import Image
from raycaster import Thing
from shapes import Box, Rectangle

from tests.aerial.chain_builders import weathered

GROUND_M = 80.0
HOUSES = [
    ((12.0, 9.0, 8.0), (-14.0, 6.0)),
    ((8.0, 14.0, 14.0), (15.0, 12.0)),
    ((10.0, 7.0, 6.0), (6.0, -16.0)),
]
"""Sizes and places, metres; the ground is z = 0."""


def a_block() -> list[Thing]:
    """The block for the ray caster."""
    grey = weathered("#c9bfa8", "#4d4436", 1)
    ground = Thing(Rectangle((GROUND_M, GROUND_M)), grey, (0.0, 0.0, 0.0))
    houses = [Thing(Box(size), grey, (*at, size[2] / 2)) for size, at in HOUSES]
    return [ground, *houses]


def a_block_mesh(path: Path, z_up: bool) -> Path:
    """The block as a file, a picture of noise on every side of everything.

    Args:
        path: Where to; its suffix says the format.
        z_up: Whether z is up in the file, else y.
    """
    scene = trimesh.Scene()
    half = GROUND_M / 2
    ground = [(-half, -half, 0), (half, -half, 0), (half, half, 0), (-half, half, 0)]
    quads = [ground, *(quad for size, at in HOUSES for quad in _sides(size, at))]
    for number, quad in enumerate(quads):
        corners = np.array(quad, float)
        if not z_up:
            corners = corners[:, [0, 2, 1]] * [1, 1, -1]
        scene.add_geometry(_textured(corners, number), f"side{number:02d}")
    path.parent.mkdir(parents=True, exist_ok=True)
    scene.export(str(path))
    return path


def _sides(size, at):
    """The four walls and the roof of a house, seen from outside anticlockwise."""
    (x, y), (width, depth, height) = at, size
    west, east, south, north = x - width / 2, x + width / 2, y - depth / 2, y + depth / 2
    around = [(west, south), (east, south), (east, north), (west, north)]
    for n in range(4):
        (a, b), (c, d) = around[n], around[(n + 1) % 4]
        yield [(a, b, 0), (c, d, 0), (c, d, height), (a, b, height)]
    yield [(*corner, height) for corner in around]


def _textured(corners: np.ndarray, seed: int) -> trimesh.Trimesh:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(60, 255, (16, 16, 3), np.uint8)).resize((256, 256))
    fine = rng.integers(-50, 50, (64, 64, 1)).repeat(4, 0).repeat(4, 1)
    picture = Image.fromarray((np.asarray(coarse).astype(int) + fine).clip(0, 255).astype(np.uint8))
    material = trimesh.visual.material.PBRMaterial(
        baseColorTexture=picture, name=f"material{seed:02d}"
    )
    uv = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)
    visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    faces = [[0, 1, 2], [0, 2, 3]]
    return trimesh.Trimesh(corners, faces, visual=visual, process=False)
