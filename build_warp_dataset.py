"""Photos of places in, warp pairs out: the command line over the corridor in `warpset`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

import builder_tools
from warpset.building.command_line import make_parser, read_options, read_shard
from warpset.building.options import BuildOptions
from warpset.building.scene_folders import find_scenes, scene_name
from warpset.building.summary import SceneSummary, ShardSummaries
from warpset.core.errors import FolderInUseError, InputError
from warpset.files.writing import writing_to
from warpset.fleet.shards import Shard

log = logging.getLogger("build_warp_dataset")

Outcomes = Iterator[tuple[str, SceneSummary | Exception]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 = all made, 1 = something could not be, 2 = wrong command line."""
    parser = make_parser()
    args = parser.parse_args(arguments)
    options = read_options(parser, args)
    shard = read_shard(parser, args, os.environ)
    logging.basicConfig(
        format="%(message)s", level=logging.WARNING if args.quiet else logging.INFO, force=True
    )
    try:
        with logging_redirect_tqdm():
            if args.merge_shards:
                total = ShardSummaries(args.output_dir).merge()
            else:
                total = build(args, options, shard)
    except (InputError, OSError) as error:
        log.error(error)
        return 1
    except KeyboardInterrupt:
        log.error(f"{args.output_dir}: stopped; run the same command again to go on")
        return 1
    log.info(total.describe(args.output_dir))
    return 1 if total.problems else 0


def build(args: argparse.Namespace, options: BuildOptions, shard: Shard | None) -> SceneSummary:
    """Build all scenes, or a shard of them, here or over Ray.

    Raises:
        InputError: There are no scenes, or nothing to build them with.
        OSError: The output folder cannot be written.
    """
    found = find_scenes(args.input_dir)
    scenes = [str(scene) for scene in found if not shard or shard.holds(scene_name(scene))]
    over_ray = args.ray is not None and not options.dry_run
    if args.device and not over_ray:
        builder_tools.torch_device(args.device)
    if args.clear_cache and not options.dry_run:
        builder_tools.clear_cache()
    summaries = ShardSummaries(args.output_dir)
    if shard:
        log.info(f"shard {shard.index} of {shard.count}: {len(scenes)} of {len(found)} scenes")
    if not options.dry_run:
        with writing_to(args.output_dir):
            args.output_dir.mkdir(parents=True, exist_ok=True)
        if shard:
            summaries.forget(shard.index, shard.count)
    with builder_tools.cache_folder(args.nocache) as cache_dir:
        if over_ray:
            outcomes = builder_tools.build_over_ray(args, options, cache_dir, scenes)
        else:
            outcomes = one_by_one(
                builder_tools.make_scene_builder(args, options, cache_dir), scenes
            )
        total, is_whole = add_up(outcomes, len(scenes), options.quiet)
    if shard and is_whole and not options.dry_run:
        summaries.keep(shard.index, shard.count, total)
    return total


def one_by_one(build_scene: Callable[[str], SceneSummary], scenes: Sequence[str]) -> Outcomes:
    """Build scene after scene, up to one that another run is at."""
    for scene in scenes:
        try:
            yield scene, build_scene(scene)
        except FolderInUseError as error:
            yield scene, error
            return


def add_up(outcomes: Outcomes, count: int, quiet: bool) -> tuple[SceneSummary, bool]:
    """The sum of all scenes, and whether none of them was another run's; what failed is said."""
    total, seen, scene, is_whole = SceneSummary(), 0, "", True
    bar = tqdm(outcomes, desc="scenes", unit="scene", total=count, disable=quiet or count == 1)
    for scene, outcome in bar:
        if isinstance(outcome, SceneSummary):
            total.add(outcome)
        elif isinstance(outcome, InputError):
            total.report(str(outcome))
        else:
            total.report(f"{scene}: failed ({type(outcome).__name__}: {outcome}); left out")
        seen += 1
        is_whole = is_whole and not isinstance(outcome, FolderInUseError)
    if seen < count:
        total.report(f"{scene}: {count - seen} scenes after it not tried; run the command again")
    return total, is_whole


if __name__ == "__main__":
    sys.exit(main())
