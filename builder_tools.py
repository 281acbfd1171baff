"""Introduces networks, stereo, renderer and splats to the corridor, importing each when needed."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from warpset.building.options import BuildOptions
from warpset.building.pipeline import Backends, Estimator, Segmenter, build_scene
from warpset.building.scenes import scene_name
from warpset.building.summary import SceneSummary
from warpset.core.errors import FolderInUseError, InputError
from warpset.core.points import PointCloud
from warpset.core.protocols import Renderer
from warpset.files.cache import ArrayCache
from warpset.files.ply import check_points, read_ply
from warpset.fleet.over_ray import Fleet, map_over_ray

CACHE = Path(__file__).parent / ".cache"


def clear_cache() -> None:
    """Delete what is in the cache; the folder itself may be a link to a larger disk.

    Raises:
        OSError: Something cannot be deleted.
    """
    if CACHE.is_dir():
        for path in CACHE.iterdir():
            shutil.rmtree(path)


@contextlib.contextmanager
def cache_folder(nocache: bool) -> Iterator[Path]:
    """Where estimated geometry is kept; a folder that goes away again if it shall not be."""
    if not nocache:
        yield CACHE
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def make_backends(args: argparse.Namespace, cache_dir: Path) -> Backends:
    """Introduce estimators and renderer to the corridor; each is imported when it is needed."""

    def stereo() -> Estimator:
        from estimators.stereo import StereoEstimator
        from warpset.stereo.multi_view import StereoOptions

        options = StereoOptions(device=torch_device(args.device))
        return StereoEstimator(ArrayCache(cache_dir), options, args.stereo_engine)

    def vggt() -> Estimator:
        import torch

        from estimators.network import VGGTEstimator, VGGTOptions

        device = torch.device(torch_device(args.device))
        options = VGGTOptions(
            args.model, args.preprocess_mode, args.precision, args.window, device, args.quiet
        )
        return VGGTEstimator(ArrayCache(cache_dir), options)

    def renderer(size_wh: tuple[int, int], sigma_px: float) -> Renderer:
        return make_renderer(size_wh, sigma_px, torch_device(args.device))

    def segmenter() -> Segmenter:
        from warpset.building.sky import SkySegmenter, find_sky_model

        return SkySegmenter(find_sky_model(args.sky_model), ArrayCache(cache_dir))

    return Backends(
        {"vggt": cache(vggt), "stereo": cache(stereo)}, renderer, cache(segmenter), gaussian_ply
    )


def make_scene_builder(
    args: argparse.Namespace, options: BuildOptions, cache_dir: Path
) -> Callable[[str], SceneSummary]:
    """What builds the pairs of a scene folder, keeping the network for the next one.

    Whatever goes wrong is in its summary, but for another run's writing to the same folder.
    """
    backends = make_backends(args, cache_dir)

    def build(scene: str) -> SceneSummary:
        path, summary = Path(scene), SceneSummary()
        try:
            build_scene(path, args.output_dir / scene_name(path), options, backends, summary)
        except FolderInUseError:
            raise
        except InputError as error:
            summary.report(str(error))
        except Exception as error:  # one scene must not take the others down
            summary.report(
                f"{scene}: failed ({type(error).__name__}: {error}, {_raised_at(error)}); left out"
            )
        return summary

    return build


def _raised_at(error: Exception) -> str:
    """Where in the code an error came from, for whoever has to mend it."""
    innermost = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(innermost.filename).name}:{innermost.lineno}"


def build_over_ray(
    args: argparse.Namespace, options: BuildOptions, cache_dir: Path, scenes: Sequence[str]
) -> Iterator[tuple[str, SceneSummary | Exception]]:
    """Build scenes on the workers that `--ray` asks for, their problems said here.

    Raises:
        InputError: See `fleet.map_over_ray`.
    """
    args = argparse.Namespace(**vars(args) | {"quiet": True})
    make_work = partial(make_scene_builder, args, replace(options, quiet=True), cache_dir)
    fleet = Fleet(args.ray, args.cpus_per_worker, args.device != "cpu", CACHE.parent)
    for scene, outcome in map_over_ray(make_work, scenes, fleet):
        if isinstance(outcome, SceneSummary):
            outcome.say_problems()
        yield scene, outcome


def gaussian_ply(cloud: PointCloud) -> bytes:
    """A point cloud as the bytes of a Gaussian splat PLY."""
    from splats import gaussians_from_points, write_ply

    assert cloud.footprint is not None, "lifted clouds know their pixels"
    gaussians = gaussians_from_points(cloud.xyz_world, cloud.rgb, cloud.footprint, cloud.confidence)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gaussians.ply"
        write_ply(gaussians, path)
        return path.read_bytes()


def torch_device(asked: str | None) -> str:
    """The device asked for, else CUDA where there is one.

    Raises:
        InputError: CUDA was asked for and there is none.
    """
    import torch

    if asked == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: found no CUDA device; use --device cpu")
    return asked or ("cuda" if torch.cuda.is_available() else "cpu")


def make_renderer(
    size_wh: tuple[int, int], sigma_px: float, device: str, **settings: Any
) -> Renderer:
    """The hole-filling renderer; imported only when something has to be rendered.

    Args:
        size_wh: Size of its pictures.
        sigma_px: Distance in pixels over which filled holes fade.
        device: `cuda` or `cpu`, as torch names them; on ROCm the renderer runs on the CPU.
        settings: Further arguments of `HoleFillingRenderer`.
    """
    import torch

    from renderer.hole_filling import HoleFillingRenderer

    device = device if torch.version.cuda is not None else "cpu"
    return HoleFillingRenderer(
        *size_wh, confidence_threshold=0.0, jfa_mask_sigma=sigma_px, device=device, **settings
    )


def read_point_file(path: Path) -> PointCloud:
    """The points of a PLY, or the centres of Gaussian splats with their opacity as confidence.

    Raises:
        InputError: No such file, or none that can be read.
    """
    from splats import SplatError, confidence_from_opacity, holds_splats, read_splats

    if not path.is_file():
        raise InputError(f"{path}: no such file; give a point cloud or Gaussian splat PLY")
    try:
        if not holds_splats(path):
            cloud = read_ply(path)
            check_points(cloud, path)
            return cloud
        gaussians = read_splats(path)
    except SplatError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file") from error
    return PointCloud(gaussians.means, gaussians.rgb, confidence_from_opacity(gaussians.opacities))
