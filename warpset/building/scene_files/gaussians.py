"""All frames' points of a scene as one cloud of bounded size, and its file; no views, no pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.cameras import Camera, up_of
from ...core.points import PointCloud
from ...files.writing import write_atomically
from .record import SceneFileRecord

SCENE_GAUSSIANS_NAME = "scene_gaussians.ply"
SCENE_GAUSSIANS_RECORD = "scene_gaussians.json"

MAX_POINTS = 4_000_000
"""A scene with more is thinned until it fits: 270 MB of PLY, what viewers still open."""

CELL_KEY_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64
)
"""Odd 64-bit numbers that spread x, y, z and level of a cell over one key."""


class SceneCloud:
    """Points of many frames, one for each cell of space.

    A cell is as large as the footprint of its point, to the next lower power of two, so that a
    surface seen by many frames is kept once for each scale it was seen at. Where that leaves too
    many points, cells grow, and footprints with them.

    Args:
        max_points: The most points that are kept.
    """

    def __init__(self, max_points: int = MAX_POINTS):
        self._max_points = max_points
        self._minimum_cell = 0.0
        self._parts: list[tuple[NDArray, ...]] = []
        self._keys = np.empty(0, np.uint64)

    def __len__(self) -> int:
        """Number of points so far."""
        return len(self._keys)

    def add(self, cloud: PointCloud) -> None:
        """Add a frame's points where no earlier frame has any."""
        self._append(cloud)
        while len(self) > self._max_points:
            whole = self.merged()
            assert whole.footprint is not None, "was given with every frame"
            self._minimum_cell = 2 * max(self._minimum_cell, float(np.median(whole.footprint)))
            self._parts, self._keys = [], np.empty(0, np.uint64)
            self._append(whole)

    def _append(self, cloud: PointCloud) -> None:
        assert cloud.footprint is not None, "lifted clouds know their pixels"
        keys, first = np.unique(self._cells(cloud.xyz_world, cloud.footprint), return_index=True)
        # sorted: the table of numpy 2.0 fails on keys of 64 bits
        is_new = ~np.isin(keys, self._keys, assume_unique=True, kind="sort")
        chosen = np.sort(first[is_new])
        trusted = np.full(len(cloud.xyz_world), np.inf, np.float32)
        confidence = trusted if cloud.confidence is None else cloud.confidence
        footprint = np.maximum(cloud.footprint, np.float32(self._minimum_cell))
        fields = (cloud.xyz_world, cloud.rgb, confidence, footprint)
        self._parts.append(tuple(values[chosen] for values in fields))
        self._keys = np.concatenate([self._keys, keys[is_new]])

    def _cells(
        self, xyz_world: NDArray[np.float32], footprint: NDArray[np.float32]
    ) -> NDArray[np.uint64]:
        """(n,) keys of the cells that points lie in."""
        level = np.floor(np.log2(np.maximum(footprint, max(self._minimum_cell, 1e-30))))
        cell = np.floor(xyz_world.astype(np.float64) / np.exp2(level)[:, None])
        index = np.column_stack([cell, level]).astype(np.int64).view(np.uint64)
        return (index * CELL_KEY_FACTORS).sum(axis=1, dtype=np.uint64)

    def merged(self) -> PointCloud:
        """The points so far, at least one; their confidence is infinite where depth has none."""
        xyz_world, rgb, confidence, footprint = (
            np.concatenate(values) for values in zip(*self._parts, strict=True)
        )
        return PointCloud(xyz_world, rgb, confidence, footprint)


class SceneGaussiansFile:
    """The scene's splats on disk, and the record, written last, of what they were made from.

    Args:
        folder: The folder of the scene's pairs.
        made_from: Everything that decides the content, JSON-serialisable.
    """

    def __init__(self, folder: Path, made_from: Mapping[str, Any]):
        self._folder = folder
        self._record = SceneFileRecord(folder / SCENE_GAUSSIANS_RECORD, made_from, found=("up",))

    def is_done(self) -> bool:
        """Whether the file is there and was made from the same."""
        return (self._folder / SCENE_GAUSSIANS_NAME).is_file() and self._record.is_kept()

    def write(
        self,
        cloud: PointCloud,
        gaussian_ply: Callable[[PointCloud], bytes],
        is_whole: bool,
        cameras: Sequence[Camera],
    ) -> None:
        """Write the splats, then the record; without one they are made again by the next run.

        Args:
            cloud: The points.
            gaussian_ply: A cloud as the bytes of a Gaussian splat PLY.
            is_whole: Whether every frame is in.
            cameras: The scene's, which tell the record what is up.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._record.forget()
        write_atomically(self._folder / SCENE_GAUSSIANS_NAME, gaussian_ply(cloud))
        if is_whole:
            self._record.keep(up={"direction": up_of(cameras), "from": "cameras"})
