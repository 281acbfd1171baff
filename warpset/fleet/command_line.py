"""The flags that spread work over machines, and how they become a `Fleet` and a `Shard`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from ..core.argument_types import OneLineParser, number
from ..core.errors import InputError, Remedy
from .over_ray import Fleet
from .shards import Shard, shard_from_environment

FLEET_WAYS_ON = {
    Remedy.FLEET_GROUP: "run with uv run --group fleet, or leave out --ray",
    Remedy.FLEET_START: "set RAY_TMPDIR to a folder with room, or leave out --ray",
    Remedy.FLEET_ADDRESS: (
        "start one with `ray start --head`, or give --ray alone to use this machine"
    ),
    Remedy.CORES_OF_A_WORKER: "lower --cpus-per-worker",
    Remedy.CARDS_OF_A_WORKER: "lower --gpus-per-worker, or leave it out",
}
"""What mends an error of the fleet, as command lines have it."""


def add_fleet_flags(group: argparse._ArgumentGroup) -> None:
    """The flags of every command that can spread its scenes over Ray, see `fleet.Fleet`."""
    group.add_argument(
        "--ray",
        nargs="?",
        const="",
        default=None,
        metavar="ADDRESS",
        help="spread scenes over the Ray cluster there, or over this machine without an address",
    )
    group.add_argument(
        "--cpus-per-worker",
        type=number(int, 1),
        default=None,
        help="cores of each Ray worker; 4 if not given, or all of a machine that has less",
    )
    group.add_argument(
        "--gpus-per-worker",
        type=share_of_cards,
        default=None,
        help="GPUs of each Ray worker, such as 0.25 where four share one; one where there are any "
        "if not given",
    )


def share_of_cards(text: str) -> float:
    """An argparse type: GPUs of a worker, a share of one or whole ones, as Ray gives them."""
    amount = number(float, 0.01)(text)
    if amount > 1 and not amount.is_integer():
        raise argparse.ArgumentTypeError(f"found {text}, need at most 1 or a whole number")
    return amount


def read_fleet(args: argparse.Namespace, project: Path) -> Fleet | None:
    """The Ray workers asked for; None for this process.

    Args:
        args: Parsed flags, those of `add_fleet_flags` and --device among them.
        project: Folder whose modules the workers import.
    """
    if args.ray is None:
        return None
    use_gpus = args.device != "cpu"
    return Fleet(args.ray, args.cpus_per_worker, use_gpus, project, args.gpus_per_worker)


def add_shard_flags(group: argparse._ArgumentGroup) -> None:
    """The flags of a command whose scenes can be shared out over jobs."""
    group.add_argument(
        "--num-shards",
        type=number(int, 1),
        default=None,
        help="do one of N shares of the scenes; a SLURM array's or torchrun's if not given",
    )
    group.add_argument(
        "--shard-index", type=number(int, 0), default=None, help="which share, from 0 on"
    )
    group.add_argument(
        "--merge-shards",
        action="store_true",
        help="only sum up what all shares have done, once they are through",
    )


def read_shard(
    parser: OneLineParser, args: argparse.Namespace, environment: Mapping[str, str]
) -> Shard | None:
    """The share of the scenes asked for; None for all. Contradictions end with code 2."""
    index, count = args.shard_index, args.num_shards
    if (index is None) != (count is None):
        parser.error("--num-shards and --shard-index go together; give both or neither")
    if count is not None:
        if index >= count:
            parser.error(f"--shard-index {index}: need less than --num-shards {count}")
        return Shard(index, count)
    try:
        return shard_from_environment(environment)
    except InputError as error:
        parser.error(f"{error}; give --num-shards and --shard-index")
