"""Arrays that Apple's LZFSE compresses, as Record3D writes depth; liblzfse decompresses them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..core.errors import InputError
from ..files.json_files import open_regular

END = b"bvx$"
HEADS = {b"bvx-": struct.Struct("<4sI"), b"bvxn": struct.Struct("<4sII")}
LZFSE_HEAD = struct.Struct("<4sIQQQ")
TWENTY_BITS = (1 << 20) - 1

MAX_GROWTH, HEAD_BYTES = 2, 2**16
"""More than compression ever adds to an array; a file may be no larger."""


def read_lzfse(path: Path, shape_hw: tuple[int, int], dtype: DTypeLike) -> NDArray:
    """The array (h, w) that a file holds.

    Raises:
        InputError: The file is missing, holds another number of values, or liblzfse is missing.
    """
    try:
        import liblzfse
    except ImportError as error:
        raise InputError(f"{path}: needs pyliblzfse, which is not installed") from error
    wanted = shape_hw[0] * shape_hw[1] * np.dtype(dtype).itemsize
    try:
        with open_regular(path) as file:
            content = file.read(MAX_GROWTH * wanted + HEAD_BYTES)
        announced = _announced_bytes(content)
        if announced != wanted:
            raise ValueError(f"it announces {announced} bytes, need {wanted}")
        return np.frombuffer(liblzfse.decompress(content), dtype).reshape(shape_hw)
    except FileNotFoundError:
        raise InputError(f"{path}: file is missing") from None
    except (OSError, ValueError, struct.error, liblzfse.error) as error:
        raise InputError(f"{path}: cannot be decompressed ({error})") from error


def _announced_bytes(content: bytes) -> int:
    """How large its blocks say they become, so that no bomb is unpacked.

    Block heads as in lzfse's `src/lzfse_internal.h`: raw (`bvx-`), LZVN (`bvxn`), LZFSE (`bvx2`).
    """
    total, position = 0, 0
    while content[position : position + 4] != END:
        magic = content[position : position + 4]
        if magic == b"bvx2":
            _, raw, first, second, third = LZFSE_HEAD.unpack_from(content, position)
            literals, rest = first >> 20 & TWENTY_BITS, second >> 40 & TWENTY_BITS
            position += (third & 0xFFFFFFFF) + literals + rest
        elif magic in HEADS:
            _, raw, *payload = HEADS[magic].unpack_from(content, position)
            position += HEADS[magic].size + (payload[0] if payload else raw)
        else:
            raise ValueError("no LZFSE block")
        total += raw
    return total
