"""ScanNet scenes as its SensReader exports them: `color/ depth/ pose/ intrinsic/`.

https://github.com/ScanNet/ScanNet (SensReader): poses are camera-to-world with OpenCV axes, not
finite where tracking was lost; depth is in millimetres, of 640x480 beside photos of 1296x968.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ...core.cameras import invert_rigid
from ...core.lens import Lens
from ...core.natural_order import sorted_naturally
from ...files.photos import upright_size
from ..listed_paths import existing_file, existing_photo
from ..recording import Reader, RecordedFrame, Recording, collected, recorded_frame
from ..text_tables import read_matrix

INTRINSICS = "intrinsic/intrinsic_color.txt"


def find_scannet(scene: Path) -> Path | None:
    """The scene's intrinsics where photos and poses lie beside them, or None."""
    is_export = (scene / "color").is_dir() and (scene / "pose").is_dir()
    return existing_file([scene / INTRINSICS]) if is_export else None


def read_scannet(scene: Path, origin: Path) -> Recording:
    """Read an exported ScanNet scene.

    Raises:
        InputError: Its intrinsics cannot be read.
    """
    K = read_matrix(origin, 4)
    params = (K[0, 0], K[1, 1], K[0, 2], K[1, 2])
    poses = sorted_naturally((scene / "pose").glob("*.txt"))
    return collected(
        scene, origin, ((pose, partial(_frame, scene, pose, params)) for pose in poses)
    )


def _frame(scene: Path, pose: Path, params: tuple[float, ...]) -> RecordedFrame | None:
    path = existing_photo([scene / "color" / pose.stem])
    if path is None:
        return None
    lens = Lens("PINHOLE", tuple(float(value) for value in params), upright_size(path))
    frame = recorded_frame(path, lens, invert_rigid(read_matrix(pose, 4)))
    return frame._replace(depth_path=existing_file([scene / "depth" / f"{pose.stem}.png"]))


READER = Reader("ScanNet", find_scannet, read_scannet)
