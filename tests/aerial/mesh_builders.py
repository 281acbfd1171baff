"""A block of houses with ground truth: as things for the ray caster, and as a textured mesh."""

from __future__ import annotations

import json
import struct
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

QUADS = 1 + 5 * len(HOUSES)


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
    path.parent.mkdir(parents=True, exist_ok=True)
    _scene(range(QUADS), z_up, np.eye(4)).export(str(path))
    return path


def a_tileset(folder: Path, root_transform: np.ndarray) -> Path:
    """The block as 3D Tiles: a coarse tile, and in its place a b3dm and a tileset of two tiles.

    Args:
        folder: Where to.
        root_transform: (4, 4) from the block's metres, z up, to the tileset's axes.
    """
    (folder / "fine").mkdir(parents=True)
    turned = np.array([[0.0, -1, 0, 5], [1, 0, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1]])
    centre = np.array([1.0, 2.0, 3.0])
    moved = np.eye(4)
    moved[:3, 3] = -centre
    files = {
        "coarse.glb": _glb(range(1), np.eye(4)),
        "fine/first.b3dm": a_b3dm(_glb(range(6), moved @ np.linalg.inv(turned)), centre),
        "fine/second.glb": _glb(range(6, 11), np.eye(4)),
        "fine/third.glb": _glb(range(11, QUADS), np.eye(4)),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    third = a_tile("third.glb", 0.0)
    second = a_tile("second.glb", 1.0, refine="ADD", children=[third])
    write_tileset(folder / "fine" / "second.json", second)
    first = a_tile("fine/first.b3dm", 0.0, transform=turned.T.ravel().tolist())
    children = [first, a_tile("fine/second.json", 1.0)]
    transform = root_transform.T.ravel().tolist()
    root = a_tile("coarse.glb", 20.0, refine="REPLACE", children=children, transform=transform)
    return write_tileset(folder / "tileset.json", root)


def a_tile(uri: str, error_m: float, **others: object) -> dict:
    """A tile of a tileset."""
    box = [0, 0, 7, GROUND_M / 2, 0, 0, 0, GROUND_M / 2, 0, 0, 0, 7]
    volume = {"boundingVolume": {"box": box}}
    return {"content": {"uri": uri}, "geometricError": error_m, **volume, **others}


def write_tileset(path: Path, root: dict) -> Path:
    """A tileset's JSON."""
    path.write_text(json.dumps({"asset": {"version": "1.1"}, "geometricError": 50, "root": root}))
    return path


def a_b3dm(glb: bytes, centre: np.ndarray) -> bytes:
    """A batched model whose positions are relative to a centre."""
    table = json.dumps({"BATCH_LENGTH": 0, "RTC_CENTER": centre.tolist()}).encode()
    table += b" " * (-(28 + len(table)) % 8)
    length = 28 + len(table) + len(glb)
    return struct.pack("<4s6I", b"b3dm", 1, length, len(table), 0, 0, 0) + table + glb


def _glb(numbers, transform: np.ndarray) -> bytes:
    content = _scene(numbers, False, transform).export(file_type="glb")
    assert isinstance(content, bytes)
    return content


def _scene(numbers, z_up: bool, transform: np.ndarray) -> trimesh.Scene:
    """Some sides of the block, moved by a (4, 4) transform."""
    scene = trimesh.Scene()
    half = GROUND_M / 2
    ground = [(-half, -half, 0), (half, -half, 0), (half, half, 0), (-half, half, 0)]
    quads = [ground, *(quad for size, at in HOUSES for quad in _sides(size, at))]
    for number in numbers:
        corners = np.array(quads[number], float) @ transform[:3, :3].T + transform[:3, 3]
        if not z_up:
            corners = corners[:, [0, 2, 1]] * [1, 1, -1]
        scene.add_geometry(_textured(corners, number), f"side{number:02d}")
    return scene


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
