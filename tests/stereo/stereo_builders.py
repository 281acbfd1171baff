"""Scenes of textured rectangles, photographed exactly: one ray a sample, no rasteriser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from warpset.core.cameras import Camera, intrinsics, pixel_centers
from warpset.core.geometry import PosedPhoto

TEXTURE_SIZE = 512


def a_texture(seed: int, contrast: float = 1.0) -> np.ndarray:
    """(512, 512) float32 in 0..1 with detail at every scale; no part repeats another."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.random((cells, cells)), (TEXTURE_SIZE,) * 2, interpolation=cv2.INTER_CUBIC)
        for cells in (8, 32, 128, 512)
    ]
    texture = np.sum(layers, axis=0)
    texture = (texture - texture.min()) / np.ptp(texture)
    return (0.5 + contrast * (texture - 0.5)).astype(np.float32)


class Rectangle:
    """A textured rectangle: one corner and two perpendicular sides, in world units."""

    def __init__(self, corner, side_u, side_v, texture: np.ndarray):
        self.corner, self.side_u, self.side_v = (
            np.array(value, np.float64) for value in (corner, side_u, side_v)
        )
        self.texture = texture

    def seen_along(self, center, rays) -> tuple[np.ndarray, np.ndarray]:
        """Depth (h, w) along rays whose z is 1, infinite where missed, and gray (h, w)."""
        normal = np.cross(self.side_u, self.side_v)
        depth = ((self.corner - center) @ normal) / (rays @ normal)
        offset = center + depth[..., None] * rays - self.corner
        u, v = (offset @ side / (side @ side) for side in (self.side_u, self.side_v))
        hit = (depth > 0) & (u >= 0) & (u < 1) & (v >= 0) & (v < 1)
        x, y = ((side * (TEXTURE_SIZE - 1)).astype(np.float32) for side in (u, v))
        gray = cv2.remap(self.texture, x, y, interpolation=cv2.INTER_LINEAR)
        return np.where(hit, depth, np.inf), gray


def a_box_before_a_wall(wall_contrast: float = 1.0) -> list[Rectangle]:
    """A slanted wall, a floor, and a smaller rectangle before them; contrast of the wall."""
    return [
        Rectangle((-4, -3, 5), (8, 0, 1), (0, 6, 0), a_texture(1, wall_contrast)),
        Rectangle((-4, 1.2, 2), (8, 0, 0), (0, 0, 4), a_texture(2, wall_contrast)),
        Rectangle((-0.6, -0.5, 2.6), (1, 0, 0.2), (0, 1, 0), a_texture(3)),
    ]


def cameras_in_a_row(count: int, step: float, size_wh=(240, 180)) -> list[Camera]:
    """Cameras `step` apart along x, turned to look at the same."""
    focal = 0.85 * size_wh[0]
    cameras = []
    for index in range(count):
        position = index - (count - 1) / 2
        cam_from_world = np.eye(4)
        cam_from_world[:3, :3] = cv2.Rodrigues(np.array([0.0, step * position / 4, 0.0]))[0]
        center = np.array([step * position, 0.03 * (index % 2), 0.0])
        cam_from_world[:3, 3] = -cam_from_world[:3, :3] @ center
        K = intrinsics(focal, focal, size_wh[0] / 2, size_wh[1] / 2)
        cameras.append(Camera(K, cam_from_world, size_wh))
    return cameras


def photograph(
    camera: Camera, scene: Sequence[Rectangle], noise_seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) uint8 with 3x3 samples a pixel and sensor noise, and z-depth (h, w) at the centres."""
    samples = 3
    fine = camera.resized((camera.size_wh[0] * samples, camera.size_wh[1] * samples))
    columns, rows = pixel_centers(fine.size_wh)
    x, y = (columns - fine.K[0, 2]) / fine.K[0, 0], (rows - fine.K[1, 2]) / fine.K[1, 1]
    rays = np.stack(np.broadcast_arrays(x, y[:, None], 1.0), -1) @ fine.world_from_cam[:3, :3].T
    depth, gray = np.full(rays.shape[:2], np.inf), np.full(rays.shape[:2], 0.5)
    for rectangle in scene:
        its_depth, its_gray = rectangle.seen_along(fine.center_world, rays)
        nearer = its_depth < depth
        depth[nearer], gray[nearer] = its_depth[nearer], its_gray[nearer]
    height, width = camera.shape_hw
    mean = gray.reshape(height, samples, width, samples).mean((1, 3))
    noisy = 255 * mean + np.random.default_rng(noise_seed).normal(0, 1.5, mean.shape)
    return noisy.clip(0, 255).astype(np.uint8), depth[1::samples, 1::samples].astype(np.float32)


def write_photos(folder: Path, grays: Sequence[np.ndarray], **save) -> list[Path]:
    """Write gray pictures as <n>.png and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{index}.png" for index in range(len(grays))]
    for path, gray in zip(paths, grays, strict=True):
        Image.fromarray(np.repeat(gray[..., None], 3, axis=2)).save(path, **save)
    return paths


def posed_photos(
    folder: Path, cameras: Sequence[Camera], scene: Sequence[Rectangle]
) -> tuple[list[PosedPhoto], list[np.ndarray]]:
    """Photos on disk with their cameras, and their true depths."""
    shots = [photograph(camera, scene, seed) for seed, camera in enumerate(cameras)]
    paths = write_photos(folder, [gray for gray, _ in shots])
    posed = [PosedPhoto(path, camera) for path, camera in zip(paths, cameras, strict=True)]
    return posed, [depth for _, depth in shots]
