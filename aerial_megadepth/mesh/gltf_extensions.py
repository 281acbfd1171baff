"""Which glTF files would be read wrong, by the extensions that they name; no mesh is parsed.

After glTF 2.0: what a file requires, a reader must know. Two that it may only use change what is
seen as well.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from warpset.core.errors import InputError, reason_of

HARMLESS = {"KHR_materials_unlit"}
"""May be required of a reader: without them shape and textures are right."""

DRACO = "KHR_draco_mesh_compression"
INSTANCING = "EXT_mesh_gpu_instancing"
TEXTURE_TRANSFORM = "KHR_texture_transform"

MAX_JSON_BYTES = 2**28
GLB_HEADER = struct.Struct("<4s4I")
"""Magic, version and length of the file; then length and type of its first chunk, the JSON."""


def check_extensions(file: Path, opened: IO[bytes]) -> None:
    """Refuse a glTF that needs what is not known here.

    Args:
        file: What the error names.
        opened: The content of a `.glb` or `.gltf`.

    Raises:
        InputError: It names such an extension, or its JSON cannot be read.
    """
    try:
        gltf = _read_json(opened)
        required = {str(name) for name in gltf.get("extensionsRequired", [])}
        unknown = sorted({*(required - _known()), *_changing(gltf)})
    except (struct.error, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{file}: cannot be read as a mesh ({reason_of(error)})") from error
    if unknown:
        way_on = "; `pip install DracoPy`" if unknown == [DRACO] else ""
        raise InputError(f"{file}: needs the glTF extension {unknown[0]}, not known here{way_on}")


def _known() -> set[str]:
    return HARMLESS | ({DRACO} if find_spec("DracoPy") else set())


def _changing(gltf: Mapping[str, Any]) -> Iterator[str]:
    """Extensions that a file only uses, and that change what is seen."""
    if INSTANCING in gltf.get("extensionsUsed", []):
        yield INSTANCING
    for material in gltf.get("materials", []):
        texture = material.get("pbrMetallicRoughness", {}).get("baseColorTexture", {})
        if texture.get("extensions", {}).get(TEXTURE_TRANSFORM):  # an empty one moves nothing
            yield TEXTURE_TRANSFORM


def _read_json(opened: IO[bytes]) -> Mapping[str, Any]:
    """The JSON of a glTF file, text or binary."""
    begun = opened.read(GLB_HEADER.size)
    if begun[:4] == b"glTF":
        _, _, _, length, _ = GLB_HEADER.unpack(begun)
        begun = b""
    else:
        length = MAX_JSON_BYTES
    return json.loads(begun + opened.read(min(length, MAX_JSON_BYTES)))
