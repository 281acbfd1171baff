"""Which images are worth matching: near poses, shared surface, alike features; no matching.

Images have indices: aerial frames first, photos after them. A pair is (i, j) with i < j.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pycolmap
from numpy.typing import NDArray

from warpset.core.cameras import Camera
from warpset.core.covisibility import covisibility, pair_scores
from warpset.core.geometry import DepthMap
from warpset.stereo.sfm import image_index

from .retrieval import Descriptors, most_alike, thinned, train_codebook, vlad

Pairs = set[tuple[int, int]]

NEAREST_VIEWS = 50
MAX_AXES_ANGLE_DEG = 75.0
COVISIBLE_PHOTOS = 20
RETRIEVED_FRAMES = 50


def nearest_views(cameras: Sequence[Camera], count: int = NEAREST_VIEWS) -> Pairs:
    """Every camera with the `count` nearest ones that look about the same way.

    Optical axes are less than 75 degrees apart; of N cameras each has at most N-1 others.
    """
    centers = np.array([camera.center_world for camera in cameras])
    axes = np.array([camera.cam_from_world[2, :3] for camera in cameras])
    distances = np.linalg.norm(centers[:, None] - centers, axis=-1)
    distances[axes @ axes.T <= np.cos(np.radians(MAX_AXES_ANGLE_DEG))] = np.inf
    np.fill_diagonal(distances, np.inf)
    return _ordered(
        (index, int(other))
        for index, row in enumerate(distances)
        for other in np.argsort(row, kind="stable")[: min(count, len(cameras) - 1)]
        if np.isfinite(row[other])
    )


def covisible_photos(views: Sequence[DepthMap], count: int = COVISIBLE_PHOTOS) -> Pairs:
    """Every photo with the `count` photos that share most of its surface.

    Args:
        views: Small depth maps of photos in one world, see `small_view`.
        count: How many; fewer where fewer share any.
    """
    scores = pair_scores(covisibility(views))
    np.fill_diagonal(scores, 0.0)
    return _ordered(
        (index, int(other))
        for index, row in enumerate(scores)
        for other in np.argsort(-row, kind="stable")[:count]
        if row[other] > 0
    )


def alike_frames(
    database: Path, frames: Sequence[int], photos: Sequence[int], count: int = RETRIEVED_FRAMES
) -> Pairs:
    """Every photo with the `count` aerial frames whose features are most like its own.

    Args:
        database: COLMAP database that holds the features.
        frames: Indices of aerial frames.
        photos: Indices of photos.
        count: How many.
    """
    described = _global_descriptors(database, [*frames, *photos])
    frames = [frame for frame in frames if frame in described]
    photos = [photo for photo in photos if photo in described]
    if not frames or not photos:
        return set()
    alike = most_alike(
        [described[photo] for photo in photos], [described[frame] for frame in frames], count
    )
    return _ordered(
        (frames[best], photo)
        for photo, row in zip(photos, alike, strict=True)
        for best in row.tolist()
    )


def _global_descriptors(database: Path, wanted: Sequence[int]) -> dict[int, Descriptors]:
    """Global descriptors of the images that have features."""
    with pycolmap.Database.open(database) as opened:
        ids = {image_index(image.name): image.image_id for image in opened.read_all_images()}
        keys = {index: ids[index] for index in wanted if opened.exists_descriptors(ids[index])}
        samples = [
            thinned(_local_descriptors(opened, key), len(keys)).copy() for key in keys.values()
        ]
        samples = [sample for sample in samples if len(sample)]
        if not samples:
            return {}
        codebook = train_codebook(np.concatenate(samples))
        return {
            index: vlad(_local_descriptors(opened, key), codebook) for index, key in keys.items()
        }


def _local_descriptors(opened: pycolmap.Database, key: int) -> NDArray[np.float32]:
    """(n, d) descriptors of an image; learned ones are floats stored as bytes."""
    stored = opened.read_descriptors(key)
    if stored.type == pycolmap.FeatureExtractorType.SIFT:
        return np.asarray(stored.data, np.float32)
    return np.ascontiguousarray(stored.data).view(np.float32)


def _ordered(pairs: Iterable[tuple[int, int]]) -> Pairs:
    return {(min(pair), max(pair)) for pair in pairs}
