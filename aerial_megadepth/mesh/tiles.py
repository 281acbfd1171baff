"""3D Tiles in a folder: which tiles of a tree are taken, and where each lies; no mesh is parsed.

After OGC 22-025r4, "3D Tiles Specification 1.1". A tile's geometric error, in metres, is how far it
is from the true surface. What a tileset names is read from its own folder only.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import numpy as np
from numpy.typing import NDArray

from warpset.core.errors import InputError, reason_of
from warpset.files.json_files import check_regular

from ..earth.earth_models import WGS84_FLATTENING, ecef_from_geographic, enu_from_ecef_rotation

TILESET = "tileset.json"
MAX_TILES = 10**6
MAX_JSON_BYTES = 2**26
"""JSON takes up to fifty times its size in memory."""

MAX_TILE_BYTES = 2**30

B3DM_HEADER = struct.Struct("<4s6I")
"""Magic, version and length; then the lengths of the JSON and the binary of two tables."""

ON_EARTH_M = 10**6
"""A tileset whose middle is farther from the origin than this lies in earth-centred axes."""


class Tile(NamedTuple):
    """A mesh of a tileset.

    Attributes:
        file: Where it was read from.
        gltf: The content of a glTF file.
        file_type: `glb` or `gltf`.
        transform: (4, 4) from the mesh with its z up to metres, z up.
        up: The mesh's axis that is the tile's z, `y` or `z`.
    """

    file: Path
    gltf: bytes
    file_type: str
    transform: NDArray[np.float64]
    up: str


def find_tileset(path: Path) -> Path | None:
    """The tileset that a file or a folder is; None if it is none.

    Raises:
        InputError: A folder holds tilesets in its sub-folders alone.
    """
    if path.suffix.lower() == ".json" and path.is_file():
        return path
    if (path / TILESET).is_file():
        return path / TILESET
    if path.is_dir() and (below := sorted(path.rglob(TILESET))):
        raise InputError(f"{path}: found {len(below)} tilesets, need one; give {below[0].parent}")
    return None


def read_tiles(tileset: Path, max_error_m: float) -> Iterator[Tile]:
    """The tiles that show a place once, from coarse to fine no farther than is asked for.

    Args:
        tileset: Its JSON.
        max_error_m: The coarsest tiles with at most this geometric error; 0 for the finest.

    Raises:
        InputError: Something of it cannot be read or is not known, or leads out of its folder.
    """
    folder = tileset.parent.resolve()
    top = _read_tileset(tileset, ())
    waiting = [_Node(top.root, top, _upright(top), "REPLACE")]
    for _ in range(MAX_TILES):
        if not waiting:
            return
        node = waiting.pop()
        children = node.children(folder)
        meshes = node.meshes(folder)
        is_enough = not children or (bool(meshes) and node.error_m <= max_error_m)
        if is_enough or node.refine == "ADD":
            for file in meshes:
                yield _read_tile(file, node)
        if not is_enough:
            waiting.extend(reversed(children))
    raise InputError(f"{tileset}: found more than {MAX_TILES} tiles; take a part of it")


class _Tileset(NamedTuple):
    """A tileset's file.

    Attributes:
        file: Where it lies.
        root: The JSON of its root tile.
        up: The axis of its meshes that is up.
        led_by: It, and the files that lead to it.
    """

    file: Path
    root: Mapping[str, Any]
    up: str
    led_by: tuple[Path, ...]


@dataclass(frozen=True)
class _Node:
    """A tile of the tree.

    Attributes:
        tile: Its JSON.
        tileset: What it stands in.
        parent: (4, 4) from the axes of what it stands in to metres, z up.
        inherited: What its parent says of refinement.
    """

    tile: Mapping[str, Any]
    tileset: _Tileset
    parent: NDArray[np.float64]
    inherited: str

    @property
    def refine(self) -> str:
        """`ADD` where children are drawn besides, `REPLACE` where in its place."""
        return str(self.tile.get("refine", self.inherited)).upper()

    @property
    def error_m(self) -> float:
        """Its geometric error."""
        return float(_numbers(self.tileset.file, [self.tile.get("geometricError")], 1)[0])

    @property
    def transform(self) -> NDArray[np.float64]:
        """(4, 4) from the tile's axes to metres, z up; written column by column."""
        if "transform" not in self.tile:
            return self.parent
        own = _numbers(self.tileset.file, self.tile["transform"], 16)
        return self.parent @ own.reshape(4, 4).T

    def children(self, folder: Path) -> list[_Node]:
        """Its children, among them the roots of the tilesets that are its content."""
        if "implicitTiling" in self.tile:
            where = self.tileset.file
            raise InputError(f"{where}: implicit tiling cannot be read; write its tiles out")
        found = [
            _Node(child, self.tileset, self.transform, self.refine)
            for child in _objects(self.tileset.file, self.tile.get("children", []))
        ]
        for file in self._contents(folder):
            if file.suffix.lower() == ".json":
                inner = _read_tileset(file, self.tileset.led_by)
                found.append(_Node(inner.root, inner, self.transform, self.refine))
        return found

    def meshes(self, folder: Path) -> list[Path]:
        """The files of its own meshes."""
        return [file for file in self._contents(folder) if file.suffix.lower() != ".json"]

    def _contents(self, folder: Path) -> list[Path]:
        where = self.tileset.file
        single = [self.tile["content"]] if "content" in self.tile else []
        contents = [*single, *_objects(where, self.tile.get("contents", []))]
        return [
            _inside(folder, where, str(content.get("uri", content.get("url"))))
            for content in _objects(where, contents)
        ]


def _read_tileset(file: Path, led_by: tuple[Path, ...]) -> _Tileset:
    """A tileset to which these lead."""
    if file.resolve() in led_by:
        raise InputError(f"{file}: leads back to itself")
    try:
        if check_regular(file) > MAX_JSON_BYTES:
            raise ValueError(f"more than {MAX_JSON_BYTES} bytes")
        content = json.loads(file.read_bytes())
        up = str(content.get("asset", {}).get("gltfUpAxis", "y")).lower()
        if up not in ("y", "z"):
            raise ValueError(f"gltfUpAxis {up}, need Y or Z")
        return _Tileset(file, dict(content["root"]), up, (*led_by, file.resolve()))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise InputError(f"{file}: cannot be read as a tileset ({reason})") from error


def _inside(folder: Path, tileset: Path, uri: str) -> Path:
    """The file that a tileset names, which has to lie in a folder."""
    parts = urlsplit(uri)
    path = Path(os.path.realpath(tileset.parent / unquote(parts.path)))
    if parts.scheme or parts.netloc or not path.is_relative_to(folder):
        raise InputError(f"{tileset}: {uri} lies outside of the tileset's folder; it is not read")
    if not path.is_file():
        raise InputError(f"{tileset}: found no {uri}, need all tiles that it names")
    return path


def _objects(tileset: Path, listed: object) -> Sequence[Mapping[str, Any]]:
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise InputError(f"{tileset}: found children or contents that are no list of objects")
    return listed


def _numbers(tileset: Path, listed: object, count: int) -> NDArray[np.float64]:
    try:
        numbers = np.array(listed, np.float64)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise InputError(f"{tileset}: found {str(listed)[:60]}, need {count} numbers")
    return numbers


def _upright(tileset: _Tileset) -> NDArray[np.float64]:
    """(4, 4) from earth-centred axes to east, north and up at the tileset's middle, if it has them.

    The geodetic latitude is that of a point on WGS84's ellipsoid below, which a kilometre of height
    puts off by less than 1e-6 of a radian.
    """
    middle = _middle(tileset)
    if np.linalg.norm(middle) < ON_EARTH_M:
        return np.eye(4)
    across = math.hypot(middle[0], middle[1])
    latitude = math.degrees(math.atan2(middle[2], across * (1 - WGS84_FLATTENING) ** 2))
    turn = enu_from_ecef_rotation(latitude, math.degrees(math.atan2(middle[1], middle[0])))
    upright = np.eye(4)
    upright[:3, :3], upright[:3, 3] = turn, -turn @ middle
    return upright


def _middle(tileset: _Tileset) -> NDArray[np.float64]:
    """The middle of a root tile's bounding volume: box, sphere, or region in radians."""
    (volume,) = _objects(tileset.file, [tileset.root.get("boundingVolume")])
    if "region" in volume:
        west, south, east, north, *_ = np.degrees(_numbers(tileset.file, volume["region"], 6))
        return ecef_from_geographic((south + north) / 2, (west + east) / 2, 0.0, "wgs84")
    name, count = ("box", 12) if "box" in volume else ("sphere", 4)
    middle = _numbers(tileset.file, volume.get(name), count)[:3]
    own = _Node(tileset.root, tileset, np.eye(4), "").transform
    return own[:3, :3] @ middle + own[:3, 3]


def _read_tile(file: Path, node: _Node) -> Tile:
    if file.stat().st_size > MAX_TILE_BYTES:
        raise InputError(f"{file}: found more than {MAX_TILE_BYTES} bytes, need a tile of fewer")
    content, centre = file.read_bytes(), np.zeros(3)
    if content[:4] == b"b3dm":
        content, centre = _without_b3dm(file, content)
    file_type = "glb" if content[:4] == b"glTF" else "gltf"
    if file_type == "gltf" and file.suffix.lower() != ".gltf":
        raise InputError(f"{file}: found {content[:4]!r}, need a tile of type b3dm, glb or gltf")
    moved = np.eye(4)
    moved[:3, 3] = centre
    return Tile(file, content, file_type, node.transform @ moved, node.tileset.up)


def _without_b3dm(file: Path, content: bytes) -> tuple[bytes, NDArray[np.float64]]:
    """The glTF in a batched model, and the (3,) point that its positions are relative to."""
    try:
        *_, features, features_binary, batch, batch_binary = B3DM_HEADER.unpack_from(content)
        start = B3DM_HEADER.size
        table = json.loads(content[start : start + features] or b"{}")
    except (struct.error, ValueError, RecursionError) as error:
        raise InputError(f"{file}: cannot be read as a b3dm ({reason_of(error)})") from error
    centre = table.get("RTC_CENTER", [0, 0, 0]) if isinstance(table, dict) else None
    gltf = content[start + features + features_binary + batch + batch_binary :]
    return gltf, _numbers(file, centre, 3)
