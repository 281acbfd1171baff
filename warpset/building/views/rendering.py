"""One photo's points and cameras -> pictures, masks, depth and a film; no flags, no networks."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from ...core.cameras import Camera, project, up_of
from ...core.drawing import Drawable, draw, drawable
from ...core.errors import InputError
from ...core.geometry import SceneGeometry
from ...core.points import PointCloud
from ...core.protocols import MakeRenderer
from ...core.sizes import fit_camera
from ...files.pictures import depth_bytes, mask_bytes, picture_bytes
from ...files.writing import write_atomically, writing_to
from ...fleet.locks import sole_writer
from ...fleet.stages import available_cores, map_ahead
from ..clips.encoding import VideoEncoder, even_size, mask_picture
from ..options import BuildOptions
from ..pairs.renderers import RendererPool
from ..pairs.warp import fade_px, fill_holes
from ..warping import ResampledFrames
from .camera_files import cameras_json
from .camera_paths import Scene

Rgb = NDArray[np.uint8]

CAMERAS_NAME = "cameras.json"
FILM_NAME, MASK_FILM_NAME = "path.mp4", "path_mask.mp4"
REFERENCE_NAME = "reference.png"

FILM_FRAMES_A_SECOND, FILM_CRF = 24, 16
"""`crf` 16 hides nothing at full size."""


@dataclass(frozen=True, eq=False)
class Vantage:
    """What views are rendered from: points, and the camera that they were seen from.

    Attributes:
        name: Of the photo or file.
        cloud: The points.
        splat_size: Diameter of a splat that the points ask for, in world units.
        scene: Their camera on the raster of the pictures, their depth, and up.
        reference: (h, w, 3) the photo on the same raster; None where there is none.
        world_offset: (3,) what was taken off all positions, see `recording.near_origin`.
    """

    name: str
    cloud: PointCloud
    splat_size: float
    scene: Scene
    reference: Rgb | None = None
    world_offset: Sequence[float] = (0.0, 0.0, 0.0)


def vantage_of(
    cloud: PointCloud, splat_size: float, camera: Camera, cameras: Sequence[Camera], name: str
) -> Vantage:
    """A vantage on points without a photo.

    Args:
        cloud: The points.
        splat_size: See `Vantage`.
        camera: The camera to start from, on the raster of the pictures.
        cameras: All that the points were seen from, which tell what is up.
        name: See `Vantage`.

    Raises:
        InputError: The camera sees none of the points.
    """
    uv, depth = project(camera, cloud.xyz_world)
    seen = depth[(depth > 0) & ((uv >= 0) & (uv < camera.size_wh)).all(axis=-1)]
    if not seen.size:
        raise InputError(f"{name}: found no points in view, need some; loosen the filters")
    scene = Scene(camera, float(np.median(seen)), up_of(cameras))
    return Vantage(name, cloud, splat_size, scene)


def vantage_of_photo(
    geometry: SceneGeometry,
    index: int,
    options: BuildOptions,
    sky_scores: Callable[[Path], Rgb] | None = None,
) -> Vantage:
    """A photo's points as its pairs have them, and the photo.

    Args:
        geometry: The scene's frames.
        index: Which of them.
        options: Which pixels become points, and the size of the pictures.
        sky_scores: See `warping.ResampledFrames`.

    Raises:
        InputError: The photo or its depth cannot be read, or no point passes the filters.
    """
    frame = geometry.frames[index]
    size_wh = options.size_rule.size_of(frame.photo.camera.size_wh)
    frames = ResampledFrames(geometry, options, sky_scores, keep=1)
    cloud, splat_size, _ = frames.points(index, size_wh)
    cameras = [one.photo.camera for one in geometry.frames]
    bare = vantage_of(cloud, splat_size, frames.camera(index, size_wh), cameras, frame.name)
    return replace(
        bare, reference=frames.picture(index, size_wh), world_offset=geometry.world_offset
    )


def render_views(
    vantage: Vantage,
    cameras: Sequence[Camera],
    folder: Path,
    options: BuildOptions,
    make_renderer: MakeRenderer,
    renders_at_once: Callable[[int], int] = int,
) -> None:
    """Render cameras into files, side by side in threads, `cameras.json` last.

    Args:
        vantage: The points.
        cameras: Where they are seen from, brought to the raster of the vantage.
        folder: Where the files go; made if it is not there.
        options: Fade and splat size; threads; quiet.
        make_renderer: Where renderers come from.
        renders_at_once: How many views so many threads render at once.

    Raises:
        FolderInUseError: Another run writes there.
        InputError: The folder cannot be written.
    """
    size_wh = vantage.scene.start.size_wh
    cameras = [fit_camera(camera, size_wh) for camera in cameras]
    workers = options.workers or available_cores()
    sigma_px = fade_px(options.sigma_px, options.hole_fill)
    renderers = RendererPool(make_renderer, sigma_px, renders_at_once(workers))
    said = {"reference": vantage.name, "options": options.as_recorded()}
    with sole_writer(folder), writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CAMERAS_NAME).unlink(missing_ok=True)
        if vantage.reference is not None:
            write_atomically(folder / REFERENCE_NAME, picture_bytes(vantage.reference, "png"))
        made = partial(_made, vantage, drawable(vantage.cloud), renderers, folder, options)
        bar = tqdm(desc="views", unit="view", total=len(cameras), disable=options.quiet)
        with bar, ThreadPoolExecutor(workers) as pool:
            views = map_ahead(made, enumerate(cameras, 1), pool, ahead=workers)
            with closing(views):
                films = _filmed(views, size_wh, bar)
        if len(cameras) > 1:
            for name, content in films.items():
                write_atomically(folder / name, content)
        write_atomically(folder / CAMERAS_NAME, cameras_json(cameras, said))


def _made(
    vantage: Vantage,
    points: Drawable,
    renderers: RendererPool,
    folder: Path,
    options: BuildOptions,
    numbered: tuple[int, Camera],
) -> tuple[Rgb, NDArray[np.bool_]]:
    """Splats and holes of a view whose files are written."""
    number, camera = numbered
    with renderers.renderer(camera.size_wh) as renderer:
        if options.auto_s0:
            renderer.s0 = vantage.splat_size
        view = draw(renderer, points, camera)
    splats, stem = fill_holes(view.rgb, view.hole, options.hole_fill), f"view_{number:04}"
    for kind, content in (
        ("splats.png", picture_bytes(splats, "png")),
        ("mask.png", mask_bytes(view.hole)),
        ("depth.exr", depth_bytes(view.depth)),
    ):
        write_atomically(folder / f"{stem}_{kind}", content)
    return splats, view.hole


def _filmed(
    views: Iterable[tuple[Rgb, NDArray[np.bool_]]], size_wh: tuple[int, int], bar: tqdm
) -> dict[str, bytes]:
    """Films of the views by name, in memory (48 of a megapixel are 2 MB)."""
    films = {name: io.BytesIO() for name in (FILM_NAME, MASK_FILM_NAME)}
    film_encoder = partial(
        VideoEncoder,
        size_wh=even_size(size_wh),
        crf=FILM_CRF,
        frames_a_second=FILM_FRAMES_A_SECOND,
    )
    with film_encoder(films[FILM_NAME]) as film, film_encoder(films[MASK_FILM_NAME]) as mask_film:
        for splats, hole in views:
            film.add(splats)
            mask_film.add(mask_picture(hole))
            bar.update()
    return {name: content.getvalue() for name, content in films.items()}
