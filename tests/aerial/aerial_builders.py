"""Earth Studio exports, videos and a miniature of MegaDepth that aerial tests are made of."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import h5py
import numpy as np
from PIL import Image

from aerial_megadepth.earth.earth_models import (
    ecef_from_geographic,
    enu_from_ecef_rotation,
    spherical_from_ecef,
)
from tests.builders import a_photo
from warpset.core.cameras import Camera, cam_from_world_from_opengl, intrinsics

PLACE = (41.8, 12.25, 350.0)
"""Latitude, longitude, altitude that built exports hang on."""


def look_at(center, target, up=(0.0, 0.0, 1.0)) -> np.ndarray:
    """(4, 4) cam_from_world at a centre, looking at a target, in axes with z up."""
    backward = np.subtract(center, target)
    backward = backward / np.linalg.norm(backward)
    right = np.cross(up, backward)
    right = right / np.linalg.norm(right)
    world_from_cam = np.eye(4)
    world_from_cam[:3, :3] = np.column_stack([right, np.cross(backward, right), backward])
    world_from_cam[:3, 3] = center
    return cam_from_world_from_opengl(world_from_cam)


def an_orbit(frames: int, size_wh=(64, 48), radius=100.0, height=80.0, fov_y_deg=40.0):
    """Cameras in metres, z up, circling the origin; the first one's place is not the origin."""
    focal = size_wh[1] / (2 * math.tan(math.radians(fov_y_deg) / 2))
    K = intrinsics(focal, focal, size_wh[0] / 2, size_wh[1] / 2)
    cameras = []
    for index in range(frames):
        angle = math.radians(5 * index)
        center = (radius * math.sin(angle), -radius * math.cos(angle), height)
        cameras.append(Camera(K, look_at(center, (0.0, 0.0, 0.0)), size_wh))
    return cameras


def euler_xyz_deg(rotation: np.ndarray) -> list[float]:
    """Intrinsic XYZ Euler angles in degrees of a (3, 3) rotation: Rx Ry Rz."""
    y = math.asin(max(-1.0, min(1.0, rotation[0, 2])))
    x = math.atan2(-rotation[1, 2], rotation[2, 2])
    z = math.atan2(-rotation[0, 1], rotation[0, 0])
    return [math.degrees(angle) for angle in (x, y, z)]


def an_export(path: Path, cameras: Sequence[Camera], place=PLACE, frame_rate=30) -> dict:
    """Write cameras (metres, east-north-up about a place) as Earth Studio exports them.

    Args:
        path: The JSON file.
        cameras: A camera for each picture; the last one is written twice, for the end.
        place: Latitude, longitude, altitude of the world's origin.
        frame_rate: Frames a second.

    Returns:
        What was written.
    """
    origin = ecef_from_geographic(*place, "sphere")
    enu_from_ecef = enu_from_ecef_rotation(place[0], place[1])
    listed = []
    for camera in [*cameras, cameras[-1]]:
        position = origin + camera.center_world @ enu_from_ecef
        latitude, longitude, altitude = spherical_from_ecef(position)
        ecef_from_cam = enu_from_ecef.T @ camera.world_from_cam[:3, :3]
        listed.append(
            {
                "position": dict(zip("xyz", position.tolist(), strict=True)),
                "rotation": dict(zip("xyz", euler_xyz_deg(ecef_from_cam), strict=True)),
                "coordinate": {
                    "latitude": latitude,
                    "longitude": longitude,
                    "altitude": altitude,
                },
                "fovVertical": math.degrees(camera.fov_y),
            }
        )
    width, height = cameras[0].size_wh
    content = {
        "name": path.stem,
        "width": width,
        "height": height,
        "frameRate": frame_rate,
        "numFrames": len(cameras),
        "durationSeconds": len(cameras) / frame_rate,
        "cameraFrames": listed,
        "trackPoints": [],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return content


def a_video(path: Path, frames: Sequence[np.ndarray], frame_rate=30) -> None:
    """Write (h, w, 3) uint8 RGB frames as an mp4."""
    height, width = frames[0].shape[:2]
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter.fourcc(*"mp4v"), frame_rate, (width, height)
    )
    for rgb in frames:
        writer.write(np.ascontiguousarray(rgb[..., ::-1]))
    writer.release()


def tear(path: Path) -> None:
    """Cut a file off in the middle, as a broken copy leaves it: its header still reads."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def gray_frames(count: int, size_wh=(64, 48)) -> list[np.ndarray]:
    """Frames of one gray each, so that a frame tells its number: 10 levels a step."""
    return [np.full((size_wh[1], size_wh[0], 3), 20 + 10 * n, np.uint8) for n in range(count)]


def a_download(data_root: Path, scene: str, pictures=5, cameras=5, size_wh=(64, 48)) -> None:
    """`downloaded_data/<scene>.mp4|json` of an orbit; the export has one more camera frame."""
    folder = data_root / "downloaded_data"
    a_video(folder / f"{scene}.mp4", gray_frames(pictures, size_wh))
    an_export(folder / f"{scene}.json", an_orbit(cameras, size_wh))


NO_DISTORTION = -1e-9
"""Distortion that moves nothing. With 0 COLMAP rounds to one pixel less at some sizes."""


@dataclass(frozen=True)
class MegaPhoto:
    """A photo of a miniature MegaDepth.

    Attributes:
        name: Its file name.
        taken_wh: Size as taken; the model's camera is for one pixel more where there is no
            distortion, which COLMAP's undistortion takes off.
        size_wh: Size of the undistorted photo.
        depth: What its depth file holds; None for none, a string for a file of those bytes.
        k: Radial distortion of its camera.
    """

    name: str
    taken_wh: tuple[int, int] = (1600, 1067)
    size_wh: tuple[int, int] = (1600, 1067)
    depth: float | str | Callable[[tuple[int, int]], np.ndarray] | None = 5.0
    k: float = 0.0

    @property
    def focal(self) -> float:
        """Focal length of the camera as taken, in pixels."""
        return 1.1 * max(self.taken_wh)

    def write(self, dense: Path, seed: int) -> None:
        """Write photo and depth into `dense<k>`."""
        for kind in ("imgs", "depths"):
            (dense / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(a_photo(self.size_wh, seed)).save(dense / "imgs" / self.name)
        file = dense / "depths" / f"{Path(self.name).stem}.h5"
        if isinstance(self.depth, str):
            file.write_bytes(self.depth.encode())
        elif self.depth is not None:
            shape_hw = self.size_wh[::-1]
            made = self.depth(shape_hw) if callable(self.depth) else np.full(shape_hw, self.depth)
            with h5py.File(file, "w") as stored:
                stored.create_dataset("depth", data=made.astype(np.float32))


def a_megadepth(root: Path, photos: Sequence[MegaPhoto], scene="0001", k="0") -> Path:
    """Write a scene in MegaDepth's layout; photo n stands at (n, 0, 0) and looks along z.

    Returns:
        The folder of `MegaDepth_v1_SfM` and `phoenix`.
    """
    dense = root / "phoenix" / "S6" / "zl548" / "MegaDepth_v1" / scene / f"dense{k}"
    model = root / "MegaDepth_v1_SfM" / scene / "sparse" / "manhattan" / k
    model.mkdir(parents=True)
    (root / "phoenix").mkdir(exist_ok=True)
    cameras = ["# Camera list", "#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]", "# Number: many"]
    images = ["# Image list", "#   IMAGE_ID, ...", "#   POINTS2D[] ...", "# Number: many"]
    for number, photo in enumerate(photos, start=1):
        width, height = (side + (photo.k == 0) for side in photo.taken_wh)
        cameras.append(
            f"{number} SIMPLE_RADIAL {width} {height} "
            f"{photo.focal} {width / 2} {height / 2} {photo.k or NO_DISTORTION}"
        )
        images += [f"{number} 1 0 0 0 {-number} 0 0 {number} {photo.name}", ""]
        photo.write(dense, seed=number)
    (model / "cameras.txt").write_text("\n".join(cameras) + "\n")
    (model / "images.txt").write_text("\n".join(images) + "\n")
    (model / "points3D.txt").write_text("# 3D point list\n")
    return root
