"""The nodes that render: `Render Warp` and `Warp Pair`; sockets are unknown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from comfy.utils import ProgressBar  # pyright: ignore[reportMissingImports]
from numpy.typing import NDArray
from torch import Tensor

from ..renderer.making import make_renderer
from ..warpset.building.options import BuildOptions, PointFilter
from ..warpset.building.warping import Warper
from ..warpset.core.cameras import Camera, project
from ..warpset.core.drawing import draw, drawable
from ..warpset.core.geometry import FrameGeometry, PosedPhoto, SceneGeometry
from ..warpset.core.masks import ConfidenceThreshold
from ..warpset.core.points import PointCloud, splat_size
from ..warpset.core.sizes import SizeRule, fit_camera
from .cameras import chosen_camera, moved_camera
from .computing import cancellable, renderer_device, until_cancelled
from .frames import Frame
from .images import image_of, mask_of, photos_in
from .network.models import ManagedNetwork, managed_network
from .network.prediction import predicted_frames
from .scratch import photo_files
from .widgets import ALL_VIEWS, PairWidgets, RenderWidgets

Rgb = NDArray[np.uint8]


def render_warp(
    points: PointCloud, cameras: Sequence[Camera], widgets: RenderWidgets
) -> tuple[Tensor, Tensor]:
    """Render points into the view of a camera, or of all.

    Returns:
        IMAGE (B, H, W, 3) and MASK (B, H, W), 1 where no point was seen.

    Raises:
        InputError: There is no such camera.
    """
    chosen = cameras if widgets.view == ALL_VIEWS else [chosen_camera(cameras, widgets.view)]
    width, height = chosen[0].size_wh
    size_wh = (widgets.width or width, widgets.height or height)
    renderer = make_renderer(size_wh, widgets.sigma, renderer_device())
    drawn, bar = drawable(points), ProgressBar(len(chosen))
    rgb, holes = [], []
    for camera in until_cancelled(chosen):
        camera = fit_camera(moved_camera(points, camera, cameras, widgets), size_wh)
        renderer.s0 = widgets.s0 or _point_diameter(points, camera)
        view = cancellable(partial(draw, renderer, drawn, camera))
        rgb.append(view.rgb)
        holes.append(view.hole)
        bar.update(1)
    return image_of(rgb), mask_of(holes)


def _point_diameter(points: PointCloud, camera: Camera) -> float:
    """The diagonal of the pixels that points come from; if not known, of those they come to."""
    if points.footprint is not None:
        return float(np.median(points.footprint)) * math.sqrt(2)
    _, depth = project(camera, points.xyz_world)
    return splat_size(depth, camera)


def warp_pair(
    references: Sequence[Tensor],
    target: Tensor,
    widgets: PairWidgets,
    model: ManagedNetwork | None = None,
) -> tuple[Tensor, ...]:
    """Make the pair that `build_warp_dataset.py` makes of two photos, or of more references.

    Args:
        references: IMAGEs whose first pictures give the points.
        target: IMAGE whose first picture gives the view.
        widgets: The node's widgets.
        model: The network; None reads the one that the widgets name.

    Returns:
        IMAGE (1, H, W, 3) thrice: splats, target, first reference; MASK (1, H, W), 1 in holes.

    Raises:
        InputError: No such device, or no weights.
    """
    reference, *others = references
    photos = photos_in(image[:1] for image in (reference, target, *others))
    model = model or managed_network(widgets.weights, widgets.device)
    frames = predicted_frames(photos, "crop", model)
    renderer = partial(make_renderer, device=renderer_device(widgets.device))
    with photo_files(photos) as paths:
        warper = Warper(_geometry(frames, paths), _options(widgets, len(references)), renderer)
        ready = cancellable(partial(warper.prepare, 0, 1, range(2, len(photos))))
        warp = cancellable(partial(warper.render, ready))
    splats = warp.splats
    if not widgets.fill:
        splats = np.where(warp.hole[..., None], np.uint8(0), splats)
    pictures = [image_of([picture]) for picture in (splats, warp.target, warp.reference)]
    return (*pictures, mask_of([warp.hole]))


def _geometry(frames: Sequence[Frame], paths: Sequence[Path]) -> SceneGeometry:
    """A scene of photos in files, as the corridor takes it."""
    scene = tuple(
        FrameGeometry(PosedPhoto(path, frame.photo_camera), lambda frame=frame: frame.depth_map)
        for frame, path in zip(frames, paths, strict=True)
    )
    return SceneGeometry(scene, "vggt", revision="")


def _options(widgets: PairWidgets, references: int) -> BuildOptions:
    threshold = ConfidenceThreshold(widgets.depth_conf_threshold, is_percentile=True)
    return BuildOptions(
        size_rule=SizeRule(max_megapixels=None),
        upsample_depth=widgets.upsample_depth,
        point_filter=PointFilter(threshold),
        sigma_px=widgets.sigma,
        auto_s0=True,
        references=references,
    )
