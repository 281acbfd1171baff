"""Recorded geometry: transforms.json, COLMAP models and depth files, good and bad."""

import json

import cv2
import h5py
import numpy as np
import OpenEXR
import pycolmap
import pytest
from PIL import Image

from tests.builders import (
    PLANE_DEPTH_M,
    SHARED_DATA,
    a_camera,
    a_photo,
    a_scene,
    opengl_pose,
    read_transforms_file,
)
from tests.recordings.format_builders import recording_of
from warpset.core import lens
from warpset.core.cameras import project, unproject
from warpset.core.errors import InputError
from warpset.core.lens import undistort_photo
from warpset.core.sizes import shrunk_size
from warpset.files.depth_files import read_depth
from warpset.recordings.recording import same_aspect
from warpset.recordings.registry import read_recording, recorded_geometry


def depth_maps(recording):
    frames = recorded_geometry(recording, recording.frames).frames
    return [frame.load_depth() for frame in frames]


def test_a_folder_without_cameras_records_nothing(tmp_path):
    assert read_recording(tmp_path) is None


def test_transforms_json_gives_cameras_and_metric_depth(tmp_path):
    recording = recording_of(a_scene(tmp_path / "s"))
    second = recording.frames[1].photo.camera
    np.testing.assert_allclose(second.center_world, [0.1, 0, 0], atol=1e-9)
    np.testing.assert_allclose(second.K, [[60, 0, 32], [0, 60, 24], [0, 0, 1]])
    depth, confidence, camera, _ = depth_maps(recording)[1]
    assert confidence is None and camera.size_wh == (64, 48)
    np.testing.assert_allclose(depth, PLANE_DEPTH_M)


def test_depth_of_one_frame_lands_on_the_next_one(tmp_path):
    one, other, _ = depth_maps(recording_of(a_scene(tmp_path / "s")))
    uv, z = project(other.camera, unproject(one.camera, one.depth))
    np.testing.assert_allclose(uv[0, 0], [0.5 - 3, 0.5], atol=1e-4)
    np.testing.assert_allclose(z, PLANE_DEPTH_M, rtol=1e-6)


def test_frames_come_in_natural_order_whatever_the_file_says(tmp_path):
    scene = a_scene(tmp_path / "s", photos=11)
    frames = read_transforms_file(scene)["frames"]
    recording = recording_of(scene, frames=frames[::-1])
    assert [frame.photo.path.stem for frame in recording.frames] == [str(i) for i in range(1, 12)]


def test_a_field_of_view_stands_in_for_the_focal_length(tmp_path):
    scene = a_scene(tmp_path / "s")
    fields = {"fl_x": None, "fl_y": None, "cx": None, "cy": None, "w": None, "h": None}
    camera = recording_of(scene, **fields, camera_angle_x=np.pi / 2).frames[0].photo.camera
    np.testing.assert_allclose(camera.K, [[32, 0, 32], [0, 32, 24], [0, 0, 1]], atol=1e-9)


def test_intrinsics_of_a_frame_go_before_those_of_the_file(tmp_path):
    scene = a_scene(tmp_path / "s")
    frames = read_transforms_file(scene)["frames"]
    frames[0] |= {"fl_x": 70.0, "cx": 30.0}
    K = recording_of(scene, frames=frames).frames[0].photo.camera.K
    np.testing.assert_allclose(K, [[70, 0, 30], [0, 60, 24], [0, 0, 1]])


def test_a_photo_of_half_the_size_halves_its_intrinsics(tmp_path):
    recording = recording_of(
        a_scene(tmp_path / "s"), fl_x=120.0, fl_y=120.0, cx=64, cy=48, w=128, h=96
    )
    camera = recording.frames[0].photo.camera
    np.testing.assert_allclose(camera.K, [[60, 0, 32], [0, 60, 24], [0, 0, 1]])
    assert camera.size_wh == (64, 48)


def test_a_path_without_extension_finds_its_photo(tmp_path):
    scene = a_scene(tmp_path / "s")
    frames = read_transforms_file(scene)["frames"]
    for index, frame in enumerate(frames):
        frame["file_path"] = f"./images/{index + 1}"
    assert len(recording_of(scene, frames=frames).frames) == 3


def test_listed_photos_that_are_not_on_disk_are_counted(tmp_path):
    scene = a_scene(tmp_path / "s")
    (scene / "images" / "2.png").unlink()
    recording = recording_of(scene)
    assert len(recording.frames) == 2 and len(recording.missing) == 1 and not recording.problems


@pytest.mark.parametrize("key", ["file_path", "depth_file_path"])
@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "images/../../1.png", "C:\\x"])
def test_paths_that_leave_the_scene_are_refused_by_name(tmp_path, key, path):
    scene = a_scene(tmp_path / "s")
    frames = read_transforms_file(scene)["frames"]
    frames[0][key] = path
    recording = recording_of(scene, frames=frames)
    (problem,) = recording.problems.values()
    assert repr(path) in problem and "leaves the scene folder" in problem
    assert len(recording.frames) == 2


def test_an_absolute_path_into_the_scene_is_taken(tmp_path):
    scene = a_scene(tmp_path / "s")
    frames = read_transforms_file(scene)["frames"]
    frames[0]["file_path"] = str(scene.resolve() / "images" / "1.png")
    assert len(recording_of(scene, frames=frames).frames) == 3


@pytest.mark.parametrize(
    "entry",
    [
        {"transform_matrix": [[1, 2], [3, 4]]},
        {"transform_matrix": np.full((4, 4), np.nan).tolist()},
        {"transform_matrix": np.diag([2.0, 2, 2, 1]).tolist()},
        {"transform_matrix": np.diag([1.0, 1, -1, 1]).tolist()},
        {"transform_matrix": None},
        {"fl_x": -3},
        {"fl_x": "wide"},
        {"fl_x": 1e300},
        {"fl_y": 1e-300},
        {"cy": -1e300},
        {"w": 640, "h": 640},
        {"depth_unit_scale_factor": 0},
    ],
)
def test_a_frame_that_cannot_be_is_left_out_and_named(tmp_path, entry):
    scene = a_scene(tmp_path / "s")
    frames = read_transforms_file(scene)["frames"]
    frames[0] |= entry
    recording = recording_of(scene, frames=frames)
    assert len(recording.frames) == 2
    ((path, problem),) = recording.problems.items()
    assert path.name == "1.png" and "1.png" in problem and "\n" not in problem


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"frames": 3}', '{"frames": [3]}', '{"frames": [{}]}']
)
def test_an_unreadable_transforms_json_is_named(tmp_path, text):
    (tmp_path / "transforms.json").write_text(text)
    with pytest.raises(InputError, match="transforms.json"):
        read_recording(tmp_path)


def test_a_photo_listed_twice_is_a_contradiction(tmp_path):
    scene = a_scene(tmp_path / "s")
    frames = read_transforms_file(scene)["frames"]
    with pytest.raises(InputError, match="lists a photo twice"):
        recording_of(scene, frames=[*frames, frames[0]])


def test_depth_of_another_size_is_taken_when_the_aspect_agrees(tmp_path):
    scene = a_scene(tmp_path / "s")
    cv2.imwrite(str(scene / "depths" / "1.png"), np.full((24, 32), 2000, np.uint16))
    depth, _, camera, _ = depth_maps(recording_of(scene))[0]
    assert depth.shape == (24, 32)
    np.testing.assert_allclose(camera.K, [[30, 0, 16], [0, 30, 12], [0, 0, 1]])


def test_depth_of_another_aspect_is_refused(tmp_path):
    scene = a_scene(tmp_path / "s")
    cv2.imwrite(str(scene / "depths" / "1.png"), np.full((48, 48), 2000, np.uint16))
    with pytest.raises(InputError, match="1.png: found 48x48, need the aspect of its photo 64x48"):
        depth_maps(recording_of(scene))


DEPTH = np.array([[0, 1.5, 2.5], [3.5, 65.0, 4.5]], np.float32)


def write_exr(path, depth, channel="Y"):
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {channel: depth}).write(str(path))


def write_depth(path, depth):
    match path.suffix:
        case ".png" | ".tif":
            cv2.imwrite(str(path), (depth * 1000).astype(np.uint16))
        case ".exr":
            write_exr(path, depth)
        case ".h5":
            with h5py.File(path, "w") as file:
                file["depth"] = depth
        case ".npy":
            np.save(path, depth)
        case ".npz":
            np.savez(path, depth=depth, other=depth + 1)


@pytest.mark.parametrize("extension", [".png", ".tif", ".exr", ".h5", ".npy", ".npz"])
def test_depth_comes_back_from_every_format(tmp_path, extension):
    path = tmp_path / f"depth{extension}"
    write_depth(path, DEPTH)
    np.testing.assert_allclose(read_depth(path), DEPTH, rtol=1e-6)
    np.testing.assert_allclose(
        read_depth(path, 2.0), DEPTH * (2000 if extension in (".png", ".tif") else 2), rtol=1e-6
    )


def test_depth_of_a_single_column_or_row_stays_an_image(tmp_path):
    for shape in ((1, 1), (1, 5), (5, 1)):
        np.save(tmp_path / "d.npy", np.ones((*shape, 1), np.float32))
        assert read_depth(tmp_path / "d.npy").shape == shape


def test_what_is_no_depth_is_unknown(tmp_path):
    np.save(tmp_path / "d.npy", np.array([[np.nan, np.inf, -1, 0, 2]], np.float32))
    np.testing.assert_array_equal(read_depth(tmp_path / "d.npy"), [[0, 0, 0, 0, 2]])
    cv2.imwrite(str(tmp_path / "d.png"), np.array([[65535, 0, 65534]], np.uint16))
    np.testing.assert_allclose(read_depth(tmp_path / "d.png"), [[0, 0, 65.534]])


@pytest.mark.parametrize("name", ["a.png", "a.exr", "a.h5", "a.npy", "a.npz", "a.tif", "a.obj"])
def test_depth_files_that_are_missing_or_garbage_are_named(tmp_path, name):
    with pytest.raises(InputError, match=name):
        read_depth(tmp_path / name)
    (tmp_path / name).write_bytes(b"garbage")
    with pytest.raises(InputError, match=name):
        read_depth(tmp_path / name)


def test_pickled_depth_is_not_loaded(tmp_path):
    np.save(tmp_path / "d.npy", np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(InputError, match="d.npy"):
        read_depth(tmp_path / "d.npy")


def test_colour_pictures_are_no_depth(tmp_path):
    cv2.imwrite(str(tmp_path / "d.png"), a_photo())
    with pytest.raises(InputError, match="48x64x3, need one channel"):
        read_depth(tmp_path / "d.png")


DISTORTION = {"k1": -0.12, "k2": 0.03, "p1": 0.004, "p2": -0.006, "k3": 0.01}


def test_distortion_is_removed_from_photo_and_depth_alike(tmp_path):
    scene = a_scene(tmp_path / "s", size_wh=(320, 240), fields={"fl_x": 300.0, "fl_y": 300.0})
    recording = recording_of(scene, **DISTORTION)
    photo = recording.frames[0].photo
    camera = photo.camera
    assert photo.lens is not None
    corners = np.array([[0.5, 0.5], [160.0, 120.0], [camera.size_wh[0] - 0.5, 7.5]])
    rays = np.column_stack([(corners - camera.K[:2, 2]) / np.diag(camera.K)[:2], np.ones(3)])
    K = np.array([[300, 0, 160], [0, 300, 120], [0, 0, 1.0]])
    coefficients = np.array([DISTORTION[name] for name in ("k1", "k2", "p1", "p2", "k3")])
    expected = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), K, coefficients)[0][:, 0]
    positions = photo.lens.photo_positions(camera)
    found = [positions[int(y), int(x)] for x, y in corners - 0.5]
    np.testing.assert_allclose(found[0], expected[0], atol=1e-2)
    np.testing.assert_allclose(found[2], expected[2], atol=1e-2)
    depth, _, depth_camera, _ = depth_maps(recording)[0]
    assert depth_camera.size_wh == camera.size_wh
    assert (depth > 0).all()


def test_a_photo_undistorted_in_bands_is_the_one_undistorted_at_once(tmp_path, monkeypatch):
    scene = a_scene(tmp_path / "s", size_wh=(320, 240), fields={"fl_x": 300.0, "fl_y": 300.0})
    photo = recording_of(scene, **DISTORTION).frames[0].photo
    assert photo.lens is not None
    camera, rgb = photo.camera.resized((150, 110)), a_photo((320, 240))
    whole = undistort_photo(rgb, photo.lens, camera)
    monkeypatch.setattr(lens, "BAND_SAMPLES", 5000)
    np.testing.assert_array_equal(undistort_photo(rgb, photo.lens, camera), whole)


@pytest.mark.parametrize("whole", [(6000, 4000), (4000, 6000), (5472, 3648), (6048, 4024)])
def test_one_pixel_of_rounding_counts_in_the_smaller_size(whole):
    small = shrunk_size(whole, 1600)
    assert same_aspect(whole, small) and same_aspect(small, whole)
    assert not same_aspect(whole, (small[0], small[1] + 4))


def test_zero_distortion_leaves_a_pinhole(tmp_path):
    recording = recording_of(a_scene(tmp_path / "s"), k1=0.0, k2=0.0, p1=0.0, p2=0.0)
    assert recording.frames[0].photo.lens is None


def a_colmap_scene(folder, binary=False, model="PINHOLE"):
    scene = a_scene(folder)
    reconstruction = pycolmap.Reconstruction()
    camera = pycolmap.Camera.create_from_model_name(1, model, 60.0, 64, 48)
    reconstruction.add_camera_with_trivial_rig(camera)
    for index in range(3):
        pose = a_camera(at=(0.1 * index, 0, 0)).cam_from_world
        image = pycolmap.Image(name=f"{index + 1}.png", camera_id=1, image_id=index + 1)
        reconstruction.add_image_with_trivial_frame(image, pycolmap.Rigid3d(pose[:3]))
    out = scene / ("sparse/0" if binary else "sparse-txt")
    out.mkdir(parents=True)
    (reconstruction.write_binary if binary else reconstruction.write_text)(str(out))
    (scene / "transforms.json").unlink()
    return scene


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("model", ["PINHOLE", "SIMPLE_RADIAL"])
def test_a_colmap_model_gives_the_cameras_transforms_json_gives(tmp_path, binary, model):
    from_colmap = read_recording(a_colmap_scene(tmp_path / "a", binary, model))
    from_json = read_recording(a_scene(tmp_path / "b"))
    assert from_colmap is not None and from_json is not None and from_colmap.has_depth
    for one, other in zip(from_colmap.frames, from_json.frames, strict=True):
        assert one.photo.path.name == other.photo.path.name
        np.testing.assert_allclose(one.photo.camera.K, other.photo.camera.K)
        np.testing.assert_allclose(
            one.photo.camera.cam_from_world, other.photo.camera.cam_from_world, atol=1e-12
        )


def test_a_broken_colmap_model_is_named(tmp_path):
    scene = a_colmap_scene(tmp_path / "s")
    (scene / "sparse-txt" / "cameras.txt").write_text("1 PINHOLE 64 48 60\n")
    with pytest.raises(InputError, match="sparse-txt: no readable COLMAP model"):
        read_recording(scene)


def test_a_colmap_image_name_cannot_leave_the_scene(tmp_path):
    scene = a_colmap_scene(tmp_path / "s")
    images = scene / "sparse-txt" / "images.txt"
    images.write_text(images.read_text().replace(" 1.png", " ../../1.png"))
    recording = read_recording(scene)
    assert recording is not None and len(recording.frames) == 2
    assert "leaves the scene folder" in "".join(recording.problems.values())


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="needs the shared sample data")
@pytest.mark.parametrize("name", ["hololens", "rgbd_synthetic"])
def test_real_depth_agrees_between_neighbours(name):
    recording = read_recording(SHARED_DATA / "scenes" / name)
    assert recording is not None
    one, other = depth_maps(recording._replace(frames=recording.frames[:2]))
    uv, z = project(other.camera, unproject(one.camera, one.depth)[one.depth > 0])
    columns, rows = np.floor(uv).astype(int).T
    width, height = other.camera.size_wh
    inside = (z > 0) & (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    there = other.depth[rows[inside], columns[inside]]
    known = there > 0
    assert np.median(np.abs(there[known] / z[inside][known] - 1)) < 0.01


def test_the_pose_of_a_photo_may_be_rounded_text(tmp_path):
    scene = a_scene(tmp_path / "s")
    frames = read_transforms_file(scene)["frames"]
    pose = np.array(opengl_pose(a_camera(turned=(0.3, 0.2, 0.1)))).round(4)
    frames[0]["transform_matrix"] = json.loads(json.dumps(pose.tolist()))
    rotation = recording_of(scene, frames=frames).frames[0].photo.camera.cam_from_world[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)


def test_exif_rotation_decides_which_way_up_the_camera_looks(tmp_path):
    scene = a_scene(tmp_path / "s")
    exif = Image.Exif()
    exif[274] = 6
    turned = Image.fromarray(np.rot90(a_photo()).copy())
    turned.save(scene / "images" / "1.png", exif=exif)
    assert len(recording_of(scene).frames) == 3
