"""Cameras that are about right, refined until photos agree to the pixel.

Features are matched over the photos (pycolmap does it); cameras and depth are then fitted together,
see `depth_fitting`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..core.cameras import Camera, FloatArray, raster_transform
from ..core.geometry import DepthMap, PosedPhoto
from ..core.sizes import shrunk
from .depth_alignment import Alignment
from .depth_fitting import DepthFit, Sight, fit_to_depth
from .features import match_images, matched_pairs
from .sfm import MAX_SIDE_PX, image_index, pinhole_image

FEWEST_MATCHES = 30
"""A photo of which fewer matches land near each other keeps its camera."""

NEAR_PX = 3.0
"""How far off a match may land and still be right; features are found to about one."""


class PhotoMatches(NamedTuple):
    """Where two photos show the same, on copies none of whose sides is above `MAX_SIDE_PX`.

    Attributes:
        photos: Indices of the two.
        uv: (2, n, 2) pixels of the one and of the other.
    """

    photos: tuple[int, int]
    uv: FloatArray


@dataclass(frozen=True, eq=False)
class Refinement:
    """What became of the cameras of photos.

    Attributes:
        posed: The photos with their cameras, in the order given, in the world given.
        alignments: What each photo's depth is multiplied by and what is then added; none where the
            camera is kept.
    """

    posed: tuple[PosedPhoto, ...]
    alignments: tuple[Alignment | None, ...]


def match_photos(photos: Sequence[PosedPhoto], workspace: Path) -> list[PhotoMatches]:
    """Features of posed photos that match; the same photos give the same matches.

    Args:
        photos: Posed photos, in the order of the scene.
        workspace: An empty folder for copies and the database.

    Raises:
        InputError: A photo cannot be read.
    """
    folder, database = workspace / "images", workspace / "features.db"
    images = [pinhole_image(photo, index, folder) for index, photo in enumerate(photos)]
    match_images(images, folder, database)
    return [
        PhotoMatches(
            (image_index(pair.names[0]), image_index(pair.names[1])),
            np.stack((pair.first, pair.second)),
        )
        for pair in matched_pairs(database)
    ]


def refine_cameras(
    photos: Sequence[PosedPhoto],
    load_depths: Sequence[Callable[[], DepthMap]],
    matches: Sequence[PhotoMatches],
) -> Refinement:
    """Refine poses, focal lengths and the scale of depth.

    Photos with the same intrinsics share what becomes of them; those with lens distortion keep
    theirs. The world stays: its scale is that of all depth on average, its axes and its middle are
    those of all cameras.

    Args:
        photos: Posed photos, in the order of the scene.
        load_depths: Their depth; read once, one after another.
        matches: What of them matches, see `match_photos`.

    Raises:
        InputError: Depth cannot be read.
    """
    cameras = [shrunk(photo.camera, MAX_SIDE_PX) for photo in photos]
    sights = _sights(cameras, load_depths, matches)
    unchanged = Refinement(tuple(photos), (None,) * len(photos))
    if not sights:
        return unchanged
    fit = fit_to_depth(cameras, sights, _lenses(photos))
    good = [np.count_nonzero(distances < NEAR_PX) for distances in fit.distances_px]
    counts = np.zeros(len(photos), np.intp)
    for side in ("source", "target"):
        np.add.at(counts, [getattr(sight, side) for sight in sights], good)
    refined = np.flatnonzero(counts >= 2 * FEWEST_MATCHES)  # each match is seen from both sides
    return _in_world(photos, fit, sights, refined.tolist()) if len(refined) > 1 else unchanged


def _sights(
    cameras: Sequence[Camera],
    load_depths: Sequence[Callable[[], DepthMap]],
    matches: Sequence[PhotoMatches],
) -> list[Sight]:
    """Each match seen from both sides, where depth is known; sorted by the photo seen from."""
    sights = []
    for source, (camera, load) in enumerate(zip(cameras, load_depths, strict=True)):
        found = [(pair, pair.photos.index(source)) for pair in matches if source in pair.photos]
        depth_map = load() if found else None
        for pair, side in found:
            assert depth_map is not None, "loaded where anything matches"
            depth = _sampled(depth_map, camera, pair.uv[side])
            known = depth > 0
            if known.any():
                here, there = pair.uv[side][known], pair.uv[1 - side][known]
                sights.append(Sight(source, pair.photos[1 - side], here, depth[known], there))
    return sights


def _sampled(depth_map: DepthMap, camera: Camera, uv: FloatArray) -> FloatArray:
    """Depth (n,) at pixels (n, 2) of a camera's raster; 0 where unknown or outside."""
    to_depth = raster_transform(camera, depth_map.camera)
    columns, rows = np.floor(uv @ to_depth[:2, :2].T + to_depth[:2, 2]).astype(np.intp).T
    height, width = depth_map.depth.shape
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    depth = np.zeros(len(uv))
    depth[inside] = depth_map.depth[rows[inside], columns[inside]]
    return depth


def _lenses(photos: Sequence[PosedPhoto]) -> list[int | None]:
    """The number of each photo's intrinsics; None where a lens model says more than a focal length.

    Its rays stay as they are, whatever raster is laid over them.
    """
    numbers: dict[bytes, int] = {}
    lenses: list[int | None] = []
    for photo in photos:
        key = photo.camera.K.tobytes() + bytes(str(photo.camera.size_wh), "ascii")
        free = photo.lens is None
        lenses.append(numbers.setdefault(key, len(numbers)) if free else None)
    return lenses


def _in_world(
    photos: Sequence[PosedPhoto], fit: DepthFit, sights: Sequence[Sight], refined: Sequence[int]
) -> Refinement:
    """The photos with fitted cameras, and depth, brought back to the world that they came from."""
    growth = _growth_of_depth(fit, sights, refined)
    poses = {index: fit.cameras[index].cam_from_world for index in refined}
    to_world = _similarity(poses, {index: photos[index].camera for index in refined}, 1 / growth)
    posed = list(photos)
    alignments: list[Alignment | None] = [None] * len(photos)
    for index, pose in poses.items():
        camera = photos[index].camera
        K = fit.cameras[index].resized(camera.size_wh).K
        moved = replace(camera, K=K, cam_from_world=_moved(pose, to_world))
        posed[index] = replace(photos[index], camera=moved)
        found = fit.alignments[index]
        alignments[index] = Alignment(found.scale / growth, found.shift / growth)
    return Refinement(tuple(posed), tuple(alignments))


def _growth_of_depth(fit: DepthFit, sights: Sequence[Sight], refined: Sequence[int]) -> float:
    """How many times farther away all is, the mean over photos of the middle of their pixels."""
    growths = []
    for index in refined:
        depth = np.concatenate([sight.depth for sight in sights if sight.source == index])
        scale, shift = fit.alignments[index]
        growths.append(np.median(np.log(np.maximum(scale + shift / depth, 1e-6))))
    return float(np.exp(np.mean(growths)))


def _similarity(
    poses: dict[int, FloatArray], cameras: dict[int, Camera], scale: float
) -> FloatArray:
    """The (4, 4) similarity from the world of fitted poses to that of the cameras before.

    Turned as all cameras on average, which is sound for two of them as for many in a line; their
    middle is where it was.
    """
    turns = sum(cameras[i].cam_from_world[:3, :3].T @ poses[i][:3, :3] for i in poses)
    u, _, vt = np.linalg.svd(turns)
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    here = np.array([-pose[:3, :3].T @ pose[:3, 3] for pose in poses.values()])
    there = np.array([cameras[i].center_world for i in poses])
    similarity = np.eye(4)
    similarity[:3, :3] = scale * rotation
    similarity[:3, 3] = there.mean(axis=0) - scale * rotation @ here.mean(axis=0)
    return similarity


def _moved(pose: FloatArray, to_world: FloatArray) -> FloatArray:
    """The camera (4, 4) of a pose in the world that a similarity leads to."""
    scale = np.cbrt(np.linalg.det(to_world[:3, :3]))
    rotation = pose[:3, :3] @ (to_world[:3, :3] / scale).T
    center = to_world[:3, :3] @ (-pose[:3, :3].T @ pose[:3, 3]) + to_world[:3, 3]
    moved = np.eye(4)
    moved[:3, :3], moved[:3, 3] = rotation, -rotation @ center
    return moved
