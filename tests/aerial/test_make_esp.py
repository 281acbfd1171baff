"""make_esp: flights that look at their place, and the project file that says so."""

import json

import numpy as np
import pytest

from aerial_megadepth import make_esp
from aerial_megadepth.earth.earth_models import ecef_from_geographic, enu_from_ecef_rotation
from aerial_megadepth.earth.flight_paths import Flight, Pose, fly

PLACE = ["--latitude", "48.8584", "--longitude", "2.2945", "--altitude", "400"]


def make(root, *flags):
    return make_esp.main(["--data_root", str(root), "--scene", "0001", *PLACE, *flags])


def read_project(path):
    """A project, and per attribute (keyframes, 2): times, and values in their own units."""
    project = json.loads(path.read_text())
    found = {}

    def walk(attributes):
        for attribute in attributes:
            walk(attribute.get("attributes", []))
            if keyframes := attribute.get("keyframes"):
                least = attribute["value"]["minValueRange"]
                span = attribute["value"]["maxValueRange"] - least
                found[attribute["type"]] = np.array(
                    [(frame["time"], least + span * frame["value"]) for frame in keyframes]
                )

    walk(project["scenes"][0]["attributes"])
    return project, found


def east_north_up(pose: Pose, flight: Flight):
    """Metres from the place at sea level, and the direction of view, in the place's axes."""
    to_enu = enu_from_ecef_rotation(flight.latitude_deg, flight.longitude_deg)
    place = ecef_from_geographic(flight.latitude_deg, flight.longitude_deg, 0, "sphere")
    camera = ecef_from_geographic(*pose[:3], "sphere")
    pan, tilt = np.deg2rad(pose.pan_deg), np.deg2rad(pose.tilt_deg)
    local = [np.sin(pan) * np.sin(tilt), np.cos(pan) * np.sin(tilt), -np.cos(tilt)]
    to_ecef = enu_from_ecef_rotation(pose.latitude_deg, pose.longitude_deg).T
    return to_enu @ (camera - place), to_enu @ to_ecef @ local


@pytest.mark.parametrize("kind", ["orbit", "grid"])
@pytest.mark.parametrize("latitude", [-33.9, 0.0, 78.0])
def test_every_pose_looks_at_the_place(kind, latitude):
    flight = Flight(latitude, 151.2, 300, 500, 40, 30, kind)
    poses = fly(flight)
    assert len(poses) == 31
    for pose in poses:
        offset, direction = east_north_up(pose, flight)
        to_target = np.array([0, 0, 40]) - offset
        np.testing.assert_allclose(direction, to_target / np.linalg.norm(to_target), atol=1e-6)


def test_an_orbit_goes_once_around_at_its_radius_and_altitude():
    flight = Flight(48.9, 2.3, 300, 500, 0, 36)
    offsets = np.array([east_north_up(pose, flight)[0] for pose in fly(flight)])
    np.testing.assert_allclose(np.hypot(offsets[:, 0], offsets[:, 1]), 300, rtol=1e-3)
    np.testing.assert_allclose(offsets[0], offsets[-1], atol=1e-6)
    np.testing.assert_allclose(offsets[18, :2], -offsets[0, :2], atol=1)
    assert offsets[9, 0] < -299, "clockwise: from the south to the west"
    assert all(pose.altitude_m == 500 for pose in fly(flight))


@pytest.mark.parametrize("frames", [2, 3, 7, 25, 26])
def test_a_grid_stays_in_its_square_and_never_jumps(frames):
    flight = Flight(48.9, 2.3, 300, 500, 0, frames, "grid")
    offsets = np.array([east_north_up(pose, flight)[0] for pose in fly(flight)])[:, :2]
    assert len(offsets) == frames + 1 and np.abs(offsets).max() < 300.5
    if frames == 25:
        steps = np.linalg.norm(np.diff(offsets[:-1], axis=0), axis=1)
        np.testing.assert_allclose(steps, 150, rtol=1e-2)


def test_above_the_place_the_camera_looks_straight_down():
    pose = fly(Flight(48.9, 2.3, 300, 500, 0, 25, "grid"))[12]
    assert pose.tilt_deg == pytest.approx(0, abs=1e-4) and pose.pan_deg == 0


def test_the_project_holds_the_flight(tmp_path, capsys):
    assert make(tmp_path, "--frames", "24", "--width", "1280", "--height", "720") == 0
    path = tmp_path / "geojsons/0001/0001.esp"
    project, attributes = read_project(path)
    assert project["settings"]["duration"] == project["scenes"][0]["duration"] == 24
    assert project["settings"]["dimensions"] == {"width": 1280, "height": 720}
    poses = np.array(fly(Flight(48.8584, 2.2945, 300, 400, 0, 24)))
    names = ("latitude", "longitude", "altitude", "rotationX", "rotationY")
    for name, column, tolerance in zip(names, poses.T, (1e-9, 1e-9, 1e-6, 1e-9, 1e-9), strict=True):
        np.testing.assert_allclose(attributes[name][:, 1], column, atol=tolerance)
        np.testing.assert_allclose(attributes[name][:, 0], np.arange(25) / 24)
    assert "orbit of 24 frames" in capsys.readouterr().err


def test_the_same_project_again_is_fine_another_one_is_not_overwritten(tmp_path, capsys):
    assert make(tmp_path) == make(tmp_path) == 0
    path = tmp_path / "geojsons/0001/0001.esp"
    before = path.read_bytes()
    assert make(tmp_path, "--radius", "200") == 1
    assert "holds another project" in capsys.readouterr().err and path.read_bytes() == before
    assert make(tmp_path, "--radius", "200", "--force_output") == 0
    assert path.read_bytes() != before


@pytest.mark.parametrize(
    "flags",
    [
        ["--scene", "../x"],
        ["--latitude", "95"],
        ["--longitude", "nan"],
        ["--frames", "1"],
        ["--target_altitude", "400"],
        ["--path", "spiral"],
    ],
)
def test_a_wrong_command_line_is_one_line_and_code_2(tmp_path, capsys, flags):
    with pytest.raises(SystemExit) as ended:
        make(tmp_path, *flags)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
