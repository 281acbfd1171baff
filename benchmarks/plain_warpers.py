"""Plain forward warpers to measure the renderer against; no metrics, no files.

Each takes a reference frame and a target camera and gives the target's view, (h, w, 3) in 0..255.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from recorded_frames import Frame, Image

from warpset.core.cameras import Camera, project, unproject


def seen_points(frame: Frame, camera: Camera) -> tuple[Image, Image, Image]:
    """Positions (n, 2), depths (n,) and colours (n, 3) of a frame's points in front of a camera."""
    known = frame.depth > 0
    uv, z = project(camera, unproject(frame.camera, frame.depth)[known])
    front = z > 1e-6
    return uv[front], z[front], frame.rgb[known][front].astype(np.float64)


def pixel_indices(uv: Image, camera: Camera) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Flat indices of the pixels that positions (n, 2) lie in, and which lie in the image."""
    width, height = camera.size_wh
    x, y = np.floor(uv).clip(-1, max(width, height)).astype(np.intp).T
    return y * width + x, (x >= 0) & (y >= 0) & (x < width) & (y < height)


def nearest_per_pixel(
    pixels: NDArray[np.intp], z: Image, colors: Image, shape_hw: tuple[int, int]
) -> Image:
    """Z-buffer: the colour of the nearest sample in each pixel, nan where there is none."""
    far_to_near = np.argsort(-z, kind="stable")
    image = np.full((shape_hw[0] * shape_hw[1], 3), np.nan)
    image[pixels[far_to_near]] = colors[far_to_near]
    return image.reshape(*shape_hw, 3)


def nearest_filled(image: Image) -> Image:
    """Pixels that are nan take the colour of the nearest other pixel."""
    empty = np.isnan(image[..., 0])
    _, labels = cv2.distanceTransformWithLabels(
        empty.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    color_of_label = np.zeros((int(np.max(labels)) + 1, 3))
    label = np.asarray(labels, np.intp)
    color_of_label[label[~empty]] = image[~empty]
    return color_of_label[label]


def one_pixel_raster(reference: Frame, camera: Camera) -> Image:
    """Each point in the pixel it lies in, nearest first; gaps take the nearest drawn pixel."""
    uv, z, colors = seen_points(reference, camera)
    pixels, inside = pixel_indices(uv, camera)
    raster = nearest_per_pixel(pixels[inside], z[inside], colors[inside], camera.shape_hw)
    return nearest_filled(raster)


def soft_z_splat(reference: Frame, camera: Camera) -> Image:
    """Bilinear splats weighted by exp(-50 log(1 + z) / max); what no splat reaches stays black."""
    uv, z, colors = seen_points(reference, camera)
    nearness = np.exp(-50 * np.log1p(z) / np.log1p(z).max())
    sums = np.zeros((camera.shape_hw[0] * camera.shape_hw[1], 4))
    for corner in ((0, 0), (1, 0), (0, 1), (1, 1)):
        tap = np.floor(uv - 0.5) + corner
        pixels, inside = pixel_indices(tap, camera)
        weights = nearness * np.prod(1 - np.abs(tap + 0.5 - uv), axis=1)
        values = (weights[:, None] * np.c_[np.ones(len(z)), colors])[inside]
        for k in range(4):
            sums[:, k] += np.bincount(pixels[inside], values[:, k], len(sums))
    colored = sums[:, 1:] / np.where(sums[:, :1] > 0, sums[:, :1], 1)
    return colored.reshape(*camera.shape_hw, 3)


def mesh(reference: Frame, camera: Camera, span_px: int = 6) -> Image:
    """Z-buffered triangles between neighbouring points, but across depth edges (5 %).

    A triangle is drawn in the first `span_px` columns and rows of its bounding box.
    """
    rows, columns = np.indices(reference.depth.shape)[:, :-1, :-1].reshape(2, -1)
    width = reference.depth.shape[1]
    first = rows * width + columns
    corners = np.concatenate(
        [
            np.c_[first, first + 1, first + width],
            np.c_[first + 1, first + width + 1, first + width],
        ]
    )
    depths = reference.depth.ravel()[corners]
    corners = corners[depths.min(axis=1) > 0.95 * depths.max(axis=1)]
    uv, z = project(camera, unproject(reference.camera, reference.depth).reshape(-1, 3))
    corners = corners[(z[corners] > 1e-6).all(axis=1)]
    colors = reference.rgb.reshape(-1, 3)[corners].astype(np.float64)
    samples = [
        triangle_samples(uv[corners], z[corners], colors, np.array((i, j)), camera)
        for i in range(span_px)
        for j in range(span_px)
    ]
    pixels, depths, shades = (np.concatenate(part) for part in zip(*samples, strict=True))
    raster = nearest_per_pixel(pixels.astype(np.intp), depths, shades, camera.shape_hw)
    return nearest_filled(raster)


def triangle_samples(
    uv: Image, z: Image, colors: Image, step: NDArray[np.intp], camera: Camera
) -> tuple[NDArray[np.intp], Image, Image]:
    """Pixels, depths and colours of triangles (n, 3, ...) at one pixel of their bounding boxes."""
    center = np.floor(uv.min(axis=1)) + step + 0.5
    (ax, ay), (bx, by) = (uv[:, 1] - uv[:, 0]).T, (uv[:, 2] - uv[:, 0]).T
    px, py = (center - uv[:, 0]).T
    with np.errstate(divide="ignore", invalid="ignore"):
        b, c = np.stack([px * by - py * bx, ax * py - ay * px]) / (ax * by - ay * bx)
    pixels, inside = pixel_indices(center, camera)
    inside &= (b >= 0) & (c >= 0) & (b + c <= 1)
    weights = np.stack([1 - b - c, b, c], axis=1)[inside]
    color = (weights[..., None] * colors[inside]).sum(axis=1)
    return pixels[inside], (weights * z[inside]).sum(axis=1), color
