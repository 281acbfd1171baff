"""The project's renderer inside the pack; points, cameras and sockets are unknown.

The renderer's modules import each other by their plain names, which another pack may have taken,
and Warp names what it compiles after the module, which within the pack would be a path. So they
load under names of this pack's own, and have the plain ones only while they load.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
MODULES = ("splat_kernels", "fill_kernels", "kernel_launcher", "hole_filling_renderer")
"""Each after those that it imports."""

OWN = "vggt_dataset_builder_"


def _renderer_module() -> ModuleType:
    """The last of the modules; all are loaded unless they are there already."""
    last = sys.modules.get(OWN + MODULES[-1])
    if last is None or not _is_of_this_pack(last):
        with _plain_names_lent():
            last = [_load(name) for name in MODULES][-1]
    return last


def _is_of_this_pack(module: ModuleType) -> bool:
    return module.__file__ is not None and Path(module.__file__).parent == ROOT


@contextmanager
def _plain_names_lent() -> Iterator[None]:
    """Whoever has the plain names has them back afterwards."""
    others = {name: sys.modules.pop(name) for name in MODULES if name in sys.modules}
    try:
        yield
    finally:
        for name in MODULES:
            sys.modules.pop(name, None)
        sys.modules.update(others)


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(OWN + name, ROOT / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module


if TYPE_CHECKING:
    from ..hole_filling_renderer import HoleFillingRenderer as HoleFillingRenderer
else:
    HoleFillingRenderer = _renderer_module().HoleFillingRenderer
