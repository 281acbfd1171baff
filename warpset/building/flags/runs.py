"""The flags that say how a run over many scenes goes on, and what it tells of itself."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from ...core.argument_types import OneLineParser, number
from ...core.errors import Remedy
from ...files.stores.address import Address, Place
from ...fleet.command_line import read_fleet, read_shard
from ..many_scenes import ManyScenes
from ..runs.board import read_status
from ..runs.telling import status_text

BYTES_OF_A_GB = 1_000_000_000

RUN_WAYS_ON = {
    Remedy.LOCAL_DISK: "raise --stage-gb, or leave it out",
    Remedy.RETRY_FAILED: "use --retry-failed to try it again",
}
"""What mends an error of a run, as the command line has it."""


def add_run_flags(group: argparse._ArgumentGroup) -> None:
    """The flags of runs that are stopped, joined and looked at."""
    group.add_argument(
        "--join",
        action="store_true",
        help="share the scenes with other runs of the same command: leave those that one is at to "
        "it, and take them over if it dies",
    )
    group.add_argument(
        "--retry-failed",
        action="store_true",
        help="try scenes again that were set aside because they failed three times",
    )
    group.add_argument(
        "--stage-gb",
        type=number(float, 1e-6),
        default=None,
        metavar="GB",
        help="for addresses: fetch the next scene and send the last one meanwhile, on so much "
        "local disk",
    )
    group.add_argument(
        "--status",
        action="store_true",
        help="only print how far the runs on --output-dir are, from any shell",
    )
    group.add_argument(
        "--prometheus",
        type=Path,
        default=None,
        metavar="FILE",
        help="keep the numbers of summary.json in a text file for Prometheus as well",
    )


def read_scenes(
    parser: OneLineParser,
    args: argparse.Namespace,
    project: Path,
    describe: Callable[[Exception], str],
) -> ManyScenes:
    """Which scenes are built, where to, and by whom. Contradictions end with code 2.

    Args:
        parser: Of the flags.
        args: What they say.
        project: Folder whose modules Ray's workers import.
        describe: An error in the words of the command line.
    """
    stage = args.stage_gb
    if stage and not any(isinstance(p, Address) for p in (args.input_dir, args.output_dir)):
        parser.error("--stage-gb has no effect here, it needs an address; add one or drop it")
    return ManyScenes(
        args.input_dir,
        args.output_dir,
        read_shard(parser, args, os.environ),
        read_fleet(args, project),
        describe,
        args.join,
        args.retry_failed,
        round(stage * BYTES_OF_A_GB) if stage else None,
        args.prometheus,
    )


def tell_status(output_dir: Place) -> int:
    """Print how far the runs on an output folder are; the exit code.

    Raises:
        InputError: No run has said anything there.
        OSError: The folder cannot be read.
    """
    sys.stdout.write(status_text(read_status(output_dir), output_dir) + "\n")
    return 0
