"""Arrays of pickled objects in npy files, read without running anything that the pickle names.

The names that numpy's own arrays and strings need become inert stand-ins; every other name is
refused.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any

from numpy.lib import format as npy_format


def read_objects(npy: bytes) -> list[Any]:
    """The objects of a pickled array, flat; one for an array without dimensions.

    Args:
        npy: Content of a `.npy` file whose type is `object`.

    Raises:
        ValueError: It is no such file.
        pickle.UnpicklingError: It names something else than numpy's arrays and strings, or asks
            for more memory than it fills. A broken one also raises what pickle raises.
    """
    file = io.BytesIO(npy)
    if npy_format.read_magic(file) != (1, 0):
        raise ValueError("an unknown version of the npy format")
    _, _, dtype = npy_format.read_array_header_1_0(file)
    if not dtype.hasobject:
        raise ValueError("an array without pickled objects")
    pickled = file.read()
    _refuse_oversized_memo(pickled)
    array = _InertUnpickler(io.BytesIO(pickled)).load()
    if not isinstance(array, _InertArray):
        raise ValueError("no pickled array")
    return array.objects


def _refuse_oversized_memo(pickled: bytes) -> None:
    """The memo of an honest pickle has no slot beyond its instructions; others fill the memory."""
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name.endswith("PUT") and int(argument or 0) > len(pickled):
            raise pickle.UnpicklingError("a pickle that asks for more memory than it fills")


class _InertArray:
    """What an array of numpy is unpickled to: its objects, and nothing of numpy runs."""

    def __init__(self) -> None:
        self.objects: list[Any] = []

    def __setstate__(self, state: Any) -> None:
        if len(state) == 5 and isinstance(state[4], list):
            self.objects = state[4]


class _InertDtype:
    """What a dtype of numpy is unpickled to."""

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _inert_string(_dtype: _InertDtype, raw: bytes) -> str:
    """What a string of numpy (`str_`) is unpickled to."""
    return raw.decode("utf-32-le").rstrip("\0")


class _InertUnpickler(pickle.Unpickler):
    """An unpickler that knows numpy's arrays and strings and calls nothing of numpy's."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name of numpy's; every other name is an `UnpicklingError`."""
        stand_ins: dict[str, Any] = {
            "multiarray._reconstruct": lambda *_: _InertArray(),
            "multiarray.scalar": _inert_string,
            "ndarray": _InertArray,
            "dtype": _InertDtype,
        }
        own_name = f"{module}.{name}"
        for package in ("numpy.core.", "numpy._core.", "numpy."):
            if stand_in := stand_ins.get(own_name.removeprefix(package)):
                return stand_in
        raise pickle.UnpicklingError(f"a pickled {own_name}, which could run code")
