"""The depth factor: found from where corners really lie, and only where it explains them."""

import numpy as np
import pytest

from tests.builders import a_camera, a_rotation
from warpset.core.cameras import project
from warpset.core.scoring.corners import Followed, depth_factor

SIZE_WH = (320, 240)
REFERENCE = a_camera(SIZE_WH, 300.0)
TARGET = a_camera(SIZE_WH, 300.0, turned=(0.02, -0.05, 0.01), at=(0.2, 0.05, 0.1))


def seen(factor: float, target=TARGET, noise_px=0.1) -> tuple[Followed, np.ndarray]:
    """Corners of points recorded with a depth that the factor would make right, and their depth."""
    rng = np.random.default_rng(0)
    true = np.column_stack([rng.uniform(-0.6, 0.6, (200, 2)), rng.uniform(2, 4, 200)])
    corners, z = project(target, true / factor)
    there = project(target, true)[0] + rng.normal(0, noise_px, (200, 2))
    inside = np.all((corners > 0) & (corners < SIZE_WH), axis=1) & (z > 0)
    depth = np.zeros(SIZE_WH[::-1], np.float32)
    columns, rows = corners[inside].astype(int).T
    depth[rows, columns] = z[inside]
    found = Followed(*(a[inside].astype(np.float32) - 0.5 for a in (corners, there)))
    return found, depth


@pytest.mark.parametrize("factor", [0.001, 0.1, 1 / 3.28, 1 / 2.54, 1.0, 2.54])
def test_the_unit_that_depth_was_taken_in_is_found(factor):
    followed, depth = seen(factor)
    assert depth_factor(followed, depth, TARGET, REFERENCE) == pytest.approx(factor, rel=0.05)


def test_cameras_that_are_turned_wrong_are_no_matter_of_depth():
    followed, depth = seen(1.0)
    beside = followed.corners + np.float32([0, 12])
    assert depth_factor(followed._replace(there=beside), depth, TARGET, REFERENCE) is None


def test_without_parallax_or_corners_nothing_is_told():
    turned = a_camera(SIZE_WH, 300.0, turned=(0.05, 0, 0))
    followed, depth = seen(10.0, turned)
    assert depth_factor(followed, depth, turned, REFERENCE) is None
    few = Followed(followed.corners[:3], followed.there[:3])
    assert depth_factor(few, depth, TARGET, REFERENCE) is None


def test_the_rotation_between_the_cameras_does_not_matter():
    for degrees in (0, 5):
        rotated = a_camera(SIZE_WH, 300.0, turned=(0, np.radians(degrees), 0), at=(0.2, 0, 0))
        followed, depth = seen(0.1, rotated)
        assert np.allclose(rotated.cam_from_world[:3, :3], a_rotation(0, np.radians(degrees)))
        found = depth_factor(followed, depth, rotated, REFERENCE)
        assert found == pytest.approx(0.1, rel=0.05)
