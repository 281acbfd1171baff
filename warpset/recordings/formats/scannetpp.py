"""ScanNet++ DSLR scenes: nerfstudio files whose photos and masks lie in folders beside.

https://scannetpp.mlsg.cit.tum.de/scannetpp/documentation: `dslr/nerfstudio/transforms.json` is for
the fisheye photos in `dslr/resized_images`, `transforms_undistorted.json` for those that the
toolbox undistorts; masks are black where something was made anonymous; the toolbox renders depth
into `dslr/render_depth` (16-bit PNG, mm).
"""

from __future__ import annotations

from pathlib import Path

from ..recording import Reader, Recording
from .transforms_json import Layout, read_transforms

# By file of cameras: its photos and masks.
FOLDERS = {
    "transforms_undistorted.json": ("resized_undistorted_images", "resized_undistorted_masks"),
    "transforms.json": ("resized_images", "resized_anon_masks"),
}


def find_scannetpp(scene: Path) -> Path | None:
    """The scene's file of cameras whose photos are there, or None."""
    for base in (scene / "dslr", scene):
        for name, (photos, _) in FOLDERS.items():
            if (base / photos).is_dir() and (origin := base / "nerfstudio" / name).is_file():
                return origin
    return None


def read_scannetpp(scene: Path, origin: Path) -> Recording:
    """Read a ScanNet++ scene.

    Raises:
        InputError: See `read_transforms`.
    """
    photos, masks = FOLDERS[origin.name]
    base = origin.parent.parent.relative_to(scene).as_posix()
    layout = Layout(f"{base}/{photos}", f"{base}/{masks}", f"{base}/render_depth")
    return read_transforms(scene, origin, layout)


READER = Reader("ScanNet++", find_scannetpp, read_scannetpp)
