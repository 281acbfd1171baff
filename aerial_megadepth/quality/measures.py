"""How good a localized scene is: reprojection, depth against points and other views; no pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from warpset.core.cameras import Camera, FloatArray, project, unproject
from warpset.core.covisibility import (
    SAME_DEPTH,
    covisibility,
    depth_ratios,
    pair_scores,
    small_view,
)
from warpset.core.geometry import Depth, DepthMap, FrameGeometry

from ..pairs.pair_grades import PairGrades, grade_pairs
from ..pairs.scene_pairs import MIN_SCORE

if TYPE_CHECKING:
    import pycolmap

BEST_PARTNERS = 4
"""Views that a view's depth is compared with: those that share most with it."""


@dataclass(frozen=True)
class ViewQuality:
    """A view in numbers; None where there is nothing to measure.

    Attributes:
        name: Its image.
        camera: Its camera.
        points: How many sparse points it sees.
        reprojection_px: Mean distance between these points and where they were found.
        known: Share of its pixels that have depth.
        sparse_error: Median relative difference of its depth from its points'.
        agreement: Median relative difference of its depth from other views'.
        agreeing: Share of its pixels, where other views have depth, that agree within 5 %.
    """

    name: str
    camera: Camera
    points: int
    reprojection_px: float | None
    known: float
    sparse_error: float | None
    agreement: float | None
    agreeing: float | None


@dataclass(frozen=True)
class SceneQuality:
    """The views of a scene and its points.

    Attributes:
        views: The views, in natural order.
        xyz_world: (n, 3) sparse points.
        grades: How hard the pairs are that share enough to train with.
    """

    views: list[ViewQuality]
    xyz_world: FloatArray
    grades: PairGrades


def measure_scene(
    sparse: pycolmap.Reconstruction, views: Sequence[tuple[FrameGeometry, DepthMap]]
) -> SceneQuality:
    """Measure a scene.

    Args:
        sparse: Its sparse model.
        views: Its views and their depth, which may be small.
    """
    images = {image.name: image for image in sparse.images.values()}
    small = [small_view(depth_map) for _, depth_map in views]
    scores = pair_scores(covisibility(small))
    np.fill_diagonal(scores, 0.0)
    measured = []
    for index, (frame, depth_map) in enumerate(views):
        partners = [n for n in np.argsort(-scores[index])[:BEST_PARTNERS] if scores[index, n] > 0]
        found = _measure_points(sparse, images[frame.name], frame, depth_map)
        ratios = _agreement(small[index], [small[n] for n in partners])
        measured.append(
            ViewQuality(
                frame.name,
                frame.photo.camera,
                *found,
                agreement=_median(np.abs(ratios - 1)),
                agreeing=float(np.mean(np.abs(ratios - 1) < SAME_DEPTH)) if len(ratios) else None,
            )
        )
    points = [sparse.points3D[key].xyz for key in sorted(sparse.points3D)]
    pairs = np.argwhere(np.triu(scores, k=1) >= MIN_SCORE)
    grades = grade_pairs(small, pairs, scores[pairs[:, 0], pairs[:, 1]])
    return SceneQuality(measured, np.array(points, np.float64).reshape(-1, 3), grades)


def _measure_points(
    sparse: pycolmap.Reconstruction,
    image: pycolmap.Image,
    frame: FrameGeometry,
    depth_map: DepthMap,
) -> tuple[int, float | None, float, float | None]:
    """Number of points, mean reprojection error, share of known depth, error against points."""
    known = float(np.mean(depth_map.depth > 0))
    seen = image.get_observation_points2D()
    if not seen:
        return 0, None, known, None
    xyz_world = np.array([sparse.points3D[point.point3D_id].xyz for point in seen])
    uv, _ = project(frame.photo.camera, xyz_world)
    errors_px = np.linalg.norm(uv - [point.xy for point in seen], axis=1)
    ratios = depth_ratios(xyz_world, depth_map.depth, depth_map.camera)
    return len(seen), float(errors_px.mean()), known, _median(np.abs(ratios - 1))


def _agreement(view: DepthMap, others: Sequence[DepthMap]) -> FloatArray:
    """Depth ratios of a view's points in other views; what is hidden there is not compared."""
    xyz_world = unproject(view.camera, view.depth)[view.depth > 0]
    ratios = [depth_ratios(xyz_world, other.depth, other.camera) for other in others]
    together = np.concatenate(ratios) if ratios else np.empty(0)
    return together[together > 1 - 2 * SAME_DEPTH]


def _median(values: FloatArray) -> float | None:
    return float(np.median(values)) if len(values) else None


def known_depth_range(depth: Depth) -> tuple[float, float] | None:
    """The 2nd and 98th percentile of known depth; None where there is none."""
    known = depth[depth > 0]
    if not len(known):
        return None
    near, far = np.percentile(known, [2.0, 98.0])
    return float(near), float(far)
