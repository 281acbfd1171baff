"""Misalignment: planted pose errors are measured, holes and exposure do not matter."""

import cv2
import numpy as np
import pytest

from tests.builders import a_camera, a_rotation
from warpset.core.scoring.corners import Shift, followed_corners, misalignment

SIZE_WH = (480, 360)
NO_HOLE = np.zeros(SIZE_WH[::-1], bool)


def a_texture(seed=0) -> np.ndarray:
    """(h, w, 3) uint8 with detail of every size."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.float32)
    for cells in (8, 30, 90):
        grid = rng.uniform(0, 255, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(grid, SIZE_WH, interpolation=cv2.INTER_CUBIC) / 3
    return picture.clip(0, 255).astype(np.uint8)


def turned(picture: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """What a camera turned by an angle sees instead, and how far each pixel moved."""
    K = a_camera(SIZE_WH, 400.0).K
    homography = K @ a_rotation(*np.radians(degrees) * np.array([0.8, -0.6, 0])) @ np.linalg.inv(K)
    shown = cv2.warpPerspective(picture, homography, SIZE_WH, flags=cv2.INTER_CUBIC)
    y, x = np.indices(NO_HOLE.shape) + 0.5
    moved = np.stack((x, y, np.ones_like(x)), axis=-1) @ homography.T
    return shown, np.hypot(moved[..., 0] / moved[..., 2] - x, moved[..., 1] / moved[..., 2] - y)


def some_holes(share: float) -> np.ndarray:
    """Scattered blocks without points."""
    coarse = np.random.default_rng(3).uniform(size=(18, 24)) < share
    return np.kron(coarse, np.ones((20, 20), bool))


def found_shift(splats: np.ndarray, target: np.ndarray, hole: np.ndarray) -> Shift | None:
    return misalignment(followed_corners(splats, target, hole))


@pytest.mark.parametrize("degrees", [0.1, 0.5, 1.0])
def test_planted_pose_errors_are_measured_within_a_tenth(degrees):
    target = a_texture()
    splats, moved = turned(target, degrees)
    found = found_shift(splats, target, NO_HOLE)
    assert found.median == pytest.approx(np.median(moved), rel=0.1)
    assert found.p90 == pytest.approx(np.percentile(moved, 90), rel=0.1)


def test_what_lies_right_has_no_shift():
    found = found_shift(a_texture(), a_texture(), NO_HOLE)
    assert found.median == found.p90 == 0


@pytest.mark.parametrize("filling", ["black", "smeared"])
def test_holes_do_not_matter_whatever_they_are_filled_with(filling):
    target, hole = a_texture(), some_holes(0.15)
    splats, moved = turned(target, 0.5)
    splats[hole] = 0 if filling == "black" else cv2.blur(splats, (31, 31))[hole]
    found = found_shift(splats, target, hole)
    assert found.median == pytest.approx(np.median(moved), rel=0.1)


def test_exposure_does_not_matter():
    target = a_texture()
    splats, moved = turned(target, 0.5)
    darker = (255 * (splats / 255.0) ** 1.5 * 0.6).astype(np.uint8)
    found = found_shift(darker, target, NO_HOLE)
    assert found.median == pytest.approx(np.median(moved), rel=0.1)


def test_a_part_that_is_shifted_is_in_the_ninetieth_percentile_alone():
    target = a_texture()
    splats = target.copy()
    splats[:, 380:-4] = target[:, 384:]
    found = found_shift(splats, target, NO_HOLE)
    assert found.median < 0.1 and found.p90 == pytest.approx(4, abs=0.4)


@pytest.mark.parametrize("seen", [np.full((*NO_HOLE.shape, 3), 90, np.uint8), a_texture()])
def test_without_texture_or_without_points_there_is_nothing_to_measure(seen):
    hole = NO_HOLE if seen.std() == 0 else ~NO_HOLE
    assert found_shift(seen, seen, hole) is None
