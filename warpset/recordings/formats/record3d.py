"""Record3D's unpacked `.r3d`: `metadata` and `rgbd/<n>.jpg`, `.depth`, `.conf`.

An `.r3d` is a zip. `metadata` is JSON: `K` column by column for photos of `w`x`h`, `poses` as
(qx, qy, qz, qw, x, y, z) camera-to-world with OpenGL axes; depth is float32 metres of `dw`x`dh`,
confidence 0, 1 or 2, both compressed (https://record3d.app, nerfstudio's `record3d_utils.py`).
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...core.cameras import cam_from_world_from_opengl, world_from_cam_from_quaternion
from ...core.errors import InputError
from ...core.lens import Lens
from ...core.natural_order import sorted_naturally
from ..listed_paths import existing_file
from ..lzfse_files import read_lzfse
from ..recording import Reader, RecordedFrame, Recording, collected, recorded_frame
from .transforms_json import read_json

LIDAR_WH = (256, 192)
"""Size of depth where `metadata` does not say it."""


class Metadata(NamedTuple):
    """What is read of `metadata`.

    Attributes:
        lenses: Of the photos; each frame's own where they are told.
        poses: (n, 7) quaternion (x, y, z, w) and position.
        depth_hw: Height and width of depth.
    """

    lenses: list[Lens]
    poses: np.ndarray
    depth_hw: tuple[int, int]


def find_record3d(scene: Path) -> Path | None:
    """The scene's `metadata`, or None."""
    return existing_file([scene / "metadata"]) if (scene / "rgbd").is_dir() else None


def read_record3d(scene: Path, origin: Path) -> Recording:
    """Read an unpacked Record3D recording.

    Raises:
        InputError: Its `metadata` cannot be read.
    """
    metadata = _metadata(origin, read_json(origin))
    photos = sorted_naturally(p for p in (scene / "rgbd").glob("*.jpg") if p.stem.isdecimal())
    return collected(scene, origin, ((path, partial(_frame, path, metadata)) for path in photos))


def _metadata(origin: Path, fields: Any) -> Metadata:
    try:
        size_wh = (int(fields["w"]), int(fields["h"]))
        K = np.array(fields["K"], np.float64).reshape(3, 3).T
        poses = np.array(fields["poses"], np.float64).reshape(-1, 7)
        own = fields.get("perFrameIntrinsicCoeffs") or []
        params = [tuple(float(value) for value in row[:4]) for row in own]
        width = int(fields.get("dw") or LIDAR_WH[0])
        height = int(fields.get("dh") or LIDAR_WH[1])
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{origin}: found no Record3D metadata in it ({error!r})") from error
    if len(params) != len(poses):
        params = [(K[0, 0], K[1, 1], K[0, 2], K[1, 2])] * len(poses)
    lenses = [Lens("PINHOLE", tuple(map(float, values)), size_wh) for values in params]
    return Metadata(lenses, poses, (height, width))


def _frame(path: Path, metadata: Metadata) -> RecordedFrame:
    index = int(path.stem)
    if index >= len(metadata.poses):
        raise InputError(f"{path}: metadata has {len(metadata.poses)} poses only; left out")
    pose = metadata.poses[index]
    world_from_cam = world_from_cam_from_quaternion(pose[:4], pose[4:])
    frame = recorded_frame(path, metadata.lenses[index], cam_from_world_from_opengl(world_from_cam))
    return frame._replace(
        depth_path=existing_file([path.with_suffix(".depth")]),
        confidence_path=existing_file([path.with_suffix(".conf")]),
        read_stored=partial(read_lzfse, shape_hw=metadata.depth_hw, dtype=np.float32),
        read_confidence=partial(read_lzfse, shape_hw=metadata.depth_hw, dtype=np.uint8),
    )


READER = Reader("Record3D", find_record3d, read_record3d)
