"""MegaDepth's pickled image list to JSON, once; what the list is for it does not know."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from warpset.building.command_line import OneLineParser

from .megadepth.image_list import read_image_list, write_image_list
from .scenes.door import run_door
from .scenes.scene_steps import log


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert a list; 0 = written, 1 = it could not be, 2 = wrong command line."""
    parser = OneLineParser(description="MegaDepth's pickled image list (.npz) to JSON.")
    parser.add_argument("image_list", type=Path, help="the list, .npz or .json")
    parser.add_argument("json", type=Path, help="the JSON to write")
    args = parser.parse_args(arguments)

    def run() -> int:
        images = read_image_list(args.image_list)
        write_image_list(args.json, images)
        names = sum(map(len, images.values()))
        log.info(f"{args.json}: {len(images)} models, {names} photos")
        return 0

    return run_door(run)


if __name__ == "__main__":
    sys.exit(main())
