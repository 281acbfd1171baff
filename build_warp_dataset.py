"""Photos of places in, warp pairs out: the command line over the corridor in `warpset`."""

from __future__ import annotations

import argparse
import contextlib
import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from warpset.cache import ArrayCache
from warpset.command_line import make_parser, read_options
from warpset.errors import InputError
from warpset.options import BuildOptions
from warpset.pipeline import Estimator, SceneSummary, Segmenter, Tools, build_scene
from warpset.points import PointCloud
from warpset.scenes import find_scenes, scene_name
from warpset.warping import Renderer

log = logging.getLogger("build_warp_dataset")
CACHE = Path(__file__).parent / ".cache"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 = all made, 1 = something could not be, 2 = wrong command line."""
    parser = make_parser()
    args = parser.parse_args(arguments)
    options = read_options(parser, args)
    logging.basicConfig(
        format="%(message)s", level=logging.WARNING if args.quiet else logging.INFO, force=True
    )
    try:
        scenes = find_scenes(args.input_dir)
        if args.device:
            torch_device(args.device)
        if not args.dry_run:
            args.output_dir.mkdir(parents=True, exist_ok=True)
    except (InputError, OSError) as error:
        log.error(error)
        return 1
    if args.clear_cache:
        shutil.rmtree(CACHE, ignore_errors=True)
    with cache_folder(args.nocache) as cache_dir, logging_redirect_tqdm():
        total = build_all(scenes, args.output_dir, options, make_tools(args, cache_dir))
    log.info(describe(total, args.output_dir))
    return 1 if total.problems else 0


@contextlib.contextmanager
def cache_folder(nocache: bool) -> Iterator[Path]:
    """Where estimated geometry is kept; a folder that goes away again if it shall not be."""
    if not nocache:
        yield CACHE
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def make_tools(args: argparse.Namespace, cache_dir: Path) -> Tools:
    """Introduce estimators and renderer to the corridor; each is imported when it is needed."""

    def stereo() -> Estimator:
        from warpset.stereo import StereoOptions
        from warpset.stereo_estimator import StereoEstimator

        return StereoEstimator(
            ArrayCache(cache_dir), StereoOptions(device=torch_device(args.device))
        )

    def vggt() -> Estimator:
        import torch

        from vggt_estimator import VGGTEstimator, VGGTOptions

        device = torch.device(torch_device(args.device))
        options = VGGTOptions(
            args.model, args.preprocess_mode, args.precision, args.window, device, args.quiet
        )
        return VGGTEstimator(ArrayCache(cache_dir), options)

    def renderer(size_wh: tuple[int, int], sigma: float) -> Renderer:
        return make_renderer(size_wh, sigma, torch_device(args.device))

    def segmenter() -> Segmenter:
        from warpset.sky import SkySegmenter, find_sky_model

        return SkySegmenter(find_sky_model(args.sky_model), ArrayCache(cache_dir))

    return Tools(
        {"vggt": cache(vggt), "stereo": cache(stereo)}, renderer, cache(segmenter), gaussian_ply
    )


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


def build_all(
    scenes: Sequence[Path], output_dir: Path, options: BuildOptions, tools: Tools
) -> SceneSummary:
    """Build scene after scene; one that fails is said and counted, the others go on."""
    total = SceneSummary()
    disable = options.quiet or len(scenes) == 1
    for scene in tqdm(scenes, desc="scenes", unit="scene", disable=disable):
        try:
            total.add(build_scene(scene, output_dir / scene_name(scene), options, tools))
        except InputError as error:
            total.report(str(error))
        except Exception as error:  # one scene must not take the others down
            log.debug("unexpected", exc_info=True)
            total.report(f"{scene}: failed ({type(error).__name__}: {error}); left out")
    return total


def make_renderer(size_wh: tuple[int, int], sigma: float, device: str) -> Renderer:
    """The hole-filling renderer; imported only when something has to be rendered."""
    from hole_filling_renderer import HoleFillingRenderer

    return HoleFillingRenderer(
        *size_wh, confidence_threshold=0.0, jfa_mask_sigma=sigma, device=device
    )


def describe(total: SceneSummary, output_dir: Path) -> str:
    """The summary's last line."""
    return (
        f"{output_dir}: {total.written} pairs written, {total.kept} there already, "
        f"{total.rejected} rejected, {len(total.problems)} problems, "
        f"{total.missing_photos} listed photos missing"
    )


if __name__ == "__main__":
    sys.exit(main())
