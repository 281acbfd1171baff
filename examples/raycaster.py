"""A pinhole camera looks at textured solids: colours and z-depth; knows no files, no lights.

Light arrives as a baked `Lightmap` per thing, so a point has one colour from everywhere
(Lambertian). All arithmetic per pixel is +, -, *, / and sqrt, which IEEE 754 rounds exactly:
every machine renders the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
from shapes import Shape

Texture = Callable[[np.ndarray], np.ndarray]
"""Local surface points (3, N) in metres to linear RGB albedo (3, N)."""

BAND_ROWS = 16
NEAR_M = 0.05
WHITE_POINT = 2.6


@dataclass(frozen=True)
class Lightmap:
    """Irradiance on a grid over every chart of a shape, its first and last nodes on the rims.

    Attributes:
        rgb: Linear irradiance (3, T), the charts' grids one after another, u fastest.
        offsets: Where each chart begins in T, (C,).
        nodes_u: Nodes along u of each chart, (C,), at least 2.
        nodes_v: Nodes along v of each chart, (C,), at least 2.
    """

    rgb: np.ndarray
    offsets: np.ndarray
    nodes_u: np.ndarray
    nodes_v: np.ndarray

    def sample(self, chart: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Interpolate bilinearly at (u, v) in 0..1 of the given charts; (3, N)."""
        width, height = self.nodes_u[chart], self.nodes_v[chart]
        x = np.clip(u, 0, 1) * (width - 1)
        y = np.clip(v, 0, 1) * (height - 1)
        column = np.minimum(x.astype(np.intp), width - 2)
        row = np.minimum(y.astype(np.intp), height - 2)
        x, y = x - column, y - row
        node = self.offsets[chart] + row * width + column
        above = self.rgb[:, node] * (1 - x) + self.rgb[:, node + 1] * x
        below = self.rgb[:, node + width] * (1 - x) + self.rgb[:, node + width + 1] * x
        return above * (1 - y) + below * y


@dataclass(frozen=True)
class Thing:
    """A shape placed in the world and painted.

    Attributes:
        shape: The solid, in its own coordinates.
        texture: Colour of its surface.
        position: World position (3,) of the shape's origin, in metres.
        world_from_local: Rotation (3, 3) of the shape's axes into the world.
        lightmap: Light on the surface; None shows the texture as it is.
        glows: Shines by itself: takes no light and throws no shadow.
    """

    shape: Shape
    texture: Texture
    position: tuple[float, float, float]
    world_from_local: np.ndarray | None = None
    lightmap: Lightmap | None = None
    glows: bool = False

    def to_local(self, world: np.ndarray) -> np.ndarray:
        """Rotate world directions (3, ...) into the shape's axes."""
        return world if self.world_from_local is None else _rotate(self.world_from_local.T, world)

    def to_world(self, local: np.ndarray) -> np.ndarray:
        """Rotate local directions (3, ...) into the world's axes."""
        return local if self.world_from_local is None else _rotate(self.world_from_local, local)

    def local_points(self, world: np.ndarray) -> np.ndarray:
        """Express world points (3, ...) in the shape's coordinates."""
        return self.to_local(world - _column(self.position, world.ndim))

    def world_points(self, local: np.ndarray) -> np.ndarray:
        """Express points (3, ...) of the shape's coordinates in the world."""
        return self.to_world(local) + _column(self.position, local.ndim)

    def hit(self, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """First t > 0 along world rays; inf for a miss. Both (3, ...), they broadcast."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.shape.hit(self.local_points(origin), self.to_local(direction))

    def radiance(self, world: np.ndarray) -> np.ndarray:
        """Linear RGB (3, N) that leaves the surface at world points (3, N)."""
        local = self.local_points(world)
        albedo = self.texture(local)
        if self.lightmap is None:
            return albedo
        return albedo * self.lightmap.sample(*self.shape.chart(local))


@dataclass(frozen=True)
class PinholeCamera:
    """A camera with OpenCV axes (x right, y down, z forward).

    Attributes:
        K: Intrinsics (3, 3) in pixels; the centre of the first pixel is (0.5, 0.5).
        size_wh: Image width and height in pixels.
        world_from_cam: Rigid pose (4, 4).
    """

    K: np.ndarray
    size_wh: tuple[int, int]
    world_from_cam: np.ndarray

    @property
    def position(self) -> np.ndarray:
        """The centre of projection in the world, (3,)."""
        return self.world_from_cam[:3, 3]

    def directions(self, x_px: np.ndarray, y_px: np.ndarray) -> np.ndarray:
        """World directions (3, H, W) through pixels, scaled so that t is the z-depth."""
        x = (x_px[None, :] - self.K[0, 2]) / self.K[0, 0] + 0 * y_px[:, None]
        y = (y_px[:, None] - self.K[1, 2]) / self.K[1, 1] + 0 * x_px[None, :]
        return _rotate(self.world_from_cam[:3, :3], np.stack([x, y, np.ones_like(x)]))

    def bounds_px(self, thing: Thing) -> tuple[int, int, int, int]:
        """Columns and rows x0, y0, x1, y1 (ends excluded) outside which `thing` is not seen."""
        width, height = self.size_wh
        signs = np.array(list(product((-1.0, 1.0), repeat=3))).T
        corners = thing.world_points(signs * thing.shape.half_extent[:, None])
        x, y, z = _rotate(self.world_from_cam[:3, :3].T, corners - self.position[:, None])
        if z.max() < NEAR_M:
            return 0, 0, 0, 0
        if z.min() < NEAR_M:
            return 0, 0, width, height
        u = np.clip(x / z * self.K[0, 0] + self.K[0, 2], -2, width + 2)
        v = np.clip(y / z * self.K[1, 1] + self.K[1, 2], -2, height + 2)
        low = max(int(u.min()) - 2, 0), max(int(v.min()) - 2, 0)
        return *low, min(int(u.max()) + 2, width), min(int(v.max()) + 2, height)


class RgbdImage(NamedTuple):
    """What the camera sees: rgb (H, W, 3) uint8; depth (H, W) float32 in metres, 0 = nothing."""

    rgb: np.ndarray
    depth: np.ndarray


def render(things: Sequence[Thing], camera: PinholeCamera, samples: int = 3) -> RgbdImage:
    """Cast `samples` x `samples` rays per pixel; depth is that of the ray through its centre.

    Args:
        things: All there is; where no ray hits anything the image is black and the depth 0.
        camera: The viewpoint.
        samples: Rays along each side of a pixel; odd, so that one goes through the centre.

    Raises:
        ValueError: If `samples` is even.
    """
    if samples % 2 == 0:
        raise ValueError(f"samples: found {samples}, need an odd number; try {samples + 1}")
    bounds = [camera.bounds_px(thing) for thing in things]

    def band(top: int) -> RgbdImage:
        rows = range(top, min(top + BAND_ROWS, camera.size_wh[1]))
        seen = [
            (thing, (x0, max(y0 - rows.start, 0), x1, min(y1, rows.stop) - rows.start))
            for thing, (x0, y0, x1, y1) in zip(things, bounds, strict=True)
            if x0 < x1 and y0 < rows.stop and y1 > rows.start
        ]
        return _render_band(seen, camera, rows, samples)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        bands = list(pool.map(band, range(0, camera.size_wh[1], BAND_ROWS)))
    return RgbdImage(*(np.concatenate(parts) for parts in zip(*bands, strict=True)))


_Seen = list[tuple[Thing, tuple[int, int, int, int]]]


def _render_band(seen: _Seen, camera: PinholeCamera, rows: range, samples: int) -> RgbdImage:
    """Render some rows of the image; `seen` holds things and their bounds within the band."""
    columns_px, rows_px = np.arange(camera.size_wh[0]), np.arange(rows.start, rows.stop)
    total = np.zeros((3, len(rows), camera.size_wh[0]))
    depth = np.zeros(total.shape[1:])
    for i, j in product(range(samples), repeat=2):
        direction = camera.directions(
            columns_px + (2 * j + 1) / (2 * samples), rows_px + (2 * i + 1) / (2 * samples)
        )
        t, owner = _nearest(seen, camera.position, direction)
        total += _tone_mapped(_radiance(seen, camera.position, direction, t, owner))
        if i == j == samples // 2:
            depth = np.where(owner >= 0, t, 0.0)
    rgb = _srgb_bytes(total / (samples * samples))
    return RgbdImage(np.moveaxis(rgb, 0, -1), depth.astype(np.float32))


def _nearest(
    seen: _Seen, origin: np.ndarray, direction: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Ray parameter and index into `seen` of the first hit, (H, W) each; inf and -1 for none."""
    t = np.full(direction.shape[1:], np.inf)
    owner = np.full(direction.shape[1:], -1, dtype=np.int16)
    for index, (thing, (x0, y0, x1, y1)) in enumerate(seen):
        window = np.s_[y0:y1, x0:x1]
        found = thing.hit(origin, direction[:, y0:y1, x0:x1])
        closer = found < t[window]
        np.copyto(t[window], found, where=closer)
        owner[window][closer] = index
    return t, owner


def _radiance(
    seen: _Seen, origin: np.ndarray, direction: np.ndarray, t: np.ndarray, owner: np.ndarray
) -> np.ndarray:
    """Linear RGB (3, H, W) of the first hits."""
    radiance = np.zeros_like(direction)
    for index, (thing, (x0, y0, x1, y1)) in enumerate(seen):
        rows, columns = np.nonzero(owner[y0:y1, x0:x1] == index)
        if not rows.size:
            continue
        pixel = (rows + y0, columns + x0)
        world = np.stack([origin[a] + t[pixel] * direction[a][pixel] for a in range(3)])
        radiance[:, pixel[0], pixel[1]] = thing.radiance(world)
    return radiance


def _tone_mapped(radiance: np.ndarray) -> np.ndarray:
    """Compress highlights to 0..1 (Reinhard et al. 2002, equation 4, on each channel)."""
    mapped = radiance * (1 + radiance / (WHITE_POINT * WHITE_POINT)) / (1 + radiance)
    return np.minimum(mapped, 1.0)


def linear_from_srgb(encoded: float) -> float:
    """Undo the sRGB transfer curve (IEC 61966-2-1) of a value in 0..1."""
    if encoded <= 0.04045:
        return encoded / 12.92
    return round(((encoded + 0.055) / 1.055) ** 2.4, 12)


_SRGB_STEPS = np.array([linear_from_srgb((level + 0.5) / 255) for level in range(255)])


def _srgb_bytes(linear: np.ndarray) -> np.ndarray:
    """Encode linear values to the nearest of 256 sRGB levels, by bisection instead of powers."""
    return np.searchsorted(_SRGB_STEPS, linear).astype(np.uint8)


def _column(xyz: tuple[float, float, float], ndim: int) -> np.ndarray:
    """A vector shaped (3, 1, ...) to broadcast against component-first arrays."""
    return np.array(xyz).reshape(3, *(1,) * (ndim - 1))


def _rotate(matrix: np.ndarray, xyz: np.ndarray) -> np.ndarray:
    """Multiply vectors (3, ...) by a (3, 3) matrix in a fixed order, leaving out its zeros."""
    rotated = np.empty(xyz.shape)
    for axis, row in enumerate(matrix.tolist()):
        first, *rest = [factor * part for factor, part in zip(row, xyz, strict=True) if factor]
        for term in rest:
            first += term
        rotated[axis] = first
    return rotated
