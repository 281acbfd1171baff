"""Convex solids in their own coordinates: ray hits and surface charts; knows no scene, no colour.

Points, directions and normals are component-first arrays (3, ...). Arithmetic is limited to
operations that IEEE 754 rounds exactly, so that every machine computes the same bits.
"""

# ruff: noqa: D102 - the methods are documented once, in Shape

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

HIT_MIN = 1e-6


class Shape(Protocol):
    """A convex surface around the origin of its own frame.

    A chart maps (u, v) in 0..1 onto a part of the surface; together the charts cover it.
    """

    @property
    def half_extent(self) -> np.ndarray:
        """Half the edge lengths (3,) of the bounding box centred on the origin."""
        ...

    @property
    def chart_sizes(self) -> list[tuple[float, float]]:
        """Length along u and along v of every chart, in metres."""
        ...

    def hit(self, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """First t > 0 with `origin + t * direction` on the surface, inf where there is none."""
        ...

    def chart(self, xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Chart index, u and v of surface points (3, N)."""
        ...

    def chart_surface(
        self, index: int, u: np.ndarray, v: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Points and outward unit normals, both (3, N), at (u, v) of one chart."""
        ...


@dataclass(frozen=True)
class Rectangle:
    """A flat rectangle in the local xy plane with its normal along +z, seen from both sides.

    Attributes:
        size: Lengths along x and y.
        hole: Corners x0, y0, x1, y1 of an opening, or None.
    """

    size: tuple[float, float]
    hole: tuple[float, float, float, float] | None = None

    @property
    def half_extent(self) -> np.ndarray:
        return np.array([self.size[0] / 2, self.size[1] / 2, 0.0])

    @property
    def chart_sizes(self) -> list[tuple[float, float]]:
        return [self.size]

    def hit(self, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
        t = -origin[2] / direction[2]
        x = origin[0] + t * direction[0]
        y = origin[1] + t * direction[1]
        inside = (np.abs(x) <= self.size[0] / 2) & (np.abs(y) <= self.size[1] / 2)
        if self.hole is not None:
            x0, y0, x1, y1 = self.hole
            inside &= ~((x > x0) & (x < x1) & (y > y0) & (y < y1))
        return np.where(inside & (t > HIT_MIN), t, np.inf)

    def chart(self, xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        index = np.zeros(xyz.shape[1], dtype=np.intp)
        return index, xyz[0] / self.size[0] + 0.5, xyz[1] / self.size[1] + 0.5

    def chart_surface(
        self, index: int, u: np.ndarray, v: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        zero = np.zeros_like(u)
        xyz = np.stack([(u - 0.5) * self.size[0], (v - 0.5) * self.size[1], zero])
        return xyz, np.stack([zero, zero, zero + 1])


@dataclass(frozen=True)
class Box:
    """A solid box. Charts 2a and 2a + 1 are the faces at the low and high end of axis a.

    Attributes:
        size: Edge lengths along x, y and z.
    """

    size: tuple[float, float, float]

    @property
    def half_extent(self) -> np.ndarray:
        return np.array(self.size) / 2

    @property
    def chart_sizes(self) -> list[tuple[float, float]]:
        sides = [(self.size[(axis + 1) % 3], self.size[(axis + 2) % 3]) for axis in range(3)]
        return [side for side in sides for _ in range(2)]

    def hit(self, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
        enter, leave = np.float64(-np.inf), np.float64(np.inf)
        for axis in range(3):
            half = self.size[axis] / 2
            low = (-half - origin[axis]) / direction[axis]
            high = (half - origin[axis]) / direction[axis]
            enter = np.fmax(enter, np.minimum(low, high))
            leave = np.fmin(leave, np.maximum(low, high))
        t = np.where(enter > HIT_MIN, enter, leave)
        return np.where((enter <= leave) & (t > HIT_MIN), t, np.inf)

    def chart(self, xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        unit = np.stack([xyz[axis] / self.size[axis] for axis in range(3)])
        axis = np.argmax(np.abs(unit), axis=0)
        column = np.arange(unit.shape[1])
        index = 2 * axis + (unit[axis, column] > 0)
        return index, unit[(axis + 1) % 3, column] + 0.5, unit[(axis + 2) % 3, column] + 0.5

    def chart_surface(
        self, index: int, u: np.ndarray, v: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        axis, side = index // 2, 1.0 if index % 2 else -1.0
        xyz, normal = np.zeros((3, *u.shape)), np.zeros((3, *u.shape))
        for a, unit in ((axis, side / 2), ((axis + 1) % 3, u - 0.5), ((axis + 2) % 3, v - 0.5)):
            xyz[a] = unit * self.size[a]
        normal[axis] = side
        return xyz, normal


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid; one octahedral chart (the unit sphere folded onto a square).

    Attributes:
        radii: Half axes along x, y and z.
    """

    radii: tuple[float, float, float]

    @property
    def half_extent(self) -> np.ndarray:
        return np.array(self.radii)

    @property
    def chart_sizes(self) -> list[tuple[float, float]]:
        around = 4 * max(self.radii)
        return [(around, around)]

    def hit(self, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
        o = [origin[axis] / self.radii[axis] for axis in range(3)]
        d = [direction[axis] / self.radii[axis] for axis in range(3)]
        a = d[0] * d[0] + d[1] * d[1] + d[2] * d[2]
        half_b = o[0] * d[0] + o[1] * d[1] + o[2] * d[2]
        c = o[0] * o[0] + o[1] * o[1] + o[2] * o[2] - 1.0
        root = np.sqrt(half_b * half_b - a * c)
        near, far = (-half_b - root) / a, (-half_b + root) / a
        t = np.where(near > HIT_MIN, near, far)
        return np.where(t > HIT_MIN, t, np.inf)

    def chart(self, xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, y, z = (xyz[axis] / self.radii[axis] for axis in range(3))
        total = np.abs(x) + np.abs(y) + np.abs(z)
        x, y = x / total, y / total
        folded_x = np.where(x < 0, -1.0, 1.0) * (1.0 - np.abs(y))
        folded_y = np.where(y < 0, -1.0, 1.0) * (1.0 - np.abs(x))
        x, y = np.where(z < 0, folded_x, x), np.where(z < 0, folded_y, y)
        return np.zeros(x.shape, dtype=np.intp), (x + 1) / 2, (y + 1) / 2

    def chart_surface(
        self, index: int, u: np.ndarray, v: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        x, y = 2 * u - 1, 2 * v - 1
        z = 1.0 - np.abs(x) - np.abs(y)
        unfolded_x = np.where(x < 0, -1.0, 1.0) * (1.0 - np.abs(y))
        unfolded_y = np.where(y < 0, -1.0, 1.0) * (1.0 - np.abs(x))
        unit = _unit(np.stack([np.where(z < 0, unfolded_x, x), np.where(z < 0, unfolded_y, y), z]))
        radii = np.array(self.radii)[:, None]
        return unit * radii, _unit(unit / radii)


@dataclass(frozen=True)
class Frustum:
    """A closed cylinder or truncated cone along z; charts are its side, bottom and top.

    The side's u is the "diamond angle", which walks around the circle without trigonometry.

    Attributes:
        bottom_radius: Radius at z = -height / 2.
        top_radius: Radius at z = +height / 2.
        height: Length along z.
    """

    bottom_radius: float
    top_radius: float
    height: float

    @property
    def half_extent(self) -> np.ndarray:
        radius = max(self.bottom_radius, self.top_radius)
        return np.array([radius, radius, self.height / 2])

    @property
    def chart_sizes(self) -> list[tuple[float, float]]:
        caps = [(2 * radius, 2 * radius) for radius in (self.bottom_radius, self.top_radius)]
        return [(4 * (self.bottom_radius + self.top_radius), self.height), *caps]

    @property
    def _slope(self) -> float:
        return (self.top_radius - self.bottom_radius) / self.height

    def _radius(self, z: np.ndarray) -> np.ndarray:
        return (self.bottom_radius + self.top_radius) / 2 + self._slope * z

    def hit(self, origin: np.ndarray, direction: np.ndarray) -> np.ndarray:
        ox, oy, oz = origin
        dx, dy, dz = direction
        radius, growth = self._radius(oz), self._slope * dz
        a = dx * dx + dy * dy - growth * growth
        half_b = ox * dx + oy * dy - radius * growth
        root = np.sqrt(half_b * half_b - a * (ox * ox + oy * oy - radius * radius))
        nearest = np.inf
        for t in ((-half_b - root) / a, (-half_b + root) / a):
            on_side = (t > HIT_MIN) & (np.abs(oz + t * dz) <= self.height / 2)
            nearest = np.minimum(nearest, np.where(on_side, t, np.inf))
        for z, cap_radius in (
            (-self.height / 2, self.bottom_radius),
            (self.height / 2, self.top_radius),
        ):
            t = (z - oz) / dz
            x, y = ox + t * dx, oy + t * dy
            on_cap = (t > HIT_MIN) & (x * x + y * y <= cap_radius * cap_radius)
            nearest = np.minimum(nearest, np.where(on_cap, t, np.inf))
        return nearest

    def chart(self, xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, y, z = xyz
        height = z / self.height
        radius = self._radius(z)
        beside_axis = np.sqrt(x * x + y * y) - radius
        on_cap = np.abs(z) - self.height / 2 > beside_axis - 1e-9
        total = np.maximum(np.abs(x) + np.abs(y), 1e-12)
        around = np.where(y < 0, 3.0 + x / total, 1.0 - x / total) / 4
        index = np.where(on_cap, np.where(z < 0, 1, 2), 0)
        cap_diameter = 2 * np.where(z < 0, self.bottom_radius, self.top_radius)
        u = np.where(on_cap, x / cap_diameter + 0.5, around)
        return index, u, np.where(on_cap, y / cap_diameter, height) + 0.5

    def chart_surface(
        self, index: int, u: np.ndarray, v: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        if index == 0:
            x = np.where(u < 0.5, 1 - 4 * u, 4 * u - 3)
            y = np.where(u < 0.5, 1.0, -1.0) * (1 - np.abs(x))
            z = (v - 0.5) * self.height
            unit = _unit(np.stack([x, y, np.zeros_like(x)]))
            radius = self._radius(z)
            xyz = np.stack([unit[0] * radius, unit[1] * radius, z])
            return xyz, _unit(np.stack([unit[0], unit[1], np.full_like(z, -self._slope)]))
        zero, side = np.zeros_like(u), 1.0 if index == 2 else -1.0
        diameter = 2 * (self.top_radius if index == 2 else self.bottom_radius)
        xyz = np.stack([(u - 0.5) * diameter, (v - 0.5) * diameter, zero + side * self.height / 2])
        return xyz, np.stack([zero, zero, zero + side])


def _unit(xyz: np.ndarray) -> np.ndarray:
    """Scale vectors (3, N) to length one."""
    return xyz / np.sqrt(xyz[0] * xyz[0] + xyz[1] * xyz[1] + xyz[2] * xyz[2])
