"""Clouds of points that kernels are tried on, as they come and as they should not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))
from warpset.core.cameras import Camera, intrinsics, unproject


class Cloud(NamedTuple):
    """Points, colours in 0..1, confidences."""

    points: NDArray[np.floating]
    colors: NDArray[np.floating]
    confidences: NDArray[np.floating]


def together(*clouds: Cloud) -> Cloud:
    """The points of several clouds."""
    return Cloud(*(np.concatenate(arrays) for arrays in zip(*clouds, strict=True)))


def a_camera(
    width: int = 64, height: int = 48, focal: float = 60.0, position: tuple = (0.0, 0.0, 0.0)
) -> Camera:
    """A camera that looks along z, its principal point in the middle."""
    cam_from_world = np.eye(4)
    cam_from_world[:3, 3] = -np.array(position)
    K = intrinsics(focal, focal, width / 2, height / 2)
    return Camera(K, cam_from_world, (width, height))


def lifted(camera: Camera, depth: NDArray, rgb: NDArray | tuple) -> Cloud:
    """One trusted point for every pixel whose depth is known."""
    known = depth > 0
    colors = np.broadcast_to(np.asarray(rgb, np.float32) / 255, (*depth.shape, 3))[known]
    points = unproject(camera, depth)[known]
    return Cloud(points, colors.astype(np.float32), np.full(len(points), 2.0, np.float32))


def a_wall(camera: Camera, depth: float, rgb: tuple, where: Any = ...) -> Cloud:
    """A wall of one colour facing the camera, seen in the pixels `where`."""
    image = np.zeros(camera.shape_hw, np.float32)
    image[where] = depth
    return lifted(camera, image, rgb)


def a_cloud(count: int = 5000, seed: int = 0) -> Cloud:
    """Points around the view volume of `a_camera`, many hidden, some behind."""
    random = np.random.default_rng(seed)
    points = random.uniform((-2, -2, -0.5), (2, 2, 4), (count, 3)).astype(np.float32)
    return Cloud(
        points,
        random.uniform(0, 1, (count, 3)).astype(np.float32),
        random.uniform(0, 4, count).astype(np.float32),
    )


def degenerate_clouds() -> dict[str, Cloud]:
    """Random points, and what no scene should have, by name."""
    cloud, nan = a_cloud(300), np.float32(np.nan)
    spoiled = cloud.points.copy()
    spoiled[::3, 0], spoiled[1::3, 2] = nan, np.inf
    colors = cloud.colors.copy()
    colors[2::3] = nan
    one = Cloud(*(array[:1] for array in a_wall(a_camera(1, 1), 1.0, (9, 9, 9))))
    return {
        "random": a_cloud(),
        "surface": together(a_wall(a_camera(), 1.5, (200, 100, 0)), a_cloud(1000)),
        "no points": a_cloud(0),
        "one point": one,
        "all behind": cloud._replace(points=-np.abs(cloud.points)),
        "not finite": cloud._replace(points=spoiled, colors=colors),
        "duplicates": Cloud(*(np.repeat(array[:20], 50, axis=0) for array in cloud)),
    }


def odd_widths(count: int) -> NDArray[np.float32]:
    """Footprints from far below a pixel to beyond what is drawn, and some that are none."""
    widths = np.geomspace(1e-4, 10, max(count, 1)).astype(np.float32)[:count]
    widths[::7], widths[1::11], widths[2::13] = np.nan, np.inf, -1
    return np.random.default_rng(4).permutation(widths)


def odd_cells(count: int) -> NDArray[np.float32]:
    """Edges of cells turned every way, of lengths as `odd_widths`."""
    edges = np.random.default_rng(6).normal(size=(count, 2, 3)).astype(np.float32)
    return edges * odd_widths(2 * count).reshape(count, 2, 1)
