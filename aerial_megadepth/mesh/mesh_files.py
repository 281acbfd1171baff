"""Textured meshes from strangers' files, in metres with z up; who looks at them is not known here.

trimesh parses, and looks for what a file names in its own folder only. A texture that cannot be
read fails the mesh.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import EpsImagePlugin, Image

from renderer.mesh import MeshSurface
from warpset.core.errors import InputError, reason_of
from warpset.core.natural_order import sorted_naturally
from warpset.files.json_files import check_regular, open_regular

from .gltf_extensions import check_extensions
from .tiles import find_tileset, read_tiles

if TYPE_CHECKING:
    import trimesh

MESH_EXTENSIONS = (".glb", ".gltf", ".obj", ".ply")
Y_UP_EXTENSIONS = (".glb", ".gltf")
"""glTF says that y is up; for the others it has to be known, and z is taken."""

Z_FROM_Y_UP = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])

MAX_BYTES = 2**33
MAX_NAMED_BYTES = 2**30
"""Of a texture, or of another file that a mesh names: each is read whole."""

GREY = (150, 150, 150)
SUN = np.array([0.4, -0.5, 0.77])
AMBIENT = 0.55
"""Light that faces without a texture get from everywhere; without the sun they would all be one."""


def find_meshes(path: Path) -> list[Path]:
    """A mesh file, or all of a folder's, in natural order; of 3D Tiles their tileset alone.

    Raises:
        InputError: There is none.
    """
    if tileset := find_tileset(path):
        return [tileset]
    found = [path]
    if path.is_dir():
        listed = (file for file in path.rglob("*") if file.suffix.lower() in MESH_EXTENSIONS)
        found = sorted_naturally(file for file in listed if not file.name.startswith("."))
    if not found or not found[0].is_file() or found[0].suffix.lower() not in MESH_EXTENSIONS:
        raise InputError(f"{path}: found no mesh, need {', '.join(MESH_EXTENSIONS)} or a folder")
    if sum(_size(file) for file in found) > MAX_BYTES:
        raise InputError(f"{path}: found more than {MAX_BYTES} bytes of meshes; take fewer tiles")
    return found


def read_surface(
    path: Path, up: str | None, metres_per_unit: float, max_error_m: float = 0.0
) -> tuple[MeshSurface, NDArray[np.float64]]:
    """Read the mesh of a place.

    Args:
        path: See `find_meshes`.
        up: `y` or `z`; None for what the format says.
        metres_per_unit: Metres a unit of the file.
        max_error_m: See `read_tiles`; for 3D Tiles alone.

    Returns:
        The surface, the middle of its ground at the origin; (3,) metres that were taken off.

    Raises:
        InputError: There is no mesh, it cannot be read, or it has no triangle.
    """
    read = (part for source in _sources(path, up, max_error_m) for part in _parts(source))
    parts = [part for part in read if len(part.faces)]
    if not parts:
        raise InputError(f"{path}: found no triangle, need at least one")
    corners = np.concatenate([part.vertices for part in parts]) * metres_per_unit
    if not np.isfinite(corners).all():
        raise InputError(f"{path}: found a vertex that is no number")
    low, high = corners.min(0), corners.max(0)
    origin = np.array([*((low + high)[:2] / 2), low[2]])
    return _joined(parts, (corners - origin).astype(np.float32)), origin


class _Part:
    """A mesh of one texture, or of none.

    Attributes:
        vertices: (V, 3) float64, z up, in the file's unit.
        faces: (F, 3).
        uv: (F, 3, 2), zeros without a texture.
        rgb: (F, 3) uint8.
        texture: (h, w, 3) uint8, or None.
    """

    def __init__(self, mesh: trimesh.Trimesh, transform: NDArray[np.float64]):
        own = np.asarray(mesh.vertices, np.float64)
        self.vertices = own @ transform[:3, :3].T + transform[:3, 3]
        self.faces = np.asarray(mesh.faces, np.int64)
        visual: Any = mesh.visual
        uv, self.texture = getattr(visual, "uv", None), None
        if uv is not None:
            self.texture = _texture(getattr(visual, "material", None))
        if uv is None or self.texture is None:
            self.uv = np.zeros((*self.faces.shape, 2), np.float32)
        else:
            self.uv = np.asarray(uv, np.float32)[self.faces]
        self.rgb = self._lit(_face_colours(visual, len(self.faces)))

    def _lit(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        corners = self.vertices[self.faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        lengths = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        light = AMBIENT + (1 - AMBIENT) * np.abs(normals / lengths @ (SUN / np.linalg.norm(SUN)))
        return (rgb * light[:, None]).astype(np.uint8)


class _Source(NamedTuple):
    """A mesh that can be parsed.

    Attributes:
        file: Where it was read from.
        opened: Opens its content.
        file_type: Its format.
        transform: (4, 4) from its axes to z up.
    """

    file: Path
    opened: Callable[[], IO[bytes]]
    file_type: str
    transform: NDArray[np.float64]


def _sources(path: Path, up: str | None, max_error_m: float) -> Iterator[_Source]:
    for file in find_meshes(path):
        if file.suffix.lower() in MESH_EXTENSIONS:
            y_is_up = up == "y" or (up is None and file.suffix.lower() in Y_UP_EXTENSIONS)
            turn = Z_FROM_Y_UP if y_is_up else np.eye(4)
            yield _Source(file, partial(open_regular, file), file.suffix[1:].lower(), turn)
            continue
        read_bytes = 0
        for tile in read_tiles(file, max_error_m):
            read_bytes += len(tile.gltf)
            if read_bytes > MAX_BYTES:
                raise InputError(
                    f"{file}: found more than {MAX_BYTES} bytes of tiles; take coarser"
                )
            turn = Z_FROM_Y_UP if (up or tile.up) == "y" else np.eye(4)
            opened = partial(io.BytesIO, tile.gltf)
            yield _Source(tile.file, opened, tile.file_type, tile.transform @ turn)


def _parts(source: _Source) -> Iterator[_Part]:
    trimesh, file = _trimesh(), source.file
    if source.file_type in ("glb", "gltf"):
        with source.opened() as opened:
            check_extensions(file, opened)
    try:
        with source.opened() as opened, _complaints() as complaints:
            scene = trimesh.load_scene(
                opened,
                file_type=source.file_type,
                resolver=_resolver(file.resolve()),
            )
        if complaints:
            raise ValueError(complaints[0])
        for node in sorted(scene.graph.nodes_geometry):
            transform, name = scene.graph[node]
            mesh = scene.geometry[name]
            if isinstance(mesh, trimesh.Trimesh):
                yield _Part(mesh, source.transform @ np.asarray(transform, np.float64))
    except Exception as error:  # trimesh raises whatever its parsers stumble over
        raise InputError(f"{file}: cannot be read as a mesh ({reason_of(error)})") from error


def _resolver(file: Path) -> Any:
    """Finds what a mesh names: regular files in its folder, and nothing above."""
    resolvers = _trimesh().resolvers

    class Resolver(resolvers.FilePathResolver):
        def absolute(self, name: str) -> Path:
            path = super().absolute(name)
            if path.exists() and check_regular(path) > MAX_NAMED_BYTES:
                raise OSError(f"{path.name}: more than {MAX_NAMED_BYTES} bytes")
            return path

    return Resolver(str(file))


def _size(file: Path) -> int:
    try:
        return check_regular(file)
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from error


def _trimesh() -> ModuleType:
    try:
        import trimesh
        import trimesh.resolvers
    except ImportError:
        raise InputError(
            "trimesh is not installed, need it to read meshes; `uv sync --group mesh` or"
            " `pip install 'trimesh>=5'`"
        ) from None
    EpsImagePlugin.gs_binary = False  # PostScript as a texture would run in Ghostscript
    return trimesh


@contextlib.contextmanager
def _complaints() -> Iterator[list[str]]:
    """What trimesh says of errors that it goes on after, such as a texture that it left out."""
    found: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.exc_info and record.exc_info[1]:
                found.append(f"{record.getMessage()}: {record.exc_info[1]}")

    log, collector = logging.getLogger("trimesh"), Collector(logging.DEBUG)
    before, propagated = log.level, log.propagate
    log.addHandler(collector)
    log.setLevel(logging.DEBUG)
    log.propagate = False
    try:
        yield found
    finally:
        log.setLevel(before)
        log.propagate = propagated
        log.removeHandler(collector)


def _texture(material: Any) -> NDArray[np.uint8] | None:
    """A material's picture, over white where it is transparent."""
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if not isinstance(image, Image.Image):
        return None
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return np.array(Image.alpha_composite(white, rgba).convert("RGB"))


def _face_colours(visual: Any, faces: int) -> NDArray[np.uint8]:
    """(F, 3) colours of faces that have no texture."""
    material = getattr(visual, "material", None)
    main = getattr(material, "main_color", None)
    if main is not None:
        return np.tile(np.asarray(main, np.uint8)[:3], (faces, 1))
    colours = np.asarray(getattr(visual, "face_colors", np.empty((0, 4))))
    if len(colours) != faces:
        return np.tile(np.array(GREY, np.uint8), (faces, 1))
    return colours[:, :3].astype(np.uint8)


def _joined(parts: list[_Part], vertices: NDArray[np.float32]) -> MeshSurface:
    firsts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    textures: list[NDArray[np.uint8]] = []
    numbers = []
    for part in parts:
        numbers.append(np.full(len(part.faces), -1 if part.texture is None else len(textures)))
        if part.texture is not None:
            textures.append(part.texture)
    shifted = [part.faces + first for part, first in zip(parts, firsts, strict=False)]
    return MeshSurface(
        vertices,
        np.concatenate(shifted).astype(np.int32),
        np.concatenate([part.uv for part in parts]),
        np.concatenate(numbers).astype(np.int32),
        np.concatenate([part.rgb for part in parts]),
        tuple(textures),
    )
