"""Points through a renderer into a camera's view: the one place that speaks OpenGL to it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .cameras import Camera, opengl_projection_matrix, opengl_view_matrix
from .points import PointCloud
from .protocols import RenderedView, Renderer


class Drawable(NamedTuple):
    """A cloud as renderers take it: numpy arrays, or torch tensors on the renderer's device.

    Attributes:
        xyz_world: (n, 3) float32.
        colors: (n, 3) float32, 0..1.
        confidence: (n,) float32; ones where the cloud has none.
        footprint: What each point's pixel covers, (n, 2, 3) as `PointCloud.cell` or (n,) as its
            `footprint`; None where that is not known.
    """

    xyz_world: Any
    colors: Any
    confidence: Any
    footprint: Any


def drawable(cloud: PointCloud) -> Drawable:
    """The cloud as renderers take it."""
    trusted = np.ones(len(cloud.xyz_world), np.float32)
    return Drawable(
        cloud.xyz_world,
        np.divide(cloud.rgb, np.float32(255)),
        trusted if cloud.confidence is None else cloud.confidence,
        cloud.footprint if cloud.cell is None else cloud.cell,
    )


def draw(renderer: Renderer, points: Drawable, camera: Camera) -> RenderedView:
    """What a camera sees of the points, on its raster, which is of the renderer's size."""
    return renderer.render_view(
        points.xyz_world,
        points.colors,
        points.confidence,
        opengl_view_matrix(camera),
        opengl_projection_matrix(camera),
        camera.fov_y,
        points.footprint,
    )
