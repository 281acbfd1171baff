"""A miniature village with ground truth: an aerial video, ground photos, localized scenes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pycolmap
from PIL import Image
from raycaster import PinholeCamera, Texture, Thing, render
from shapes import Box, Frustum, Rectangle
from textures import fractal, hashed, mix, rgb

from aerial_megadepth.earth.frames_file import AerialFrame, write_frames
from aerial_megadepth.localization.localized_scene import (
    LOCALIZED,
    features_folder,
    write_depth,
    write_picture,
)
from aerial_megadepth.localization.localized_scene import write_sparse as write_localized_sparse
from aerial_megadepth.megadepth.image_list import write_image_list
from aerial_megadepth.scenes.view_files import RgbdView, write_view
from tests.aerial.aerial_builders import NO_DISTORTION, a_video, an_export, look_at
from tests.stereo.stereo_builders import a_box_before_a_wall, cameras_in_a_row, photograph
from warpset.core.cameras import Camera, intrinsics, project, unproject
from warpset.core.geometry import PosedPhoto
from warpset.files.pictures import picture_bytes
from warpset.stereo.sfm import image_name

AERIAL_WH, PHOTO_WH = (640, 400), (640, 480)
MODEL_SCALE = 0.37
"""Units of the MegaDepth model a metre."""


class Shot(NamedTuple):
    """A rendered view: rgb (h, w, 3), z-depth (h, w) in metres, 0 = nothing; its camera."""

    name: str
    rgb: np.ndarray
    depth: np.ndarray
    camera: Camera


def weathered(light: str, dark: str, seed: int, pitch_m: float = 1.6) -> Texture:
    """Stone with detail from metres down to centimetres, and dark patches; nowhere alike."""
    pale, deep = rgb(light), rgb(dark)

    def texture(xyz: np.ndarray) -> np.ndarray:
        x = xyz[0] + 0.63 * xyz[2] + 37.3 * seed
        y = xyz[1] + 0.71 * xyz[2] - 11.9 * seed
        stone = np.clip(2.6 * fractal(x / pitch_m, y / pitch_m, 6) - 0.8, 0, 1)
        patch = hashed(np.floor(x / 0.45), np.floor(y / 0.45), seed) < 0.18
        return mix(pale, deep, stone) * np.where(patch, 0.35, 1.0)

    return texture


def a_village() -> list[Thing]:
    """Houses and a tower on a square; metres, z up, the ground is z = 0."""
    ground = Thing(Rectangle((80.0, 80.0)), weathered("#c9bfa8", "#4d4436", 1), (0.0, 0.0, 0.0))
    houses = [
        ((5.0, 3.5, 3.0), (-2.6, 1.2), ("#c98f6a", "#5b3424"), 2),
        ((3.0, 4.0, 4.5), (2.8, 2.0), ("#9fb0ba", "#36434c"), 3),
        ((3.4, 2.2, 2.0), (1.2, -2.6), ("#d8c070", "#6b5518"), 4),
    ]
    return [
        ground,
        *(
            Thing(Box(size), weathered(*codes, seed), (*at, size[2] / 2))
            for size, at, codes, seed in houses
        ),
        Thing(Frustum(1.0, 0.8, 6.0), weathered("#b8a0c0", "#40304c", 5), (-4.2, -2.8, 3.0)),
    ]


def camera_on_arc(
    angle_deg: float, radius: float, height: float, size_wh: tuple[int, int], fov_y_deg: float
) -> Camera:
    """A camera that looks at the middle of the village."""
    angle = math.radians(angle_deg)
    center = (radius * math.sin(angle), -radius * math.cos(angle), height)
    focal = size_wh[1] / (2 * math.tan(math.radians(fov_y_deg) / 2))
    K = intrinsics(focal, focal, size_wh[0] / 2, size_wh[1] / 2)
    return Camera(K, look_at(center, (0.0, 0.0, 1.3)), size_wh)


def shoot(name: str, camera: Camera, things: Sequence[Thing], samples: int = 3) -> Shot:
    """Render a view."""
    eye = PinholeCamera(camera.K, camera.size_wh, camera.world_from_cam)
    view = render(things, eye, samples)
    return Shot(name, view.rgb, view.depth, camera)


@cache
def village_shots(frames: int = 10, photos: int = 5) -> tuple[tuple[Shot, ...], tuple[Shot, ...]]:
    """Frames of a flight around the village and photos taken on the ground, one of them upright."""
    things = a_village()
    aerial = [
        shoot(f"{n}", camera_on_arc(angle, 16.0, 11.0, AERIAL_WH, 42.0), things)
        for n, angle in enumerate(np.linspace(-45, 45, frames))
    ]
    ground = []
    for n, angle in enumerate(np.linspace(-36, 36, photos)):
        size_wh = PHOTO_WH[::-1] if n == 1 else PHOTO_WH
        camera = camera_on_arc(angle, 12.0 + 0.5 * (n % 2), 4.5, size_wh, 42.0 + 6 * (n == 1))
        ground.append(shoot(f"{100 + n}_abc_o.jpg", camera, things))
    return tuple(aerial), tuple(ground)


def download(data_root: Path, scene: str, shots: Sequence[Shot]) -> None:
    """`downloaded_data/<scene>.mp4|json` as Earth Studio leaves them."""
    folder = data_root / "downloaded_data"
    a_video(folder / f"{scene}.mp4", [shot.rgb for shot in shots])
    an_export(folder / f"{scene}.json", [shot.camera for shot in shots])


def model_from_world(camera: Camera) -> Camera:
    """The camera in the MegaDepth model's world: turned, moved and of another scale."""
    world_from_model = look_at((3.0, -1.0, 2.0), (0.2, 0.4, 0.1))
    cam_from_model = camera.cam_from_world @ world_from_model
    cam_from_model[:3, 3] *= MODEL_SCALE
    return replace(camera, cam_from_world=cam_from_model)


def colmap_camera(key: int, camera: Camera, cut: int = 0) -> pycolmap.Camera:
    """A camera as MegaDepth's models have them, here without distortion.

    Args:
        key: COLMAP's id.
        camera: The camera of the photo.
        cut: Pixels by which the photo as taken was longer and wider. COLMAP's undistortion takes
            one off, also where there is no distortion.
    """
    (width, height), K = (side + cut for side in camera.size_wh), camera.K
    params = [K[0, 0], K[0, 2] + cut / 2, K[1, 2] + cut / 2, NO_DISTORTION if cut else 0.0]
    return pycolmap.Camera(
        camera_id=key, model="SIMPLE_RADIAL", width=width, height=height, params=params
    )


def a_rendered_megadepth(root: Path, scene: str, shots: Sequence[Shot]) -> Path:
    """Photos in MegaDepth's layout, in a world of their own; returns the folder of both parts."""
    dense = root / "phoenix" / "S6" / "zl548" / "MegaDepth_v1" / scene / "dense0"
    model = root / "MegaDepth_v1_SfM" / scene / "sparse" / "manhattan" / "0"
    for folder in (dense / "imgs", dense / "depths", model):
        folder.mkdir(parents=True)
    reconstruction = pycolmap.Reconstruction()
    for key, shot in enumerate(shots, start=1):
        camera = model_from_world(shot.camera)
        reconstruction.add_camera_with_trivial_rig(colmap_camera(key, camera, cut=1))
        reconstruction.add_image_with_trivial_frame(
            pycolmap.Image(name=shot.name, camera_id=key, image_id=key),
            pycolmap.Rigid3d(camera.cam_from_world[:3]),
        )
        Image.fromarray(shot.rgb).save(dense / "imgs" / shot.name, quality=95)
        with h5py.File(dense / "depths" / f"{Path(shot.name).stem}.h5", "w") as file:
            file.create_dataset("depth", data=shot.depth * np.float32(MODEL_SCALE))
    reconstruction.write_text(model)
    return root


def row_of_shots(count: int = 5, size_wh=(120, 80), step: float = 0.4) -> list[Shot]:
    """Small views along a row before a wall: quick, and every neighbour shares surface."""
    things = [
        Thing(Rectangle((30.0, 30.0)), weathered("#c9bfa8", "#4d4436", 6), (0.0, 0.0, 0.0)),
        Thing(Box((1.0, 1.0, 1.0)), weathered("#c98f6a", "#5b3424", 7), (0.0, 0.0, 0.5)),
    ]
    K = intrinsics(size_wh[0], size_wh[0], size_wh[0] / 2, size_wh[1] / 2)
    shots = []
    for index in range(count):
        x = step * (index - (count - 1) / 2)
        camera = Camera(K, look_at((x, -2.0, 6.0), (x, 0.0, 0.0)), size_wh)
        shots.append(shoot(f"{index}.jpg", camera, things, samples=1))
    return shots


def a_localized_scene(
    root: Path, scene: str = "0001", shots: Sequence[Shot] | None = None, features: str = "sift"
) -> Path:
    """A scene as do_colmap_localization leaves it, with the true cameras and depth.

    Returns:
        The folder `localized_dense_metric`.
    """
    shots = row_of_shots() if shots is None else shots
    folder = features_folder(root, scene, features) / LOCALIZED
    source = root.parent / "pictures"
    source.mkdir(exist_ok=True)
    posed = {}
    for index, shot in enumerate(shots):
        Image.fromarray(shot.rgb).save(source / shot.name, quality=95)
        posed[index] = PosedPhoto(source / shot.name, shot.camera)
        write_picture(folder, posed[index])
        write_depth(folder, posed[index], shot.depth)
    write_localized_sparse(folder, posed, a_sparse_model(shots))
    return folder


def a_wall_to_localize(root: Path, scene: str = "0001") -> Path:
    """Five aerial frames and three photos of one wall, as steps 2 and 3 leave them."""
    frames, names = [], []
    footage, processed = root / "data" / scene / "footage", root / "processed" / scene / "0"
    for folder in (footage, processed):
        folder.mkdir(parents=True)
    for index, camera in enumerate(cameras_in_a_row(8, 0.25)):
        gray, depth = photograph(camera, a_box_before_a_wall(), index)
        rgb = np.repeat(gray[..., None], 3, axis=2)
        if index in (1, 3, 6):
            known = np.where(np.isfinite(depth), depth, 0).astype(np.float32)
            names.append(f"{index}_o.jpg")
            write_view(processed, names[-1], RgbdView(rgb, known, model_from_world(camera)))
        else:
            frames.append(AerialFrame(f"{scene}_{len(frames):03d}.jpeg", camera))
            (footage / frames[-1].name).write_bytes(picture_bytes(rgb, "jpeg"))
    write_frames(root / "data" / scene / f"{scene}.json", frames, {"earth": "sphere"})
    write_image_list(root / "list.json", {(scene, "0"): [*names, "ordinal.jpg"]})
    return root


def a_sparse_model(shots: Sequence[Shot], per_view: int = 40) -> pycolmap.Reconstruction:
    """A COLMAP model of the shots with points on their surfaces, seen where they are visible."""
    rng = np.random.default_rng(0)
    xyz = []
    for shot in shots:
        surface = unproject(shot.camera, shot.depth)[shot.depth > 0]
        xyz.append(surface[rng.choice(len(surface), per_view)])
    xyz_world = np.concatenate(xyz).astype(np.float64)
    model, tracks = pycolmap.Reconstruction(), [pycolmap.Track() for _ in xyz_world]
    for key, shot in enumerate(shots, start=1):
        model.add_camera_with_trivial_rig(colmap_camera(key, shot.camera))
        uv, z = project(shot.camera, xyz_world)
        seen = np.flatnonzero((z > 0) & np.all((uv > 0) & (uv < shot.camera.size_wh), axis=1))
        column, row = uv[seen].astype(int).T
        seen = seen[np.abs(shot.depth[row, column] / z[seen] - 1) < 0.02]
        for position, point in enumerate(seen.tolist()):
            tracks[point].add_element(key, position)
        image = pycolmap.Image(
            name=image_name(key - 1, key - 1), keypoints=uv[seen], camera_id=key, image_id=key
        )
        pose = pycolmap.Rigid3d(shot.camera.cam_from_world[:3])
        model.add_image_with_trivial_frame(image, pose)
    for position, track in zip(xyz_world, tracks, strict=True):
        model.add_point3D(position, track, np.zeros(3, np.uint8))
    return model
