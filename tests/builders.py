"""Small cameras, photos and scenes that tests are made of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from vggt.model import VGGT, VGGTConfig
from warpset.core.cameras import OPENGL_FROM_OPENCV, Camera, intrinsics
from warpset.core.geometry import DepthMap

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
PLANE_DEPTH_M = 2.0


def a_rotation(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> np.ndarray:
    """(3, 3) rotation by a vector of angles in radians."""
    return cv2.Rodrigues(np.array([x, y, z], np.float64))[0]


def a_camera(size_wh=(64, 48), focal=60.0, center=None, turned=(0, 0, 0), at=(0, 0, 0)) -> Camera:
    """A camera at a world position, turned by a rotation vector."""
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3] = a_rotation(*turned)
    cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ np.asarray(at, np.float64)
    center_x, center_y = center or (size_wh[0] / 2, size_wh[1] / 2)
    return Camera(intrinsics(focal, focal, center_x, center_y), cam_from_world, size_wh)


def a_wall(at=0.0, depth=2.0, size_wh=(40, 30), turned=(0, 0, 0)) -> DepthMap:
    """A view, moved along x, of a wall before it."""
    camera = a_camera(size_wh, focal=40.0, turned=turned, at=(at, 0, 0))
    return DepthMap(np.full(camera.shape_hw, depth, np.float32), None, camera)


def a_photo(size_wh=(64, 48), seed=0) -> np.ndarray:
    """(h, w, 3) uint8 of smooth colours with some detail."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 8, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize(size_wh, Image.Resampling.BICUBIC))


def opengl_pose(camera: Camera) -> list[list[float]]:
    """What `transforms.json` calls transform_matrix."""
    return (camera.world_from_cam @ OPENGL_FROM_OPENCV).tolist()


def a_scene(
    folder: Path, photos: int = 3, size_wh=(64, 48), fields: Mapping | None = None, at=(0, 0, 0)
) -> Path:
    """A scene with recorded geometry: cameras that step along x before a textured plane.

    Args:
        folder: Where it goes.
        photos: How many there are.
        size_wh: Their size.
        fields: More of transforms.json.
        at: Where the first camera stands.

    Returns:
        The scene's folder, with images/<n>.png, depths/<n>.png and transforms.json.
    """
    (folder / "images").mkdir(parents=True)
    (folder / "depths").mkdir()
    wide = a_photo((4 * size_wh[0], size_wh[1]))
    frames = []
    for index in range(photos):
        camera = a_camera(size_wh, focal=60.0, at=np.add(at, (0.1 * index, 0, 0)))
        shift = 3 * index  # focal * step / depth: the plane's disparity in pixels
        name = f"{index + 1}.png"
        Image.fromarray(wide[:, shift : shift + size_wh[0]]).save(folder / "images" / name)
        depth = np.full(camera.shape_hw, round(PLANE_DEPTH_M * 1000), np.uint16)
        cv2.imwrite(str(folder / "depths" / name), depth)
        frames.append(
            {
                "file_path": f"images/{name}",
                "depth_file_path": f"depths/{name}",
                "transform_matrix": opengl_pose(camera),
            }
        )
    recorded = {
        "fl_x": 60.0,
        "fl_y": 60.0,
        "cx": size_wh[0] / 2,
        "cy": size_wh[1] / 2,
        "w": size_wh[0],
        "h": size_wh[1],
        "frames": frames,
    }
    write_transforms(folder, recorded | dict(fields or {}))
    return folder


def read_transforms_file(scene: Path) -> dict:
    """The content of a scene's transforms.json."""
    return json.loads((scene / "transforms.json").read_text())


def write_transforms(scene: Path, content: dict) -> None:
    """Write a scene's transforms.json."""
    (scene / "transforms.json").write_text(json.dumps(content))


TOLD = re.compile(r"\.run/.*|summary\.json|index\.html")
"""What runs tell of themselves in an output folder, times included."""


def shuffle_names(scene: Path, order: Sequence[int]) -> None:
    """Call the photos of a recorded scene `photo<number>`, numbers in the order of frames."""
    transforms = json.loads((scene / "transforms.json").read_text(encoding="utf-8"))
    for number, frame in zip(order, transforms["frames"], strict=True):
        photo = scene / frame["file_path"]
        frame["file_path"] = f"images/photo{number}.png"
        photo.rename(scene / frame["file_path"])
    (scene / "transforms.json").write_text(json.dumps(transforms), encoding="utf-8")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder and its bytes, but for what runs tell of themselves."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = ((path.relative_to(folder).as_posix(), path) for path in files)
    return {name: path.read_bytes() for name, path in names if not TOLD.fullmatch(name)}


TINY_VGGT = VGGTConfig(
    img_size=70,
    embed_dim=32,
    depth=4,
    num_heads=2,
    dino_depth=2,
    dino_heads=2,
    camera_trunk_depth=1,
    camera_heads=2,
    dpt_features=16,
    dpt_out_channels=(8, 16, 32, 32),
    dpt_layers=(0, 1, 2, 3),
)


def a_tiny_vggt() -> VGGT:
    """A network of the published shape and a few thousand random weights, always the same."""
    model = VGGT(TINY_VGGT).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.05, generator=generator)
    return model
