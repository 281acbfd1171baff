"""Poses, focal lengths and depth fitted until what one photo shows lands on its match in another.

A match is a pixel of one photo and the pixel of another that shows the same. Lifted by its own
photo's depth and seen by the other's camera, the first should land on the second: that distance is
what a warp is off by, and what is made small here, over all matches at once. Depth takes part, so
cameras that hardly move are found as well, where triangulated points would say nothing.

Gauss-Newton steps on poses (turned and moved in their own frames), on each photo's depth (scale and
shift) and on focal lengths that photos share; distances count by Geman and McClure's weights, whose
tolerance shrinks from round to round (graduated non-convexity, Blake and Zisserman 1987).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from ..core.cameras import Camera, FloatArray, invert_rigid
from .depth_alignment import Alignment

# Distances in pixels at which a match counts a quarter, round by round. The first lets cameras be
# off by two degrees in a picture of 1600 pixels; a larger one would trust wrong matches. The last
# is what features are found to.
TOLERANCES_PX = (48.0, 24.0, 8.0, 3.0, 1.5, *[1.0] * 8)

# Standard deviations that are expected of a photo's depth scale (log), of its shift (share of the
# middle depth) and of focal lengths (log), against distances of a pixel. Where there are matches
# these decide; larger values let depth bend where there are few.
SCALE_SIGMA, SHIFT_SIGMA, FOCAL_SIGMA = 0.1, 0.01, 0.01

POSE, SCALE, SHIFT, PHOTO_SIZE = slice(0, 6), 6, 7, 8
"""Where a photo's unknowns stand: 3 of moving and 3 of turning, log scale, shift."""


@dataclass(frozen=True, eq=False)
class Sight:
    """Pixels of a photo whose depth is known, and where another photo shows the same.

    Attributes:
        source: Index of the photo.
        target: Index of the other.
        uv_source: (n, 2) pixels.
        depth: (n,) their z-depth, above 0.
        uv_target: (n, 2) pixels of the other.
    """

    source: int
    target: int
    uv_source: FloatArray
    depth: FloatArray
    uv_target: FloatArray


@dataclass(frozen=True, eq=False)
class DepthFit:
    """Cameras, and what is done to depth, that make matches land on each other.

    Attributes:
        cameras: In the order given; their world has drifted as a whole, and has no scale.
        alignments: Of each photo's depth.
        distances_px: (n,) of each sight, how far its pixels land from their matches.
    """

    cameras: tuple[Camera, ...]
    alignments: tuple[Alignment, ...]
    distances_px: tuple[FloatArray, ...]


@dataclass(eq=False)
class _Unknowns:
    """The state of the fit: (n, 4, 4) poses, (n,) log scales and shifts, (groups,) log focals."""

    poses: FloatArray
    log_scales: FloatArray
    shifts: FloatArray
    log_focals: FloatArray


class _Fit:
    def __init__(
        self, cameras: Sequence[Camera], sights: Sequence[Sight], lens_of: Sequence[int | None]
    ) -> None:
        self.cameras, self.sights, self.lens_of = cameras, sights, lens_of
        self.lens_count = 1 + max((lens for lens in lens_of if lens is not None), default=-1)
        self.middle = float(np.median(np.concatenate([sight.depth for sight in sights])))
        poses = np.array([camera.cam_from_world for camera in cameras])
        zeros = np.zeros(len(cameras))
        self.now = _Unknowns(poses, zeros, zeros.copy(), np.zeros(self.lens_count))

    def K(self, photo: int) -> FloatArray:
        lens = self.lens_of[photo]
        K = self.cameras[photo].K
        stretch = 1.0 if lens is None else np.exp(self.now.log_focals[lens])
        return K * np.array([[stretch, 1, 1], [1, stretch, 1], [1, 1, 1]])

    def rays(self, sight: Sight) -> FloatArray:
        """(n, 3) directions whose z is 1, in the frame of the source."""
        homogeneous = np.concatenate([sight.uv_source, np.ones((len(sight.depth), 1))], axis=1)
        return homogeneous @ np.linalg.inv(self.K(sight.source)).T

    def lifted(self, sight: Sight) -> FloatArray:
        """(n, 3) points of the pixels, in the frame of the source."""
        now, source = self.now, sight.source
        depth = np.exp(now.log_scales[source]) * sight.depth + self.middle * now.shifts[source]
        return self.rays(sight) * depth[:, None]

    def target_from_source(self, sight: Sight) -> FloatArray:
        return self.now.poses[sight.target] @ invert_rigid(self.now.poses[sight.source])

    def landed(self, sight: Sight) -> tuple[FloatArray, FloatArray]:
        """(n, 3) the points in the frame of the target, and (n, 2) how far off they land."""
        move = self.target_from_source(sight)
        seen = self.lifted(sight) @ move[:3, :3].T + move[:3, 3]
        homogeneous = seen @ self.K(sight.target).T
        depth = np.maximum(seen[:, 2:], 1e-6 * self.middle)  # behind the camera: far off
        return seen, homogeneous[:, :2] / depth - sight.uv_target

    def step(self, tolerance_px: float) -> None:
        """One Gauss-Newton step, every match weighted by how far off it is."""
        size = PHOTO_SIZE * len(self.cameras) + self.lens_count
        hessian, gradient = np.zeros((size, size)), np.zeros(size)
        for sight in self.sights:
            seen, off = self.landed(sight)
            slopes, columns = self._slopes(sight, seen), self._columns(sight)
            weights = (1.0 + np.sum(off**2, axis=1) / tolerance_px**2) ** -2
            weighted = slopes * weights[:, None, None]
            flat = slopes.reshape(-1, len(columns)), weighted.reshape(-1, len(columns))
            # photos that share a lens have one column twice, which plain indexing would drop
            np.add.at(hessian, (columns[:, None], columns[None, :]), flat[1].T @ flat[0])
            np.add.at(gradient, columns, flat[1].T @ off.ravel())
        pulls, values = self._expected()
        hessian[np.diag_indices(size)] += pulls
        self._move(-np.linalg.solve(hessian, gradient + pulls * values))

    def _columns(self, sight: Sight) -> NDArray[np.intp]:
        """Where the unknowns of a sight stand: the source's, the target's pose, their focals."""
        lenses = [self.lens_of[photo] for photo in (sight.source, sight.target)]
        first_focal = PHOTO_SIZE * len(self.cameras)
        return np.concatenate(
            [
                PHOTO_SIZE * sight.source + np.arange(PHOTO_SIZE),
                PHOTO_SIZE * sight.target + np.arange(PHOTO_SIZE)[POSE],
                [first_focal + lens for lens in lenses if lens is not None],
            ]
        ).astype(np.intp)

    def _slopes(self, sight: Sight, seen: FloatArray) -> FloatArray:
        """(n, 2, columns) derivatives of where pixels land by the unknowns of `_columns`."""
        source, target = sight.source, sight.target
        turn = self.target_from_source(sight)[:3, :3]
        rays, points, K = self.rays(sight), self.lifted(sight), self.K(target)
        depth = np.maximum(seen[:, 2], 1e-6 * self.middle)[:, None, None]
        normal = seen / depth[:, 0]
        by_seen = (K[:2, :3] - (normal @ K[:2].T)[..., None] * [0.0, 0.0, 1.0]) / depth
        by_point = by_seen @ turn
        scaled = (rays * sight.depth[:, None]) * np.exp(self.now.log_scales[source])
        slopes = [
            -_by_pose(by_point, points),
            by_point @ scaled[..., None],
            by_point @ (self.middle * rays)[..., None],
            _by_pose(by_seen, seen),
        ]
        if self.lens_of[source] is not None:
            slopes.append(by_point @ (points * [-1.0, -1.0, 0.0])[..., None])
        if self.lens_of[target] is not None:
            slopes.append((normal[:, :2] @ K[:2, :2].T)[..., None])
        return np.concatenate(slopes, axis=2)

    def _expected(self) -> tuple[FloatArray, FloatArray]:
        """How strongly each unknown is held, and how far it is from where it is expected.

        Poses are held where they are, so that the world as a whole, of which no match tells,
        stays.
        """
        count = len(self.cameras)
        held = np.array([*[self.middle**-2] * 3, *[1.0] * 3, SCALE_SIGMA**-2, SHIFT_SIGMA**-2])
        pulls = np.concatenate([np.tile(held, count), np.full(self.lens_count, FOCAL_SIGMA**-2)])
        values = np.zeros((count, PHOTO_SIZE))
        values[:, SCALE], values[:, SHIFT] = self.now.log_scales, self.now.shifts
        return pulls, np.concatenate([values.ravel(), self.now.log_focals])

    def _move(self, step: FloatArray) -> None:
        by_photo = step[: PHOTO_SIZE * len(self.cameras)].reshape(-1, PHOTO_SIZE)
        moves = np.tile(np.eye(4), (len(self.cameras), 1, 1))
        for move, change in zip(moves, by_photo, strict=True):
            move[:3, 3], move[:3, :3] = change[:3], cv2.Rodrigues(change[3:6])[0]
        now = self.now
        self.now = _Unknowns(
            moves @ now.poses,
            now.log_scales + by_photo[:, SCALE],
            now.shifts + by_photo[:, SHIFT],
            now.log_focals + step[by_photo.size :],
        )


def fit_to_depth(
    cameras: Sequence[Camera], sights: Sequence[Sight], lens_of: Sequence[int | None]
) -> DepthFit:
    """Fit cameras and depth to matches.

    Args:
        cameras: Cameras on the rasters that the pixels of sights are of, off by a degree or two.
        sights: Matched pixels with depth, of both directions; at least one.
        lens_of: Of each photo, the number of the focal length that it shares; None keeps it.
    """
    fit = _Fit(cameras, sights, lens_of)
    for tolerance_px in TOLERANCES_PX:
        fit.step(tolerance_px)
    now = fit.now
    fitted = [
        replace(camera, cam_from_world=pose, K=fit.K(photo))
        for photo, (camera, pose) in enumerate(zip(cameras, now.poses, strict=True))
    ]
    alignments = [
        Alignment(float(np.exp(log_scale)), float(fit.middle * shift))
        for log_scale, shift in zip(now.log_scales, now.shifts, strict=True)
    ]
    distances = [np.linalg.norm(fit.landed(sight)[1], axis=1) for sight in sights]
    return DepthFit(tuple(fitted), tuple(alignments), tuple(distances))


def _by_pose(by_point: FloatArray, points: FloatArray) -> FloatArray:
    """(n, 2, 6) derivatives by moving and by turning the frame that points (n, 3) are in."""
    by_turn = np.cross(points[:, None, :], by_point)  # of w x p, by the triple product
    return np.concatenate([by_point, by_turn], axis=2)
