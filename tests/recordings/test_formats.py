"""Every format of the table in docs/photos-and-recordings.md: its cameras, depth and trust."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.builders import PLANE_DEPTH_M, a_scene, read_transforms_file, write_transforms
from tests.recordings import format_builders as formats
from warpset.core.errors import InputError
from warpset.recordings.registry import READERS, find_recording, read_recording, recorded_geometry

DOCS = Path(__file__).parents[2] / "docs" / "photos-and-recordings.md"

BUILDERS = {
    "instant_ngp": "nerfstudio or instant-ngp",
    "dl3dv": "nerfstudio or instant-ngp",
    "scannetpp": "ScanNet++",
    "blender": "Blender (NeRF synthetic)",
    "polycam": "Polycam",
    "stray_scanner": "Stray Scanner",
    "scannet": "ScanNet",
    "tum": "TUM RGB-D",
    "seven_scenes": "7-Scenes",
    "colmap_workspace": "COLMAP model",
    "record3d": "Record3D",
}
WITHOUT_DEPTH = ("blender",)
WITH_CONFIDENCE = ("polycam", "stray_scanner", "record3d")


def a_recording(name, scene):
    if name == "record3d":
        pytest.importorskip("liblzfse")
    scene.mkdir()
    getattr(formats, name)(scene)
    recording = read_recording(scene)
    assert recording is not None
    return recording


@pytest.mark.parametrize("name", BUILDERS)
def test_each_format_is_known_and_gives_the_cameras_that_took_the_photos(tmp_path, name):
    recording = a_recording(name, tmp_path / "scene")
    assert recording.format == BUILDERS[name] and not recording.problems and not recording.missing
    assert len(recording.frames) == 3
    for frame, camera in zip(recording.frames, formats.CAMERAS, strict=True):
        found = frame.photo.camera.cam_from_world
        np.testing.assert_allclose(found, camera.cam_from_world, atol=1e-6)
        if name not in ("tum", "seven_scenes", "scannetpp"):  # no intrinsics; a fisheye
            np.testing.assert_allclose(frame.photo.camera.K, camera.K, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in BUILDERS if name not in WITHOUT_DEPTH])
def test_each_format_that_has_depth_gives_it_in_metres(tmp_path, name):
    recording = a_recording(name, tmp_path / "scene")
    for frame in recorded_geometry(recording, recording.frames).frames:
        depth_map = frame.load_depth()
        np.testing.assert_allclose(depth_map.depth, PLANE_DEPTH_M, rtol=1e-6)
        if name in WITH_CONFIDENCE:
            assert depth_map.confidence is not None
            high, low = depth_map.confidence[0, 0], depth_map.confidence[0, -1]
            assert high == 2.0 and low == pytest.approx(1.0, abs=0.01)
        else:
            assert depth_map.confidence is None


def test_the_docs_have_a_row_for_each_format():
    rows = re.findall(r"^\| \*\*(.+?)\*\*", DOCS.read_text(encoding="utf-8"), flags=re.M)
    assert {reader.format for reader in READERS} <= set(rows)
    assert {reader.format for reader in READERS} == set(BUILDERS.values()), "a test a row"


def test_a_plain_folder_of_photos_is_none_of_them(tmp_path):
    formats.put_photo(tmp_path / "images" / "0.png", 0)
    assert find_recording(tmp_path) is None


def test_the_calibration_of_a_tum_sequence_goes_by_its_folders_name(tmp_path):
    formats.tum(scene := tmp_path / "rgbd_dataset_freiburg3_office")
    other = tmp_path / "office"
    shutil.copytree(scene, other)
    named, unnamed = read_recording(scene), read_recording(other)
    assert named is not None and unnamed is not None
    assert named.frames[0].photo.camera.K[0, 0] == pytest.approx(535.4 / 10)
    K = unnamed.frames[0].photo.camera.K
    np.testing.assert_allclose(K[:2, 2], [32, 24])  # 319.5 for centres at whole numbers


def test_a_tum_photo_without_a_pose_near_in_time_is_named(tmp_path):
    formats.tum(tmp_path)
    poses = (tmp_path / "groundtruth.txt").read_text().splitlines()
    (tmp_path / "groundtruth.txt").write_text("\n".join(poses[:-1]))
    recording = read_recording(tmp_path)
    assert recording is not None and len(recording.frames) == 2
    assert "no pose within 0.02 s" in next(iter(recording.problems.values()))


def test_optimised_cameras_of_polycam_go_before_raw_ones(tmp_path):
    formats.polycam(tmp_path)
    for name in ("cameras", "images"):
        shutil.copytree(tmp_path / "keyframes" / name, tmp_path / "keyframes" / f"corrected_{name}")
    recording = read_recording(tmp_path)
    assert recording is not None and recording.origin == "keyframes/corrected_cameras"
    assert recording.frames[0].photo.path.parent.name == "corrected_images"


def test_a_stray_scanner_recording_without_photos_and_video_says_what_is_missing(tmp_path):
    formats.stray_scanner(tmp_path)
    shutil.rmtree(tmp_path / "rgb")
    with pytest.raises(InputError, match="found neither rgb/ nor rgb.mp4"):
        read_recording(tmp_path)


def test_an_lzfse_bomb_is_not_unpacked(tmp_path):
    liblzfse = pytest.importorskip("liblzfse")
    formats.record3d(tmp_path)
    (tmp_path / "rgbd/0.depth").write_bytes(liblzfse.compress(bytes(50_000_000)))
    recording = read_recording(tmp_path)
    assert recording is not None
    frames = recorded_geometry(recording, recording.frames).frames
    with pytest.raises(InputError, match="0.depth: .* announces 50000000 bytes, need 12288"):
        frames[0].load_depth()


def test_a_scannet_pose_that_was_lost_leaves_its_photo_out(tmp_path):
    formats.scannet(tmp_path)
    (tmp_path / "pose/1.txt").write_text("\n".join(["-inf -inf -inf -inf"] * 4))
    recording = read_recording(tmp_path)
    assert recording is not None and len(recording.frames) == 2
    assert "not finite" in next(iter(recording.problems.values()))


@pytest.mark.parametrize("name", ["cameras", "images", "points3D", "rigs", "frames"])
def test_a_colmap_count_larger_than_its_file_is_refused_before_it_is_believed(tmp_path, name):
    formats.colmap_workspace(tmp_path)
    path = tmp_path / "dense/sparse" / f"{name}.bin"
    content = bytearray(path.read_bytes())
    content[5] = 0x7F
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{name}.bin: no readable COLMAP model .it announces"):
        read_recording(tmp_path)


@pytest.mark.parametrize("name", ["cameras.bin", "points3D.txt"])
def test_a_colmap_file_larger_than_any_is_not_read(tmp_path, name):
    formats.colmap_workspace(tmp_path)
    path = tmp_path / "dense/sparse" / name
    path.touch()
    os.truncate(path, 19 * 2**30)
    with pytest.raises(InputError, match=f"{name}: no readable COLMAP model .more than"):
        read_recording(tmp_path)


NONSENSE_CAMERAS = [
    {"width": 0},
    {"width": 10**300},
    {"fx": -60.0},
    {"fx": 1e308, "width": 1e300},
    {"fx": 10**400},
    {"t_00": [1]},
    {"height": None},
]


@pytest.mark.parametrize("change", NONSENSE_CAMERAS)
def test_a_camera_that_makes_no_sense_costs_its_own_photo(tmp_path, change):
    formats.polycam(tmp_path / "room")
    path = tmp_path / "room/keyframes/cameras/10.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    recording = read_recording(tmp_path / "room")
    assert recording is not None and len(recording.frames) == 2
    (problem,) = recording.problems.values()
    assert "left out" in problem and "\n" not in problem


def test_a_recording_of_nothing_is_one_line(tmp_path):
    formats.stray_scanner(tmp_path / "room")
    (tmp_path / "room/odometry.csv").write_text("")
    with pytest.raises(InputError, match="odometry.csv: cannot be read as a recording of Stray"):
        read_recording(tmp_path / "room")


@pytest.mark.parametrize("listed", ["a" * 300, "a/" * 2000, "\ud800.png", "nul\0l.png"])
def test_a_path_that_no_disk_has_costs_its_own_photo(tmp_path, listed):
    scene = a_scene(tmp_path / "room")
    content = read_transforms_file(scene)
    content["frames"][1]["file_path"] = listed
    write_transforms(scene, content)
    recording = read_recording(scene)
    assert recording is not None and len(recording.frames) == 2
    (problem,) = recording.problems.values()
    assert "refused the path" in problem and len(problem) < 500


def test_of_a_reconstruction_in_parts_the_largest_is_taken(tmp_path):
    for index in range(3):
        formats.put_photo(tmp_path / f"images/{index}.png", index)
    formats.colmap_model(tmp_path / "sparse/0", names=("0.png",))
    formats.colmap_model(tmp_path / "sparse/2")
    recording = read_recording(tmp_path)
    assert recording is not None and recording.origin == "sparse/2"


@pytest.mark.parametrize("folder", ["colmap_text", "."])
def test_a_colmap_model_in_text_lies_beside_the_photos_as_well(tmp_path, folder):
    for index in range(3):
        formats.put_photo(tmp_path / f"images/{index}.png", index)
    (tmp_path / "made").mkdir()
    formats.colmap_model(tmp_path / "made/model", binary=False)
    shutil.copytree(tmp_path / "made/model", tmp_path / folder, dirs_exist_ok=True)
    recording = read_recording(tmp_path)
    assert recording is not None and len(recording.frames) == 3 and not recording.problems


@pytest.mark.parametrize(("binary", "name"), [(True, "4242"), (False, "METASHAPE")])
def test_a_camera_model_that_colmap_does_not_know_is_named(tmp_path, binary, name):
    formats.colmap_model(model := tmp_path / "sparse/0", binary=binary)
    if binary:
        content = bytearray((model / "cameras.bin").read_bytes())
        content[12:16] = int(name).to_bytes(4, "little")
        (model / "cameras.bin").write_bytes(content)
    else:
        text = (model / "cameras.txt").read_text()
        (model / "cameras.txt").write_text(text.replace(" PINHOLE ", f" {name} "))
    with pytest.raises(InputError, match=f"its camera model is '{name}', need one of SIMPLE_PINHO"):
        read_recording(tmp_path)


def test_an_unknown_model_behind_a_known_one_is_named(tmp_path):
    formats.colmap_model(model := tmp_path / "sparse/0")
    content = (model / "cameras.bin").read_bytes()
    second = bytearray(content[8:])
    second[4:8] = (4242).to_bytes(4, "little")
    (model / "cameras.bin").write_bytes((2).to_bytes(8, "little") + content[8:] + bytes(second))
    with pytest.raises(InputError, match="its camera model is '4242'"):
        read_recording(tmp_path)
