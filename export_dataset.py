"""Warp pairs -> the layouts of all trainers that have no script of their own.

uv run python export_dataset.py --format musubi --prompt "refer to image 2, fix image 1"
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from warpset.core.argument_types import local_path
from warpset.core.errors import InputError
from warpset.trainers.command_line import Place, make_export_parser, run_export
from warpset.trainers.publishing.flags import (
    add_publish_flags,
    in_shards,
    push,
    refuse_idle_publishing,
)
from warpset.trainers.registry import CLIP_TRAINERS, TRAINERS

LAYOUTS = TRAINERS | CLIP_TRAINERS
FORMATS = [name for name in LAYOUTS if name not in ("modelscope", "aitoolkit")]
FOLDER_FLAG = "--dataset-dir"

log = logging.getLogger("export_dataset")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 = all done, 1 = something could not be, 2 = wrong command line."""
    parser = make_export_parser("export_dataset.py", "Warp pairs in, a trainer's data set out.")
    parser.add_argument("--format", choices=FORMATS, required=True, help="the trainer's layout")
    parser.add_argument(
        FOLDER_FLAG, type=local_path, help="where the data set goes; <format>-dataset if not given"
    )
    add_publish_flags(parser)
    args = parser.parse_args(arguments)
    refuse_idle_publishing(parser, args)
    folder = args.dataset_dir or Path(f"{args.format}-dataset")
    trainer = in_shards(LAYOUTS[args.format], args.shard_mb)
    code = run_export(parser, args, trainer, Place(FOLDER_FLAG, folder))
    try:
        if code == 0:
            push(args, folder)
    except InputError as error:
        log.error(error)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
