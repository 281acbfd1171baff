"""MegaDepth's pickled image list to JSON, once; what the list is for it does not know."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from warpset.building.command_line import OneLineParser
from warpset.core.errors import InputError

from .megadepth.image_list import read_image_list, write_image_list
from .scenes.scene_steps import log, start_logging


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert a list; 0 = written, 1 = it could not be, 2 = wrong command line."""
    parser = OneLineParser(description="MegaDepth's pickled image list (.npz) to JSON.")
    parser.add_argument("image_list", type=Path, help="the list, .npz or .json")
    parser.add_argument("json", type=Path, help="the JSON to write")
    args = parser.parse_args(arguments)
    start_logging(quiet=False)
    try:
        images = read_image_list(args.image_list)
        write_image_list(args.json, images)
    except (InputError, OSError) as error:
        log.error(error)
        return 1
    names = sum(map(len, images.values()))
    log.info(f"{args.json}: {len(images)} models, {names} photos")
    return 0


if __name__ == "__main__":
    sys.exit(main())
