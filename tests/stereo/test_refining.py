"""Cameras refined: planted errors go, the world stays, a photo of nothing keeps its camera."""

from dataclasses import replace

import numpy as np

from tests.builders import a_rotation
from tests.stereo.stereo_builders import a_box_before_a_wall, cameras_in_a_row, posed_photos
from warpset.stereo.refining import refine_cameras

SIZE_WH = (320, 240)


def disturbed(camera, seed):
    """The camera turned by half a degree, and moved by 2 % of the step."""
    rng = np.random.default_rng(seed)
    axis, move = rng.normal(size=(2, 3))
    pose = np.eye(4)
    pose[:3, :3] = a_rotation(*(np.radians(0.5) * axis / np.linalg.norm(axis)))
    pose[:3, 3] = 0.02 * 0.3 * move / np.linalg.norm(move)
    return replace(camera, cam_from_world=pose @ camera.cam_from_world)


def errors_px(posed, true_cameras):
    """How far points before the cameras are from where they should be, relative to the first."""
    rays = np.array([[-1, -0.5, 4, 1], [1, 0.5, 4, 1], [0, 0, 5, 1]], np.float64).T

    def seen(cameras):
        first = np.linalg.inv(cameras[0].cam_from_world)
        found = [camera.K @ (camera.cam_from_world @ first @ rays)[:3] for camera in cameras]
        return np.array([points[:2] / points[2] for points in found])

    difference = seen([photo.camera for photo in posed]) - seen(true_cameras)
    return np.linalg.norm(difference, axis=1)


def test_planted_errors_go_and_the_world_stays(tmp_path):
    true = cameras_in_a_row(4, 0.3, SIZE_WH)
    posed, _ = posed_photos(tmp_path / "photos", true, a_box_before_a_wall())
    off = [replace(p, camera=disturbed(p.camera, seed)) for seed, p in enumerate(posed)]
    (tmp_path / "work").mkdir()
    found = refine_cameras(off, tmp_path / "work")
    assert not found.kept and [photo.path for photo in found.posed] == [p.path for p in posed]
    assert np.median(errors_px(off, true)) > 1.5
    assert np.median(errors_px(found.posed, true)) < 0.3
    centers = np.array([photo.camera.center_world for photo in found.posed])
    np.testing.assert_allclose(centers, [camera.center_world for camera in true], atol=0.03)
    assert len(found.points.seen_by(0)) > 50


def test_a_photo_that_nothing_matches_keeps_its_camera(tmp_path):
    true = cameras_in_a_row(4, 0.3, SIZE_WH)
    posed, _ = posed_photos(tmp_path / "photos", true[:3], a_box_before_a_wall())
    (blank,), _ = posed_photos(tmp_path / "blank", true[3:], [])
    (tmp_path / "work").mkdir()
    found = refine_cameras([*posed, blank], tmp_path / "work")
    assert found.kept == (3,) and found.posed[3] is blank


def test_where_nothing_matches_all_stays(tmp_path):
    blank, _ = posed_photos(tmp_path / "photos", cameras_in_a_row(2, 0.3, SIZE_WH), [])
    (tmp_path / "work").mkdir()
    found = refine_cameras(blank, tmp_path / "work")
    assert found.kept == (0, 1) and found.posed == tuple(blank)
    assert len(found.points.xyz_world) == 0
