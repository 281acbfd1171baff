"""Bakes soft shadows and ambient occlusion onto things; knows neither cameras nor textures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from raycaster import Lightmap, Thing

TILE_M = 1.5
THIN_M = 0.006
SURFACE_OFFSET_M = 1e-4
RIM_INSET = 0.3


@dataclass(frozen=True)
class Light:
    """A soft light: many small ones that share one intensity.

    Attributes:
        positions: World positions (K, 3) in metres.
        intensity: Linear RGB of all together; irradiance is intensity * cos / distance^2.
        facing: Unit direction (3,) of a one-sided emitter with its own cosine, or None.
    """

    positions: np.ndarray
    intensity: tuple[float, float, float]
    facing: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Lighting:
    """Everything that brightens a scene.

    Attributes:
        lights: The direct lights, with shadows.
        sky: Linear RGB of ambient light from straight above.
        ground: Linear RGB of ambient light from straight below.
        reach_m: Distance beyond which surfaces no longer occlude ambient light.
        directions: Ambient rays per node.
        node_m: Spacing of lightmap nodes.
    """

    lights: Sequence[Light]
    sky: tuple[float, float, float]
    ground: tuple[float, float, float]
    reach_m: float = 0.9
    directions: int = 32
    node_m: float = 0.05


@dataclass(frozen=True)
class Occluders:
    """Things that throw shadows on another one, with their bounding spheres.

    Attributes:
        things: The candidates.
        centres: Sphere centres (N, 3) in the world.
        radii: Sphere radii (N,).
    """

    things: list[Thing]
    centres: np.ndarray
    radii: np.ndarray

    @classmethod
    def of(cls, things: Sequence[Thing], receiver: Thing) -> Occluders:
        """All of `things` that can shade `receiver`.

        A convex thing never shades itself, and what is thinner than `THIN_M` is left out: its
        shadow is finer than the lightmaps.
        """
        others = [
            thing
            for thing in things
            if thing is not receiver
            and not thing.glows
            and sorted(thing.shape.half_extent)[1] > THIN_M
        ]
        centres = np.array([thing.position for thing in others]).reshape(-1, 3)
        radii = [math.sqrt(float((thing.shape.half_extent**2).sum())) for thing in others]
        return cls(others, centres, np.array(radii))

    def near_segments(self, start: np.ndarray, ends: np.ndarray, margin: float) -> list[Thing]:
        """Those within `margin` of any segment from `start` (3,) to one of `ends` (K, 3)."""
        along = (ends - start)[:, None]
        from_start = self.centres - start
        t = np.clip((from_start * along).sum(2) / ((along * along).sum(2) + 1e-12), 0, 1)
        away = from_start - t[..., None] * along
        near = ((away * away).sum(2) < (self.radii + margin) ** 2).any(axis=0)
        return [self.things[index] for index in np.flatnonzero(near)]


def lit(thing: Thing, things: Sequence[Thing], lighting: Lighting) -> Thing:
    """The same thing with its lightmap, shaded by all `things` that do not glow."""
    if thing.glows:
        return thing
    occluders = Occluders.of(things, thing)
    sizes = [
        (_node_count(length_u, lighting.node_m), _node_count(length_v, lighting.node_m))
        for length_u, length_v in thing.shape.chart_sizes
    ]
    xyz, normal = _nodes(thing, sizes)
    rgb = np.empty_like(xyz)
    for tile in _tiles(xyz):
        where = (xyz[:, tile], normal[:, tile], occluders)
        rgb[:, tile] = _ambient(*where, lighting)
        for source in lighting.lights:
            rgb[:, tile] += _direct(*where, source)
    nodes_u, nodes_v = np.array(sizes).T
    offsets = np.concatenate([[0], np.cumsum(nodes_u * nodes_v)[:-1]])
    return replace(thing, lightmap=Lightmap(rgb, offsets, nodes_u, nodes_v))


def _node_count(length_m: float, node_m: float) -> int:
    """Nodes along a chart's side: at least 3, and odd, so that folds fall onto nodes."""
    return 2 * max(round(length_m / node_m / 2), 1) + 1


def _nodes(thing: Thing, sizes: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """World points just off the surface and normals, (3, T) each, at all lightmap nodes.

    Nodes on a rim are moved inwards a little, so that a touching thing does not blacken them.
    """
    points, normals = [], []
    for index, size_uv in enumerate(sizes):
        axes = []
        for count in size_uv:
            axis = np.arange(count) / (count - 1)
            axis[0], axis[-1] = RIM_INSET / (count - 1), 1 - RIM_INSET / (count - 1)
            axes.append(axis)
        u, v = np.meshgrid(*axes)
        xyz, normal = thing.shape.chart_surface(index, u.ravel(), v.ravel())
        points.append(xyz)
        normals.append(normal)
    normal = thing.to_world(np.concatenate(normals, axis=1))
    xyz = thing.world_points(np.concatenate(points, axis=1))
    return xyz + SURFACE_OFFSET_M * normal, normal


def _tiles(xyz: np.ndarray) -> Iterator[np.ndarray]:
    """Indices of points (3, T) that share a cube of space, so that far occluders drop out early."""
    cubes = np.floor(xyz / TILE_M).astype(np.int64)
    _, cube = np.unique(cubes, axis=1, return_inverse=True)
    for number in range(cube.max() + 1):
        yield np.flatnonzero(cube.ravel() == number)


def _ball(xyz: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (3,) and radius of a sphere around points (3, N)."""
    low, high = xyz.min(axis=1), xyz.max(axis=1)
    return (low + high) / 2, math.sqrt(float(((high - low) ** 2).sum())) / 2


def _direct(xyz: np.ndarray, normal: np.ndarray, occluders: Occluders, light: Light) -> np.ndarray:
    """Irradiance (3, N) from one light, with shadows."""
    centre, radius = _ball(xyz)
    to_light = light.positions.T[:, :, None] - xyz[:, None, :]
    cosine = np.maximum(_dot(normal[:, None, :], to_light), 0)
    square = _dot(to_light, to_light)
    falloff = square * np.sqrt(square)
    if light.facing is not None:
        cosine *= np.maximum(-_dot(light.facing, to_light), 0)
        falloff = square * square
    source, receiver = np.nonzero(cosine)
    if not receiver.size:
        return np.zeros_like(xyz)
    near = occluders.near_segments(centre, light.positions, radius)
    free = _nearest(xyz[:, receiver], to_light[:, source, receiver], near, limit=1.0) >= 1.0
    visible = np.zeros(cosine.shape)
    visible[source, receiver] = free
    received = _fixed_sum(visible * cosine / falloff) / len(light.positions)
    return np.stack([colour * received for colour in light.intensity])


def _ambient(
    xyz: np.ndarray, normal: np.ndarray, occluders: Occluders, lighting: Lighting
) -> np.ndarray:
    """Ambient irradiance (3, N) over a cosine-weighted hemisphere, dimmed by what is near."""
    centre, radius = _ball(xyz)
    near = occluders.near_segments(centre, centre[None], radius + lighting.reach_m)
    x, y, z = (part[:, None] for part in _hemisphere(lighting.directions))
    tangent, bitangent = _frame(normal)
    ray = np.stack([x * tangent[a] + y * bitangent[a] + z * normal[a] for a in range(3)])
    share = _nearest(xyz[:, None, :], ray, near, lighting.reach_m) / lighting.reach_m
    up = _fixed_sum(share * (0.5 + 0.5 * ray[2])) / lighting.directions
    down = _fixed_sum(share * (0.5 - 0.5 * ray[2])) / lighting.directions
    return np.stack(
        [
            sky * up + ground * down
            for sky, ground in zip(lighting.sky, lighting.ground, strict=True)
        ]
    )


def _fixed_sum(rows: np.ndarray) -> np.ndarray:
    """Sum over the first axis in order, so that rounding does not depend on the machine."""
    total = np.zeros(rows.shape[1:])
    for row in rows:
        total += row
    return total


def _nearest(
    xyz: np.ndarray, ray: np.ndarray, occluders: Sequence[Thing], limit: float
) -> np.ndarray:
    """Ray parameter of the first hit, at most `limit`; both (3, ...), they broadcast."""
    nearest = np.full(ray.shape[1:], limit)
    for thing in occluders:
        nearest = np.minimum(nearest, thing.hit(xyz, ray))
    return nearest


def _hemisphere(count: int) -> np.ndarray:
    """Directions (3, count) under a cosine lobe around +z (a sunflower spiral on the disc)."""
    golden_angle = math.pi * (3 - math.sqrt(5))
    spread = []
    for k in range(count):
        radius = math.sqrt((k + 0.5) / count)
        x, y = (round(radius * f(k * golden_angle), 12) for f in (math.cos, math.sin))
        spread.append((x, y, math.sqrt(1 - x * x - y * y)))
    return np.array(spread).T


def _frame(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors (3, N) at right angles to unit normals (Duff et al. 2017)."""
    x, y, z = normal
    sign = np.where(z < 0, -1.0, 1.0)
    a = -1.0 / (sign + z)
    b = x * y * a
    return (
        np.stack([1 + sign * x * x * a, sign * b, -sign * x]),
        np.stack([b, sign + y * y * a, -y]),
    )


def _dot(a: np.ndarray | tuple[float, ...], b: np.ndarray) -> np.ndarray:
    """Dot products (N,) of component-first vectors."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
