"""Photos of places in, warp pairs out: the command line over the corridor in `warpset`."""

from __future__ import annotations

import logging
import sys

if __name__ == "__main__":  # before the libraries are loaded, which takes seconds
    from warpset.fleet.stopping import stop_in_one_line

    stop_in_one_line()

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from tqdm.contrib.logging import logging_redirect_tqdm

from estimators.cache_folder import cache_folder, clear_cache
from estimators.command_line import add_building_flags, idle_building_flags, read_building_options
from estimators.device import chosen_device, named_device
from estimators.doctor import report
from estimators.options import ComputeOptions
from estimators.registry import make_estimators, make_segmenter, refined
from renderer.making import frames_at_once, kernel_cache_folder, make_renderer
from warpset.building.command_line import describe, make_parser, read_options, refuse_idle_flags
from warpset.building.flags.runs import read_scenes, tell_status
from warpset.building.many_scenes import ManyScenes, build_scenes
from warpset.building.options import BuildOptions
from warpset.building.pipeline import Backends
from warpset.building.summary import SceneSummary, ShardSummaries
from warpset.core.errors import InputError
from warpset.core.points import PointCloud
from warpset.core.protocols import Renderer
from warpset.fleet.stopping import stopped_by_signals

log = logging.getLogger("build_warp_dataset")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 = all made, 1 = something could not be, 2 = wrong command line."""
    parser = make_parser(add_building_flags)
    args = parser.parse_args(arguments)
    if args.doctor:
        return report(args.model, kernel_cache_folder)
    refuse_idle_flags(parser, args, idle_building_flags(args))
    options, compute = read_building_options(args, read_options(parser, args))
    scenes = read_scenes(parser, args, Path(__file__).parent, describe)
    level = logging.WARNING if args.quiet else logging.INFO
    logging.basicConfig(format="%(message)s", level=level, force=True)
    try:
        with stopped_by_signals(), logging_redirect_tqdm():
            if args.status:
                return tell_status(args.output_dir)
            if args.merge_shards:
                total = ShardSummaries(args.output_dir).merge()
            else:
                if args.clear_cache and not args.dry_run:
                    clear_cache()
                with cache_folder(keep=not args.nocache) as cache_dir:
                    total = build(scenes, options, compute, cache_dir)
    except (InputError, OSError) as error:
        log.error(describe(error))
        return 1
    except KeyboardInterrupt:
        log.error(f"{args.output_dir}: stopped; run the same command again to go on")
        return 1
    log.info(total.describe(args.output_dir))
    return 1 if total.problems else 0


def build(
    scenes: ManyScenes, options: BuildOptions, compute: ComputeOptions, cache_dir: Path
) -> SceneSummary:
    """Build the scenes with the networks, the renderer and the splats of this project.

    Raises:
        InputError: There are no scenes, or nothing to build them with.
        OSError: The output folder cannot be written.
    """
    if scenes.fleet is not None and not options.dry_run:
        compute = replace(compute, quiet=True)
    elif compute.device:
        chosen_device(compute.device)
    make = make_backends if options.dry_run or scenes.fleet else named_backends
    return build_scenes(scenes, options, partial(make, compute, cache_dir))


def named_backends(compute: ComputeOptions, cache_dir: Path) -> Backends:
    """`make_backends`, once there are scenes and a place for pairs; the device is named first."""
    named_device(compute.device)
    return make_backends(compute, cache_dir)


def make_backends(compute: ComputeOptions, cache_dir: Path) -> Backends:
    """Introduce estimators, renderer and splats to the corridor; each is imported when needed."""

    def renderer(size_wh: tuple[int, int], sigma_px: float) -> Renderer:
        return make_renderer(size_wh, sigma_px, chosen_device(compute.device), threads=1)

    def renders_at_once(threads: int) -> int:
        return frames_at_once(chosen_device(compute.device), threads)

    segmenter = cache(partial(make_segmenter, compute, cache_dir))
    estimators = make_estimators(compute, cache_dir)
    refine = partial(refined, cache_dir) if compute.refine_cameras else None
    return Backends(estimators, renderer, segmenter, gaussian_ply, refine, renders_at_once)


def gaussian_ply(cloud: PointCloud) -> bytes:
    """A point cloud as the bytes of a Gaussian splat PLY."""
    from splats import gaussians_from_points, ply_bytes

    assert cloud.footprint is not None, "lifted clouds know their pixels"
    return ply_bytes(
        gaussians_from_points(cloud.xyz_world, cloud.rgb, cloud.footprint, cloud.confidence)
    )


if __name__ == "__main__":
    sys.exit(main())
