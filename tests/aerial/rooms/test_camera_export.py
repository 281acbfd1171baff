"""Earth Studio's cameras: reference values, the real export, round trips, and the two earths."""

import json

import numpy as np
import pytest

from aerial_megadepth.earth.camera_export import (
    StudioCamera,
    heading_and_pitch,
    metric_cameras,
    read_export,
)
from aerial_megadepth.earth.earth_models import (
    ecef_from_geographic,
    enu_from_ecef_rotation,
    spherical_from_ecef,
)
from tests.aerial.aerial_builders import PLACE, an_export, an_orbit
from tests.builders import SHARED_DATA
from warpset.core.cameras import project
from warpset.core.errors import InputError

FIUMICINO = SHARED_DATA / "aerial" / "ges_fiumicino.json"


def a_studio_camera(rotation_deg, latitude, longitude, altitude=500.0):
    place = latitude, longitude, altitude
    position = ecef_from_geographic(*place, "sphere")
    return StudioCamera(position, np.array(rotation_deg), place, 20.0)


def looks(rotation_deg, latitude, longitude):
    camera = a_studio_camera(rotation_deg, latitude, longitude)
    return heading_and_pitch(metric_cameras([camera], (1920, 1080), "sphere")[0])


def test_the_first_reference_camera_looks_straight_down():
    _, pitch = looks((180, -56.0834848188, -90), 33.9165151812, 0)
    assert pitch == pytest.approx(-90, abs=1e-6)


def test_the_second_reference_camera_has_its_heading_and_pitch():
    heading, pitch = looks((159.34466, 67.17562, 45.66901), 31.23933, 121.73286)
    assert heading == pytest.approx(270.11, abs=0.01)
    assert pitch == pytest.approx(-44.61, abs=0.01)


def test_the_real_export_lies_on_the_sphere_and_flies_level():
    if not FIUMICINO.exists():
        pytest.skip("the real export is not here")
    export = read_export(FIUMICINO)
    assert len(export.cameras) == 97 and export.content["numFrames"] == 96
    for camera in export.cameras:
        on_sphere = ecef_from_geographic(*camera.place, "sphere")
        assert np.linalg.norm(camera.position_m - on_sphere) < 1e-6
    for camera in export.cameras:
        (on_its_own,) = metric_cameras([camera], export.size_wh, "sphere")
        heading, pitch = heading_and_pitch(on_its_own)
        assert heading - 360 == pytest.approx(-21.0, abs=1e-6)
        assert pitch == pytest.approx(0.0, abs=1e-6)


def test_focal_length_and_principal_point_are_those_of_the_picture():
    if not FIUMICINO.exists():
        pytest.skip("the real export is not here")
    export = read_export(FIUMICINO)
    K = metric_cameras(export.cameras[:1], export.size_wh, "sphere")[0].K
    focal = 1080 / (2 * np.tan(np.deg2rad(10)))
    np.testing.assert_allclose(K, [[focal, 0, 960], [0, focal, 540], [0, 0, 1]])


def test_a_trajectory_comes_back_to_a_millimetre(tmp_path):
    written = an_orbit(60)
    an_export(tmp_path / "s.json", written)
    export = read_export(tmp_path / "s.json")
    read = metric_cameras(export.cameras[:-1], export.size_wh, "sphere")
    start = spherical_from_ecef(export.cameras[0].position_m)
    start_from_place = enu_from_ecef_rotation(*start[:2]) @ enu_from_ecef_rotation(*PLACE[:2]).T
    for one, other in zip(read, written, strict=True):
        center = start_from_place @ (other.center_world - written[0].center_world)
        np.testing.assert_allclose(one.center_world, center, atol=1e-3)
        rotation = other.cam_from_world[:3, :3] @ start_from_place.T
        np.testing.assert_allclose(one.cam_from_world[:3, :3], rotation, atol=1e-6)
        np.testing.assert_allclose(one.K, other.K, rtol=1e-9)


def test_the_first_frame_is_the_origin_and_up_is_up(tmp_path):
    an_export(tmp_path / "s.json", an_orbit(3))
    cameras = metric_cameras(read_export(tmp_path / "s.json").cameras, (64, 48), "sphere")
    np.testing.assert_array_equal(cameras[0].center_world, [0, 0, 0])
    heading, pitch = heading_and_pitch(cameras[0])
    assert heading == pytest.approx(0, abs=0.01)
    assert pitch == pytest.approx(-np.rad2deg(np.arctan2(80, 100)), abs=0.01)
    below = cameras[0].center_world + [0, 100, -80]
    uv, _ = project(cameras[0], below)
    np.testing.assert_allclose(uv, [32, 24], atol=0.1)


def test_wgs84_is_the_textbook_ellipsoid():
    equator = ecef_from_geographic(0, 90, 10, "wgs84")
    np.testing.assert_allclose(equator, [0, 6378147, 0], atol=1e-6)
    pole = ecef_from_geographic(90, 0, 0, "wgs84")
    np.testing.assert_allclose(pole, [0, 0, 6356752.3142], atol=1e-4)
    somewhere = ecef_from_geographic(45, 0, 0, "wgs84")
    np.testing.assert_allclose(somewhere, [4517590.8788, 0, 4487348.4089], atol=1e-3)


def test_the_two_earths_agree_on_directions_and_differ_in_scale(tmp_path):
    an_export(tmp_path / "s.json", an_orbit(40))
    export = read_export(tmp_path / "s.json")
    sphere = metric_cameras(export.cameras, export.size_wh, "sphere")
    wgs84 = metric_cameras(export.cameras, export.size_wh, "wgs84")
    spans = [np.linalg.norm(cameras[30].center_world) for cameras in (sphere, wgs84)]
    assert spans[1] / spans[0] == pytest.approx(1, abs=0.005) and spans[1] != spans[0]
    for one, other in zip(sphere, wgs84, strict=True):
        np.testing.assert_allclose(
            one.cam_from_world[:3, :3], other.cam_from_world[:3, :3], atol=1e-6
        )


def spoil(path, change):
    content = an_export(path, an_orbit(3))
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda c: c.pop("cameraFrames"), "no 'cameraFrames'"),
        (lambda c: c["cameraFrames"][1].pop("fovVertical"), "no 'fovVertical'"),
        (lambda c: c["cameraFrames"][1].update(fovVertical=180), "field of view of 180"),
        (lambda c: c["cameraFrames"][1]["rotation"].update(x="0"), "'0' for a number"),
        (lambda c: c["cameraFrames"][1]["position"].update(x=float("nan")), "'nan' for a number"),
        (lambda c: c.update(cameraFrames=[]), 'no list "cameraFrames"'),
        (lambda c: c.update(frameRate=0), "not positive"),
        (lambda c: c.update(width=float("inf")), "'inf' for a number"),
        (lambda c: c.update(height=10**400), "too large"),
        (lambda c: c["cameraFrames"][1]["position"].update(x=5.0), "Coordinate Space: Global"),
    ],
)
def test_another_json_is_one_line(tmp_path, change, found):
    spoil(tmp_path / "s.json", change)
    with pytest.raises(InputError) as error:
        read_export(tmp_path / "s.json")
    assert found in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("content", [None, "{", "[1]", '"text"'])
def test_no_json_at_all_is_one_line(tmp_path, content):
    if content is not None:
        (tmp_path / "s.json").write_text(content)
    with pytest.raises(InputError):
        read_export(tmp_path / "s.json")
