"""Photos of places in, warp pairs out: the command line over the corridor in `warpset`."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

import builder_tools
from warpset.command_line import make_parser, read_options
from warpset.errors import InputError
from warpset.options import BuildOptions
from warpset.pipeline import SceneSummary, Tools, build_scene
from warpset.scenes import find_scenes, scene_name

log = logging.getLogger("build_warp_dataset")


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
            builder_tools.torch_device(args.device)
        if not args.dry_run:
            args.output_dir.mkdir(parents=True, exist_ok=True)
    except (InputError, OSError) as error:
        log.error(error)
        return 1
    if args.clear_cache:
        shutil.rmtree(builder_tools.CACHE, ignore_errors=True)
    with builder_tools.cache_folder(args.nocache) as cache_dir, logging_redirect_tqdm():
        tools = builder_tools.make_tools(args, cache_dir)
        total = build_all(scenes, args.output_dir, options, tools)
    log.info(describe(total, args.output_dir))
    return 1 if total.problems else 0


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


def describe(total: SceneSummary, output_dir: Path) -> str:
    """The summary's last line."""
    return (
        f"{output_dir}: {total.written} pairs written, {total.kept} there already, "
        f"{total.rejected} rejected, {len(total.problems)} problems, "
        f"{total.missing_photos} listed photos missing"
    )


if __name__ == "__main__":
    sys.exit(main())
