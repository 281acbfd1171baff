"""Scenes in the formats that phones, data sets and tools write, by their published descriptions.

Each has three photos of 64x48 from the same turned cameras, and depth of two metres everywhere.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pycolmap
from PIL import Image

from tests.builders import (
    PLANE_DEPTH_M,
    a_camera,
    a_photo,
    opengl_pose,
    read_transforms_file,
    write_transforms,
)
from warpset.recordings.recording import Recording
from warpset.recordings.registry import read_recording

SIZE_WH = (64, 48)
CAMERAS = [
    a_camera(SIZE_WH, focal=60.0, turned=(0.3, -0.2 * index, 0.1), at=(0.1 * index, 0.2, -0.3))
    for index in range(3)
]
K_PARAMS = {"fx": 60.0, "fy": 60.0, "cx": 32.0, "cy": 24.0}


def put_photo(path: Path, index: int, size_wh=SIZE_WH) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(a_photo(size_wh, seed=index)).save(path)


def put_depth(path: Path, per_metre: float = 1000, size_wh=SIZE_WH) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    depth = np.full((size_wh[1], size_wh[0]), round(PLANE_DEPTH_M * per_metre), np.uint16)
    cv2.imwrite(str(path), depth)


def put_levels(path: Path, high: int, low: int) -> None:
    """Confidence: the left half is high, the right half low."""
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.full((SIZE_WH[1], SIZE_WH[0]), high, np.uint8)
    levels[:, SIZE_WH[0] // 2 :] = low
    cv2.imwrite(str(path), levels)


def put_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def matrix_text(matrix) -> str:
    return "\n".join(" ".join(f"{value:.9f}" for value in row) for row in np.asarray(matrix)) + "\n"


def quaternion_xyzw(matrix: np.ndarray) -> np.ndarray:
    return pycolmap.Rotation3d(matrix[:3, :3]).quat


def recording_of(scene: Path, **fields) -> Recording:
    """What a scene of ours records once its `transforms.json` says these things as well."""
    write_transforms(scene, read_transforms_file(scene) | fields)
    recording = read_recording(scene)
    assert recording is not None
    return recording


def transforms(file_path, fields: dict | None = None, **of_frame) -> str:
    """A `transforms.json`; `file_path` and others are made of a photo's index."""
    frames = [
        {
            "file_path": file_path(index),
            "transform_matrix": opengl_pose(camera),
            **{name: make(index) for name, make in of_frame.items()},
        }
        for index, camera in enumerate(CAMERAS)
    ]
    shared = {"fl_x": 60.0, "fl_y": 60.0, "cx": 32.0, "cy": 24.0, "w": 64, "h": 48}
    return json.dumps({**shared, **(fields or {}), "frames": frames})


def instant_ngp(scene: Path) -> None:
    for index in range(3):
        put_photo(scene / f"images/{index}.png", index)
        put_depth(scene / f"depth/{index}.png", per_metre=2000)
    text = transforms(
        lambda index: f"images/{index}.png",
        {"integer_depth_scale": 1 / 2000},
        depth_path=lambda index: f"depth/{index}.png",
    )
    put_text(scene / "transforms.json", text)


def dl3dv(scene: Path) -> None:
    for index in range(3):
        put_photo(scene / f"nerfstudio/images_4/frame_{index}.png", index)
        put_depth(scene / f"nerfstudio/depth/{index}.png")
    text = transforms(
        lambda index: f"images/frame_{index}.png",
        {"fl_x": 240.0, "fl_y": 240.0, "cx": 128.0, "cy": 96.0, "w": 256, "h": 192},
        depth_file_path=lambda index: f"depth/{index}.png",
    )
    put_text(scene / "nerfstudio/transforms.json", text)


def scannetpp(scene: Path) -> None:
    for index in range(3):
        put_photo(scene / f"dslr/resized_images/DSC0000{index}.JPG", index)
        put_depth(scene / f"dslr/render_depth/DSC0000{index}.png")
        mask = scene / f"dslr/resized_anon_masks/DSC0000{index}.png"
        mask.parent.mkdir(exist_ok=True)
        Image.new("L", SIZE_WH, 255).save(mask)
    text = transforms(
        lambda index: f"DSC0000{index}.JPG",
        {"camera_model": "OPENCV_FISHEYE", "k1": 0, "k2": 0, "k3": 0, "k4": 0},
        mask_path=lambda index: f"DSC0000{index}.png",
    )
    put_text(scene / "dslr/nerfstudio/transforms.json", text)


def blender(scene: Path) -> None:
    for index in range(3):
        put_photo(scene / f"train/r_{index}.png", index)
    frames = json.loads(transforms(lambda index: f"./train/r_{index}"))["frames"]
    content = {"camera_angle_x": 2 * float(np.arctan(32 / 60)), "frames": frames}
    put_text(scene / "transforms_train.json", json.dumps(content))
    put_text(scene / "transforms_test.json", json.dumps({"frames": []}))


def polycam(scene: Path) -> None:
    for index, camera in enumerate(CAMERAS):
        put_photo(scene / f"keyframes/images/{index}0.jpg", index)
        put_depth(scene / f"keyframes/depth/{index}0.png")
        put_levels(scene / f"keyframes/confidence/{index}0.png", 255, 127)
        pose = np.array(opengl_pose(camera))
        fields = {f"t_{row}{column}": pose[row, column] for row in range(3) for column in range(4)}
        fields |= K_PARAMS | {"width": 64, "height": 48, "blur_score": 100.0}
        put_text(scene / f"keyframes/cameras/{index}0.json", json.dumps(fields))


def stray_scanner(scene: Path) -> None:
    lines = ["timestamp, frame, x, y, z, qx, qy, qz, qw"]
    for index, camera in enumerate(CAMERAS):
        put_photo(scene / f"rgb/{index:06d}.jpg", index)
        put_depth(scene / f"depth/{index:06d}.png")
        put_levels(scene / f"confidence/{index:06d}.png", 2, 1)
        pose = camera.world_from_cam
        values = [index / 60, f"{index:06d}", *pose[:3, 3], *quaternion_xyzw(pose)]
        lines.append(", ".join(str(value) for value in values))
    put_text(scene / "odometry.csv", "\n".join(lines) + "\n")
    put_text(scene / "camera_matrix.csv", "60.0, 0.0, 32.0\n0.0, 60.0, 24.0\n0.0, 0.0, 1.0\n")


def scannet(scene: Path) -> None:
    for index, camera in enumerate(CAMERAS):
        put_photo(scene / f"color/{index}.jpg", index)
        put_depth(scene / f"depth/{index}.png", size_wh=(32, 24))
        put_text(scene / f"pose/{index}.txt", matrix_text(camera.world_from_cam))
    K = np.diag([60.0, 60.0, 1.0, 1.0])
    K[:2, 2] = 32, 24
    put_text(scene / "intrinsic/intrinsic_color.txt", matrix_text(K))


def tum(scene: Path) -> None:
    photos, depths, poses = ["# color images"], ["# depth maps"], ["# timestamp tx ty tz ..."]
    for index, camera in enumerate(CAMERAS):
        second = 1305031102.175304 + index / 30
        put_photo(scene / f"rgb/{second:.6f}.png", index)
        put_depth(scene / f"depth/{second + 0.007:.6f}.png", per_metre=5000)
        photos.append(f"{second:.6f} rgb/{second:.6f}.png")
        depths.append(f"{second + 0.007:.6f} depth/{second + 0.007:.6f}.png")
        pose = camera.world_from_cam
        values = " ".join(f"{value:.8f}" for value in [*pose[:3, 3], *quaternion_xyzw(pose)])
        poses.append(f"{second - 0.003:.4f} {values}")
    for name, lines in (("rgb", photos), ("depth", depths), ("groundtruth", poses)):
        put_text(scene / f"{name}.txt", "\n".join(lines) + "\n")


def seven_scenes(scene: Path) -> None:
    for index, camera in enumerate(CAMERAS):
        stem = f"frame-{index:06d}"
        put_photo(scene / f"{stem}.color.png", index)
        put_depth(scene / f"{stem}.depth.png")
        put_text(scene / f"{stem}.pose.txt", matrix_text(camera.world_from_cam))


def colmap_model(folder: Path, names=("0.png", "1.png", "2.png"), binary=True) -> None:
    """The model of the three photos, by COLMAP's own writer."""
    reconstruction = pycolmap.Reconstruction()
    camera = pycolmap.Camera.create_from_model_name(1, "PINHOLE", 60.0, *SIZE_WH)
    reconstruction.add_camera_with_trivial_rig(camera)
    for index, name in enumerate(names):
        pose = CAMERAS[index].cam_from_world
        image = pycolmap.Image(name=name, camera_id=1, image_id=index + 1)
        reconstruction.add_image_with_trivial_frame(image, pycolmap.Rigid3d(pose[:3]))
    folder.mkdir(parents=True)
    (reconstruction.write_binary if binary else reconstruction.write_text)(str(folder))


def colmap_map(path: Path, depth: np.ndarray) -> None:
    """One of COLMAP's dense maps."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = depth.shape
    path.write_bytes(f"{width}&{height}&1&".encode() + depth.astype("<f4").tobytes())


def colmap_workspace(scene: Path) -> None:
    for index in range(3):
        put_photo(scene / f"images/{index}.png", index, (80, 60))
        put_photo(scene / f"dense/images/{index}.png", index)
        depth = np.full((48, 64), PLANE_DEPTH_M)
        colmap_map(scene / f"dense/stereo/depth_maps/{index}.png.geometric.bin", depth)
    colmap_model(scene / "sparse/0")
    colmap_model(scene / "dense/sparse")


def record3d(scene: Path) -> None:
    import liblzfse

    confidence = np.full((48, 64), 2, np.uint8)
    confidence[:, 32:] = 1
    poses = []
    for index, camera in enumerate(CAMERAS):
        put_photo(scene / f"rgbd/{index}.jpg", index)
        depth = np.full((48, 64), PLANE_DEPTH_M, np.float32)
        (scene / f"rgbd/{index}.depth").write_bytes(liblzfse.compress(depth.tobytes()))
        (scene / f"rgbd/{index}.conf").write_bytes(liblzfse.compress(confidence.tobytes()))
        pose = np.array(opengl_pose(camera))
        poses.append([*quaternion_xyzw(pose), *pose[:3, 3]])
    K = [60.0, 0, 0, 0, 60.0, 0, 32.0, 24.0, 1.0]
    sizes = {"w": 64, "h": 48, "dw": 64, "dh": 48}
    put_text(scene / "metadata", json.dumps({"K": K, "fps": 30, "poses": poses, **sizes}))
