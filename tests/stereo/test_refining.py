"""Cameras refined: planted errors go, the world stays, a photo of nothing keeps its camera."""

from dataclasses import replace

import numpy as np
import pytest

from tests.builders import a_rotation
from tests.stereo.stereo_builders import a_box_before_a_wall, cameras_in_a_row, posed_photos
from warpset.core.geometry import DepthMap
from warpset.stereo.depth_alignment import aligned
from warpset.stereo.refining import match_photos, refine_cameras

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


def refined(posed, depth_maps, tmp_path):
    (tmp_path / "work").mkdir()
    matches = match_photos(posed, tmp_path / "work")
    return refine_cameras(posed, [lambda one=one: one for one in depth_maps], matches)


def test_planted_errors_go_and_the_world_stays(tmp_path):
    true = cameras_in_a_row(4, 0.3, SIZE_WH)
    posed, depths = posed_photos(tmp_path / "photos", true, a_box_before_a_wall())
    off = [replace(p, camera=disturbed(p.camera, seed)) for seed, p in enumerate(posed)]
    factors = (0.9, 1.0, 1.1, 1.0)
    maps = [
        DepthMap(depth * np.float32(factor), None, photo.camera)
        for depth, factor, photo in zip(depths, factors, off, strict=True)
    ]
    found = refined(off, maps, tmp_path)
    assert [photo.path for photo in found.posed] == [p.path for p in posed]
    assert np.median(errors_px(off, true)) > 1.5
    assert np.median(errors_px(found.posed, true)) < 0.1
    centers = np.array([photo.camera.center_world for photo in found.posed])
    np.testing.assert_allclose(centers, [camera.center_world for camera in true], atol=0.03)
    for depth_map, depth, alignment in zip(maps, depths, found.alignments, strict=True):
        known = np.isfinite(depth)
        ratio = aligned(depth_map, alignment).depth[known] / depth[known]
        assert np.median(ratio) == pytest.approx(1.0, abs=0.005)


def test_a_wrong_focal_length_that_photos_share_is_found(tmp_path):
    true = cameras_in_a_row(4, 0.3, SIZE_WH)
    posed, depths = posed_photos(tmp_path / "photos", true, a_box_before_a_wall())
    off = [replace(p, camera=replace(p.camera, K=longer(p.camera.K, 1.02))) for p in posed]
    maps = [DepthMap(depth, None, p.camera) for depth, p in zip(depths, off, strict=True)]
    focals = [photo.camera.K[0, 0] for photo in refined(off, maps, tmp_path).posed]
    assert len(set(focals)) == 1
    assert focals[0] == pytest.approx(true[0].K[0, 0], rel=0.004)


def longer(K, factor):
    return K * np.array([[factor, 1, 1], [1, factor, 1], [1, 1, 1]])


def test_a_photo_that_nothing_matches_keeps_its_camera(tmp_path):
    true = cameras_in_a_row(4, 0.3, SIZE_WH)
    posed, depths = posed_photos(tmp_path / "photos", true[:3], a_box_before_a_wall())
    (blank,), (nothing,) = posed_photos(tmp_path / "blank", true[3:], [])
    maps = [DepthMap(d, None, c) for d, c in zip([*depths, nothing], true, strict=True)]
    found = refined([*posed, blank], maps, tmp_path)
    assert found.posed[3] is blank
    assert [alignment is None for alignment in found.alignments] == [False, False, False, True]


def test_where_nothing_matches_all_stays(tmp_path):
    true = cameras_in_a_row(2, 0.3, SIZE_WH)
    blank, depths = posed_photos(tmp_path / "photos", true, [])
    maps = [DepthMap(depth, None, camera) for depth, camera in zip(depths, true, strict=True)]
    found = refined(blank, maps, tmp_path)
    assert found.alignments == (None, None) and found.posed == tuple(blank)
