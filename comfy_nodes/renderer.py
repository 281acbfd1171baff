"""The project's renderer inside the pack; points, cameras and sockets are unknown.

The renderer's modules load under their plain names: they import each other by these, and Warp names
what it compiles after the module, which within the pack would be a path.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]


def _plainly_named(name: str) -> ModuleType:
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, ROOT / f"{name}.py")
        assert spec is not None and spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


if TYPE_CHECKING:
    from ..hole_filling_renderer import HoleFillingRenderer as HoleFillingRenderer
else:
    for dependency in ("splat_kernels", "fill_kernels", "kernel_launcher"):
        _plainly_named(dependency)
    HoleFillingRenderer = _plainly_named("hole_filling_renderer").HoleFillingRenderer
