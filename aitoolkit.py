"""Warp pairs -> control folders, targets and a configuration for AI Toolkit.

uv run python aitoolkit.py --prompt "refer to image 2, fix image 1"
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from warpset.core.argument_types import local_path
from warpset.trainers.command_line import Place, make_export_parser, run_export
from warpset.trainers.registry import TRAINERS

FOLDER_FLAG = "--aitoolkit-dir"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 = all done, 1 = something could not be, 2 = wrong command line."""
    parser = make_export_parser("aitoolkit.py", "Warp pairs in, an AI Toolkit data set out.")
    parser.add_argument(
        FOLDER_FLAG,
        type=local_path,
        default=Path("aitoolkit-dataset"),
        help="where the data set goes",
    )
    args = parser.parse_args(arguments)
    place = Place(FOLDER_FLAG, args.aitoolkit_dir)
    return run_export(parser, args, TRAINERS["aitoolkit"], place)


if __name__ == "__main__":
    sys.exit(main())
