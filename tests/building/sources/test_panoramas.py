"""Panoramas: cut into views whose cameras, depth and masks are right, and known from photos."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image

from build_warp_dataset import main
from tests.builders import a_camera, a_photo, opengl_pose, tree, write_transforms
from tests.recordings.test_recorded import a_colmap_scene
from warpset.building.pairs.folder import read_records
from warpset.building.sources.panorama_views import panorama_positions, view_camera
from warpset.core.cameras import Camera, pixel_centers
from warpset.files.depth_files import read_depth
from warpset.recordings.panoramas import find_panoramas

ROOM_M = np.array([4.0, 3.0, 5.0])
PANORAMA_WH = (512, 256)


def build(tmp_path, *flags) -> int:
    paths = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    return main([*paths, "--device", "cpu", "--nocache", *flags])


def rays_of(camera: Camera) -> np.ndarray:
    """(h, w, 3) world directions of a panorama, whose K is not asked for."""
    columns, rows = pixel_centers(PANORAMA_WH)
    longitude, latitude = np.meshgrid(
        (columns / PANORAMA_WH[0] - 0.5) * 2 * np.pi, (rows / PANORAMA_WH[1] - 0.5) * np.pi
    )
    flat = np.cos(latitude)
    rays = np.stack([flat * np.sin(longitude), np.sin(latitude), flat * np.cos(longitude)], -1)
    return rays @ camera.cam_from_world[:3, :3]


def a_panorama(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """What a panorama shows of a box with soft patterns on its walls, and the distances."""
    rays = rays_of(camera)
    with np.errstate(divide="ignore"):
        ways = np.abs((np.sign(rays) * ROOM_M / 2 - camera.center_world) / rays)
    distance = ways.min(axis=-1)
    points = camera.center_world + rays * distance[..., None]
    phases = np.array([[3.1, 5.3, 2.2], [4.7, 2.9, 3.7], [2.3, 3.3, 5.9]])
    return (127 + 120 * np.sin(points @ phases.T)).astype(np.uint8), distance


def a_panorama_scene(folder, count=3, masked=False):
    """Recorded panoramas that step forward through the box, turned a little."""
    for name in ("images", "depths", "masks"):
        (folder / name).mkdir(parents=True)
    frames = []
    for index in range(count):
        camera = a_camera(PANORAMA_WH, turned=(0, 0.1 * index, 0), at=(0.1 * index, 0, 0.05))
        rgb, distance = a_panorama(camera)
        Image.fromarray(rgb).save(folder / "images" / f"{index + 1}.png")
        cv2.imwrite(str(folder / "depths" / f"{index + 1}.png"), (distance * 1000).astype("u2"))
        frames.append(
            {
                "file_path": f"images/{index + 1}.png",
                "depth_file_path": f"depths/{index + 1}.png",
                "transform_matrix": opengl_pose(camera),
            }
        )
        if masked:
            kept = np.full(PANORAMA_WH[::-1], 255, np.uint8)
            kept[:, 240:272] = 0
            Image.fromarray(kept).save(folder / "masks" / f"{index + 1}.png")
            frames[-1]["mask_path"] = f"masks/{index + 1}.png"
    write_transforms(folder, {"camera_model": "EQUIRECTANGULAR", "frames": frames})
    return folder


@pytest.mark.parametrize("yaw_deg", [0, 45, 180, 315])
def test_views_look_where_colmap_says_that_a_panorama_shows_it(yaw_deg):
    pycolmap = pytest.importorskip("pycolmap")
    camera = view_camera(yaw_deg, PANORAMA_WH[0])
    columns, rows = pixel_centers(camera.size_wh)
    x, y = np.meshgrid((columns - camera.K[0, 2]) / camera.K[0, 0], rows / camera.K[1, 1] - 1)
    rays = np.stack([x, y, np.ones_like(x)], -1) @ camera.cam_from_world[:3, :3]
    width, height = PANORAMA_WH
    panorama = pycolmap.Camera(
        model="EQUIRECTANGULAR", width=width, height=height, params=[width, height]
    )
    expected = np.asarray(panorama.img_from_cam(rays.reshape(-1, 3))).reshape(rays.shape[:2] + (2,))
    found = panorama_positions(camera, PANORAMA_WH)
    beside = (found - expected + width / 2) % width - width / 2  # the seam may be either end
    assert np.abs(beside).max() < 1e-2
    assert np.degrees(camera.fov_x) == pytest.approx(90)


def test_recorded_panoramas_become_pairs_that_are_right(tmp_path, capsys):
    a_panorama_scene(tmp_path / "in" / "box")
    assert build(tmp_path, "--output-format", "png") == 0
    error = capsys.readouterr().err
    assert "3 panoramas; each is cut into 8 views of 90 degrees, 45 degrees apart" in error
    records = read_records(tmp_path / "out" / "box")
    assert len(records) == 23 and records[0].target == "yaw000_2.jpg"
    same_direction = [r for r in records if r.reference[:6] == r.target[:6]]
    assert len(same_direction) == 16
    assert all(record.scores["psnr"] > 30 for record in same_direction)
    assert all(record.scores["coverage"] > 0.8 for record in same_direction)


def test_distances_become_depth_along_the_views_axis(tmp_path):
    a_panorama_scene(tmp_path / "in" / "box", count=2)
    assert build(tmp_path) == 0
    depth = read_depth(tmp_path / "out" / "box" / "views" / "depths" / "yaw000_1.exr", 0.001)
    middle = depth[60:-60, 60:-60]
    assert middle == pytest.approx(ROOM_M[2] / 2 - 0.05, abs=0.01)


def test_masks_of_panoramas_are_cut_as_well(tmp_path):
    a_panorama_scene(tmp_path / "in" / "box", count=2, masked=True)
    assert build(tmp_path) == 0
    masks = tmp_path / "out" / "box" / "views" / "masks"
    ahead, behind = (np.asarray(Image.open(masks / f"yaw{yaw}_1.png")) for yaw in ("000", "180"))
    assert ahead[:, ahead.shape[1] // 2].max() == 0 and ahead[:, 0].min() == 255
    assert behind.min() == 255


def test_views_that_are_there_are_not_cut_again_and_other_poses_cut_them_anew(tmp_path):
    room = a_panorama_scene(tmp_path / "in" / "box", count=2)
    assert build(tmp_path) == 0
    views = tmp_path / "out" / "box" / "views"
    times = {path: path.stat().st_mtime_ns for path in views.rglob("*.*")}
    assert build(tmp_path) == 0
    assert {path: path.stat().st_mtime_ns for path in views.rglob("*.*")} == times
    before = tree(views)["transforms.json"]
    recorded = json.loads((room / "transforms.json").read_text())
    recorded["frames"][1]["transform_matrix"][0][3] += 0.01
    write_transforms(room, recorded)
    assert build(tmp_path, "--force_output") == 0
    assert tree(views)["transforms.json"] != before


def test_panoramas_without_a_recording_are_known_by_what_they_show(tmp_path, capsys):
    scene = tmp_path / "in" / "box"
    scene.mkdir(parents=True)
    for index in range(2):
        camera = a_camera(PANORAMA_WH, at=(0.1 * index, 0, 0))
        Image.fromarray(a_panorama(camera)[0]).save(scene / f"{index}.jpg", quality=95)
    panoramas = find_panoramas(scene)
    assert panoramas is not None and len(panoramas.photos) == 2 and panoramas.recording is None
    assert build(tmp_path, "--geometry", "stereo", "--dry-run") == 0
    assert "15 pairs to make" in capsys.readouterr().err
    Image.fromarray(a_photo(PANORAMA_WH)).save(scene / "2.jpg")  # as wide, but no panorama
    assert find_panoramas(scene) is None


def test_what_cannot_be_a_panorama_is_refused_by_name(tmp_path, capsys):
    room = a_panorama_scene(tmp_path / "in" / "box", count=3)
    with Image.open(room / "images" / "2.png") as image:
        image.crop((0, 0, 300, 256)).save(room / "images" / "2.png")
    assert build(tmp_path) == 1
    assert (
        "2.png: its camera model is EQUIRECTANGULAR, but it has 300x256" in capsys.readouterr().err
    )
    recorded = json.loads((room / "transforms.json").read_text())
    del recorded["camera_model"]
    recorded |= {"fl_x": 300.0, "w": 512, "h": 256}
    recorded["frames"][0]["camera_model"] = "EQUIRECTANGULAR"
    write_transforms(room, recorded)
    assert build(tmp_path, "--force_output") == 1
    assert (
        "1.png: its camera model is EQUIRECTANGULAR, and views are cut only"
        in capsys.readouterr().err
    )


def test_colmaps_panoramas_are_read(tmp_path):
    pytest.importorskip("pycolmap")
    room = a_panorama_scene(tmp_path / "box", count=2)
    model = room / "sparse" / "0"
    model.mkdir(parents=True)
    (room / "transforms.json").unlink()
    (model / "cameras.txt").write_text("1 EQUIRECTANGULAR 512 256 512 256\n")
    (model / "points3D.txt").write_text("")
    lines = [f"{i} 1 0 0 0 {-0.1 * i} 0 0 1 {i}.png\n\n" for i in (1, 2)]
    (model / "images.txt").write_text("".join(lines))
    panoramas = find_panoramas(room)
    assert panoramas is not None and panoramas.recording is not None
    first, _ = panoramas.recording.frames
    assert first.photo.camera.center_world == pytest.approx([0.1, 0, 0])
    assert first.depth_path == room / "depths" / "1.png"


@pytest.mark.parametrize("binary", [False, True])
def test_a_model_of_perspective_cameras_has_no_panoramas(tmp_path, binary):
    assert find_panoramas(a_colmap_scene(tmp_path / "room", binary)) is None
