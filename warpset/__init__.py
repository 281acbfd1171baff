"""The corridor from photos to training pairs; this is its public face.

    from warpset import BuildOptions, build_scene, read_pairs

What a name stands for is imported when it is first asked for, so that whoever exports pairs loads
neither networks nor a renderer. `read_pairs` is `trainers.pair_selection.find_pairs`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .building.options import BuildOptions
    from .building.pipeline import Backends, build_scene
    from .building.warping import Warper
    from .core.cameras import Camera
    from .recordings.registry import read_recording, recorded_geometry
    from .trainers.export import export_pairs
    from .trainers.pair_selection import find_pairs as read_pairs

__all__ = [
    "Backends",
    "BuildOptions",
    "Camera",
    "Warper",
    "build_scene",
    "export_pairs",
    "read_pairs",
    "read_recording",
    "recorded_geometry",
]

_HOMES = {
    "Backends": ".building.pipeline:Backends",
    "BuildOptions": ".building.options:BuildOptions",
    "Camera": ".core.cameras:Camera",
    "Warper": ".building.warping:Warper",
    "build_scene": ".building.pipeline:build_scene",
    "export_pairs": ".trainers.export:export_pairs",
    "read_pairs": ".trainers.pair_selection:find_pairs",
    "read_recording": ".recordings.registry:read_recording",
    "recorded_geometry": ".recordings.registry:recorded_geometry",
}


def __getattr__(name: str) -> Any:
    """One of the public names, imported now."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _HOMES[name].partition(":")
    return getattr(import_module(module, __name__), attribute)
