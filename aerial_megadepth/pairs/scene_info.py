"""A scene's views and pairs as D2-Net describes MegaDepth's, which LoFTR and its kin read.

The file is a pickled dict that is named `.npz`, as LoFTR's published ones are: its loader deletes
keys, which numpy's archives refuse. D2-Net and glue-factory read keys only and take either.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from warpset.core.cameras import Camera, FloatArray, integer_center_K, project
from warpset.files.writing import write_atomically

from .scene_pairs import covisible_pairs

PICKLE_PROTOCOL = 4
"""Python 3.4 and later read it."""

NO_PAIR = -1.0
"""What a view shares with itself, as D2-Net writes it, so that none is paired with itself."""


class InfoView(NamedTuple):
    """A view.

    Attributes:
        image: Path of its picture, from the folder that the loader is given.
        depth: Path of its depth.
        camera: Its camera.
        point_keys: (n,) keys of the sparse points before it that it sees.
        xy: (n, 2) where it sees them, centre of the first pixel at 0.5.
        xyz_world: (n, 3) where they are.
    """

    image: str
    depth: str
    camera: Camera
    point_keys: NDArray[np.integer]
    xy: FloatArray
    xyz_world: FloatArray


def write_scene_info(
    path: Path, views: Sequence[InfoView], shares: NDArray[np.float32], min_score: float
) -> int:
    """Write a scene's file and return how many pairs are in it.

    Args:
        path: `<scene>.npz`.
        views: The scene's views.
        shares: (n, n) see `covisibility`.
        min_score: The least `pair_scores` of a pair.
    """
    info = scene_info(views, shares, min_score)
    write_atomically(path, pickle.dumps(info, protocol=PICKLE_PROTOCOL))
    return len(info["pair_infos"])


def scene_info(
    views: Sequence[InfoView], shares: NDArray[np.float32], min_score: float
) -> dict[str, Any]:
    """What the loaders ask for.

    - `image_paths`, `depth_paths`: (n,) strings; `intrinsics` (n, 3, 3) for pixel centres at whole
      numbers; `poses` (n, 4, 4) world to camera. LoFTR, D2-Net, glue-factory.
    - `pair_infos`: ((i, j), overlap, central matches (0, 4)). LoFTR.
    - `overlap_matrix` (n, n): the share of view i's known depth that view j sees. D2-Net counts
      common sparse points instead. D2-Net, glue-factory.
    - `scale_ratio_matrix` (n, n): the least ratio, one or more, of the sizes at which two views see
      one of their common points; NaN where they have none, which D2-Net never picks.
    - `points3D_id_to_2D`, `points3D_id_to_ndepth`: a dict a view, from a point's key to its (x, y),
      centres at whole numbers, and to its depth over the focal length. D2-Net.
    """
    pairs = covisible_pairs([view.image for view in views], shares, min_score)
    overlap = shares.astype(np.float64)
    np.fill_diagonal(overlap, NO_PAIR)
    ndepths = [_depths_in_focals(view) for view in views]
    return {
        "image_paths": np.array([view.image for view in views], object),
        "depth_paths": np.array([view.depth for view in views], object),
        "intrinsics": np.stack([integer_center_K(view.camera.K) for view in views]),
        "poses": np.stack([view.camera.cam_from_world for view in views]),
        "pair_infos": [
            ((one, other), float(score), np.empty((0, 4), np.float32))
            for (one, other), score in zip(pairs.pairs.tolist(), pairs.scores, strict=True)
        ],
        "overlap_matrix": overlap,
        "scale_ratio_matrix": _scale_ratios(ndepths),
        "points3D_id_to_2D": [
            dict(zip(view.point_keys.tolist(), (view.xy - 0.5).tolist(), strict=True))
            for view in views
        ],
        "points3D_id_to_ndepth": ndepths,
    }


def _depths_in_focals(view: InfoView) -> dict[int, float]:
    """A view's points by key, and their z-depth over the mean focal length."""
    _, z = project(view.camera, view.xyz_world)
    focal = (view.camera.K[0, 0] + view.camera.K[1, 1]) / 2
    return dict(zip(view.point_keys.tolist(), (z / focal).tolist(), strict=True))


def _scale_ratios(ndepths: Sequence[Mapping[int, float]]) -> NDArray[np.float64]:
    logarithms = [{key: math.log(value) for key, value in view.items()} for view in ndepths]
    ratios = np.full((len(ndepths),) * 2, np.nan)
    for one, first in enumerate(logarithms):
        for other, second in enumerate(logarithms[:one]):
            common = first.keys() & second.keys()
            if common:
                least = min(abs(first[key] - second[key]) for key in common)
                ratios[one, other] = ratios[other, one] = math.exp(least)
    return ratios
