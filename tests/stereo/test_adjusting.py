"""Recorded cameras adjusted before depth is measured: planted errors go, the world stays."""

import numpy as np
import pytest

from tests.stereo.stereo_builders import a_box_before_a_wall, cameras_in_a_row, posed_photos
from tests.stereo.test_refining import SIZE_WH, disturbed, errors_px
from warpset.core.cameras import project
from warpset.core.geometry import PosedPhoto
from warpset.stereo.adjusting import adjust_cameras


def off(posed):
    return [
        PosedPhoto(photo.path, disturbed(photo.camera, seed)) for seed, photo in enumerate(posed)
    ]


TRUE = cameras_in_a_row(4, 0.3, SIZE_WH)


def a_row_of_photos(folder):
    return posed_photos(folder / "photos", TRUE, a_box_before_a_wall())


def adjusted(photos, workspace):
    workspace.mkdir()
    return adjust_cameras(photos, workspace)


def test_planted_errors_go_and_the_world_stays(tmp_path):
    posed, depths = a_row_of_photos(tmp_path)
    found = adjusted(off(posed), tmp_path / "work")
    assert found.kept == () and [p.path for p in found.posed] == [p.path for p in posed]
    assert np.median(errors_px(off(posed), TRUE)) > 1.5
    # what is left is the scale of the centres as they were, each 2 % of a step off
    assert np.median(errors_px(found.posed, TRUE)) < 0.4
    centers = np.array([photo.camera.center_world for photo in found.posed])
    np.testing.assert_allclose(centers, [camera.center_world for camera in TRUE], atol=0.03)
    uv, z = project(found.posed[1].camera, found.points.seen_by(1))
    columns, rows = np.floor(uv).astype(int).T
    assert np.median(np.abs(z / depths[1][rows, columns] - 1)) < 0.01


def test_the_same_photos_give_the_same_cameras(tmp_path):
    posed, _ = a_row_of_photos(tmp_path)
    one, other = (adjusted(off(posed[:2]), tmp_path / name) for name in ("one", "other"))
    for first, second in zip(one.posed, other.posed, strict=True):
        np.testing.assert_array_equal(first.camera.cam_from_world, second.camera.cam_from_world)


@pytest.mark.parametrize("textured", [0, 2])
def test_photos_that_share_too_few_points_keep_their_cameras(tmp_path, textured):
    posed, _ = posed_photos(tmp_path / "photos", TRUE[:textured], a_box_before_a_wall())
    blank, _ = posed_photos(tmp_path / "blank", TRUE[textured:3], [])
    found = adjusted([*posed, *blank], tmp_path / "work")
    assert found.kept == tuple(range(textured, 3))
    assert all(found.posed[index].camera is TRUE[index] for index in found.kept)
