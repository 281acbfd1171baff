"""Paints a scene's splat PLY from a camera of its pairs, moved a little, for docs/gaussians.md.

The plain way of 3D Gaussian splatting (Kerbl et al. 2023, section 4 and 6): every Gaussian becomes
an ellipse on the picture, and the ellipses of a pixel are blended from front to back.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from splats import Gaussians, read_splats
from splats.gaussians import SH_C0
from warpset.building.pairs.camera_json import recorded_camera
from warpset.building.pairs.record import read_records
from warpset.building.scene_files.gaussians import SCENE_GAUSSIANS_NAME
from warpset.core.cameras import Camera, project

LOW_PASS_PX2 = 0.3
"""Added to every ellipse so that none falls between pixels, as in the reference renderer."""

LEAST_ALPHA = 1 / 255


def main() -> None:
    """Read a scene's splats and the camera of its first pair, and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("scene", type=Path, help="folder of a scene's pairs and splats")
    parser.add_argument("picture", type=Path, help="picture to write")
    parser.add_argument(
        "--move",
        type=json.loads,
        default=[0.0, 0.0, 0.0],
        help="[right, down, forward] from the camera of the first target, in world units",
    )
    args = parser.parse_args()
    camera = recorded_camera(read_records(args.scene)[0].cameras, "target")
    camera.cam_from_world[:3, 3] -= args.move
    picture = paint(read_splats(args.scene / SCENE_GAUSSIANS_NAME), camera)
    args.picture.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(args.picture, quality=88, optimize=True)


def paint(gaussians: Gaussians, camera: Camera) -> NDArray[np.uint8]:
    """Gaussians of degree 0 seen by a camera, (h, w, 3), on black."""
    uv, depth = project(camera, gaussians.means)
    order = np.flatnonzero(depth > 0.05)
    order = order[np.argsort(depth[order], kind="stable")]
    covariance = covariance_on_picture(gaussians, camera)[order]
    pixel, splat, alpha = covered_pixels(
        uv[order], covariance, gaussians.opacities[order], camera.size_wh
    )
    nearest_first = np.argsort(pixel, kind="stable")
    pixel, splat, alpha = pixel[nearest_first], splat[nearest_first], alpha[nearest_first]
    let_through = np.cumsum(np.log1p(-alpha.astype(np.float64)))
    let_through = np.concatenate([[0.0], let_through[:-1]])
    starts = np.flatnonzero(np.diff(pixel, prepend=-1))
    let_through -= np.repeat(let_through[starts], np.diff(starts, append=len(pixel)))
    weight = alpha * np.exp(let_through)
    rgb = np.clip(0.5 + SH_C0 * gaussians.sh0[order, 0], 0, 1)[splat]
    width, height = camera.size_wh
    channels = [
        np.bincount(pixel, weight * rgb[:, channel], minlength=width * height)
        for channel in range(3)
    ]
    painted = np.stack(channels, axis=-1).reshape(height, width, 3)
    return (255 * np.clip(painted, 0, 1) + 0.5).astype(np.uint8)


def covariance_on_picture(gaussians: Gaussians, camera: Camera) -> NDArray[np.float64]:
    """(N, 2, 2) covariances in pixels, by the linearised projection (Zwicker et al. 2001)."""
    rotation = camera.cam_from_world[:3, :3]
    x, y, z = (gaussians.means @ rotation.T + camera.cam_from_world[:3, 3]).T
    z = np.where(z > 0.05, z, np.inf)
    to_pixels = np.zeros((len(z), 2, 3))
    to_pixels[:, 0, 0], to_pixels[:, 0, 2] = camera.K[0, 0] / z, -camera.K[0, 0] * x / z**2
    to_pixels[:, 1, 1], to_pixels[:, 1, 2] = camera.K[1, 1] / z, -camera.K[1, 1] * y / z**2
    axes = rotations(gaussians.unit_quats) * gaussians.scales[:, None]
    spread = to_pixels @ rotation @ axes
    return spread @ spread.swapaxes(1, 2) + LOW_PASS_PX2 * np.eye(2)


def rotations(quats: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, 3, 3) rotation matrices of unit quaternions w x y z."""
    w, x, y, z = quats.T.astype(np.float64)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def covered_pixels(
    uv: NDArray, covariance: NDArray, opacity: NDArray, size_wh: tuple[int, int]
) -> tuple[NDArray, NDArray, NDArray]:
    """Which pixels (index, row by row) which splats cover, and with what alpha, splat by splat."""
    width, height = size_wh
    inverse = np.linalg.inv(covariance)
    radius = np.ceil(3 * np.sqrt(covariance[:, [0, 1], [0, 1]].max(axis=1)))
    radius = np.clip(radius, 1, 24).astype(int)
    parts = []
    for r in np.unique(radius):
        chosen = np.flatnonzero(radius == r)
        first = np.floor(uv[chosen]).astype(int)
        for dy, dx in np.ndindex(2 * r + 1, 2 * r + 1):
            column, row = first[:, 0] + dx - r, first[:, 1] + dy - r
            offset = np.stack([column, row], axis=-1) + 0.5 - uv[chosen]
            power = np.einsum("ni,nij,nj->n", offset, inverse[chosen], offset)
            alpha = opacity[chosen] * np.exp(-0.5 * power)
            shown = (alpha >= LEAST_ALPHA) & (column >= 0) & (row >= 0)
            shown &= (column < width) & (row < height)
            parts.append(((row * width + column)[shown], chosen[shown], alpha[shown]))
    pixel, splat, alpha = (np.concatenate(values) for values in zip(*parts, strict=True))
    nearest_first = np.argsort(splat, kind="stable")
    return pixel[nearest_first], splat[nearest_first], np.minimum(alpha[nearest_first], 0.99)


if __name__ == "__main__":
    main()
