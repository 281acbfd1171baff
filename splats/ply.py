"""3DGS PLY in and out, in the order of the reference implementation; USD and cameras are unknown.

Compressed PLY and SPZ go through gsply, an optional library. SPZ is right-up-back as Niantic's
library stores it, PLY right-down-forward; gsply leaves the axes as they are.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.lib.recfunctions import structured_to_unstructured
from plyfile import PlyData, PlyElement

from .errors import SplatError
from .files import whole_file
from .gaussians import Floats, Gaussians, as_gaussians
from .optional import optional_module
from .turning import turned_about_x

MEANS = ("x", "y", "z")
NORMALS = ("nx", "ny", "nz")
SH0 = ("f_dc_0", "f_dc_1", "f_dc_2")
SCALES = ("scale_0", "scale_1", "scale_2")
QUATS = ("rot_0", "rot_1", "rot_2", "rot_3")

ROW_BYTES = 4 * len((*MEANS, *NORMALS, *SH0, "opacity", *SCALES, *QUATS))
"""Of a Gaussian of degree 0."""

HEADER_BYTES = 8192
READ_BYTES = 2**20

GZIP_MARK = b"\x1f\x8b"
MAX_PACKED_BYTES = 2**31
"""The reader takes the whole file into memory; ten million splats take a third of it."""

MAX_RATIO, FREE_BYTES = 20, 2**26
"""Bytes that a byte of SPZ may unpack to, where bytes of splats unpack to two, and what any file
may."""

SPLAT_FIELDS = (b"property float f_dc_0", b"element chunk ")


def holds_splats(path: Path) -> bool:
    """Whether a file is named or begins as Gaussian splats do, not as a mesh or a point cloud.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    return path.suffix.lower() == ".spz" or any(field in header for field in SPLAT_FIELDS)


def read_splats(path: Path) -> Gaussians:
    """Read a 3DGS PLY; with gsply also SuperSplat's compressed PLY and SPZ.

    SPZ is taken as y-up and comes out y-down as PLY is. Files that were packed without saying
    their axes (`UNSPECIFIED` in Niantic's library) may be y-down already; nothing in them tells.

    Raises:
        SplatError: The file is missing, is no Gaussian splat, or holds values that are not finite.
    """
    if not path.is_file():
        raise SplatError(f"{path}: no such file; give a Gaussian splat PLY")
    if path.suffix.lower() == ".spz":
        _check_spz_size(path)
        return turned_about_x(_read_packed(path, "read_spz", "SPZ"))
    try:
        ply = PlyData.read(path)
        if "chunk" in ply:
            return _read_packed(path, "plyread", "compressed PLY")
        if "vertex" not in ply:
            names = ", ".join(element.name for element in ply)[:200] or "nothing"
            raise SplatError(f"{path}: found {names}, need vertex; give a Gaussian splat PLY")
        return as_gaussians(_from_vertices(ply["vertex"], path), path)
    except SplatError:
        raise
    except Exception as error:  # what damaged headers make of plyfile and numpy is of any kind
        raise SplatError(
            f"{path}: no readable PLY ({_in_one_line(error)}); give a Gaussian splat PLY"
        ) from error


def write_ply(model: object, path: Path) -> None:
    """Write a 3DGS PLY: binary little endian, one element, f_rest channel-major, normals zero.

    No Gaussians give a file of no vertices.

    Args:
        model: See `as_gaussians`.
        path: Where to write; replaced when it is complete.

    Raises:
        SplatError: The model cannot be stored, or the file cannot be written.
    """
    gaussians = as_gaussians(model, path, may_be_empty=True)
    with whole_file(path) as partial, partial.open("wb") as file:
        file.write(_header(gaussians.num_sh_bases, gaussians.num_gaussians))
        file.write(_rows(gaussians).data)


def write_ply_in_parts(parts: Iterable[Gaussians], count: int, path: Path) -> None:
    """Write what `write_ply` writes of many Gaussians without ever holding all of them.

    Args:
        parts: In order, all of degree 0; what it raises leaves no file.
        count: How many Gaussians they have together.
        path: Where to write; replaced when it is complete.

    Raises:
        SplatError: A part cannot be stored, or the file cannot be written.
    """
    header = _header(1, count)
    with whole_file(path) as partial, partial.open("wb") as file:
        file.write(header)
        for part in parts:
            file.write(_rows(as_gaussians(part, path, may_be_empty=True)).data)
        assert file.tell() == len(header) + count * ROW_BYTES, "other parts than said"


def ply_bytes(gaussians: Gaussians) -> bytes:
    """What `write_ply` writes."""
    header = _header(gaussians.num_sh_bases, gaussians.num_gaussians)
    return header + _rows(gaussians).tobytes()


def _header(sh_bases: int, count: int) -> bytes:
    rest = _rest_names(3 * (sh_bases - 1))
    names = (*MEANS, *NORMALS, *SH0, *rest, "opacity", *SCALES, *QUATS)
    vertices = np.broadcast_to(np.zeros(1, [(name, "<f4") for name in names]), count)
    ply = PlyData([PlyElement.describe(vertices, "vertex")], byte_order="<")
    return f"{ply.header}\n".encode()


def _rows(gaussians: Gaussians) -> Floats:
    """(N, fields) as they lie in the file."""
    n = gaussians.num_gaussians
    return np.concatenate(
        [
            gaussians.means,
            np.zeros((n, len(NORMALS)), np.float32),
            gaussians.sh0.reshape(n, 3),
            gaussians.shN.transpose(0, 2, 1).reshape(n, 3 * (gaussians.num_sh_bases - 1)),
            gaussians.logit_opacities[:, None],
            gaussians.log_scales,
            gaussians.quats,
        ],
        axis=1,
        dtype="<f4",
    )


def _rest_names(count: int) -> list[str]:
    return [f"f_rest_{index}" for index in range(count)]


def _from_vertices(vertex: PlyElement, path: Path) -> Gaussians:
    names = {prop.name for prop in vertex.properties}
    rest = sum(name.startswith("f_rest_") for name in names)
    needed = [*MEANS, *SH0, *_rest_names(rest), "opacity", *SCALES, *QUATS]
    missing = [name for name in needed if name not in names]
    if missing or rest % 3:
        found = f"no {missing[0]}" if missing else f"{rest} f_rest fields"
        raise SplatError(
            f"{path}: found {found}, need a Gaussian splat PLY, not a mesh or a point cloud; "
            "export it as 3DGS PLY"
        )
    shN = _columns(vertex, _rest_names(rest)).reshape(vertex.count, 3, rest // 3)
    return Gaussians(
        means=_columns(vertex, MEANS),
        quats=_columns(vertex, QUATS),
        log_scales=_columns(vertex, SCALES),
        logit_opacities=_columns(vertex, ["opacity"])[:, 0],
        sh0=_columns(vertex, SH0)[:, None],
        shN=np.ascontiguousarray(shN.transpose(0, 2, 1)),
    )


def _columns(vertex: PlyElement, names: Sequence[str]) -> Floats:
    if not names:
        return np.zeros((vertex.count, 0), np.float32)
    return structured_to_unstructured(vertex.data[list(names)], dtype=np.float32, copy=True)


def _read_packed(path: Path, reader: str, kind: str) -> Gaussians:
    gsply = optional_module("gsply", f"{path}: {kind}")
    if path.stat().st_size > MAX_PACKED_BYTES:
        raise SplatError(f"{path}: more than {MAX_PACKED_BYTES} bytes, which no {kind} has")
    try:
        packed = getattr(gsply, reader)(path)
    except Exception as error:
        raise SplatError(
            f"{path}: no readable {kind} ({_in_one_line(error)}); export it again"
        ) from error
    n = len(packed.means)
    shN = np.zeros((n, 0, 3), np.float32) if packed.shN is None else packed.shN.reshape(n, -1, 3)
    model = Gaussians(
        means=packed.means,
        quats=packed.quats,
        log_scales=packed.scales,
        logit_opacities=packed.opacities,
        sh0=packed.sh0.reshape(n, 1, 3),
        shN=shN,
    )
    return as_gaussians(model, path)


def _check_spz_size(path: Path) -> None:
    """Refuse a file that unpacks to far more than splats do, without unpacking it into memory.

    Raises:
        SplatError: It does.
        OSError: It cannot be read.
    """
    most = FREE_BYTES + MAX_RATIO * path.stat().st_size
    with path.open("rb") as file:
        if file.read(2) != GZIP_MARK:
            return
        file.seek(0)
        inflater, total = zlib.decompressobj(wbits=31), 0
        while not inflater.eof and (chunk := inflater.unconsumed_tail or file.read(READ_BYTES)):
            try:
                total += len(inflater.decompress(chunk, READ_BYTES))
            except zlib.error:
                return  # damaged, which its reader says
            if total > most:
                raise SplatError(
                    f"{path}: unpacks to more than {most} bytes, which no splats of its size do; "
                    "export it again"
                )


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
