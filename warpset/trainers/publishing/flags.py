"""The flags of data sets that are published as one thing, and what they ask for."""

from __future__ import annotations

import argparse
import dataclasses
import logging
from functools import partial
from pathlib import Path

from ...core.argument_types import OneLineParser, number
from ..layouts import hf_parquet
from ..layouts.webdataset import ShardWriters
from ..trainer import Trainer
from .card import LICENCE_ID
from .push import REPOSITORY, push_dataset

PUBLISHED = ("hf", "webdataset")
BYTES_OF_A_MB = 1_000_000

log = logging.getLogger(__name__)


def add_publish_flags(parser: OneLineParser) -> None:
    """The flags that `hf` and `webdataset` take besides."""
    group = parser.add_argument_group("hf and webdataset")
    group.add_argument(
        "--shard-mb",
        type=number(float, 0.001),
        default=None,
        metavar="MB",
        help="size of a shard; Parquet files for hf, which has a file a picture if not given, tar "
        "files for webdataset, 1000 if not given",
    )
    group.add_argument(
        "--photo-licence",
        type=_licence,
        default=None,
        metavar="ID",
        help="licence of the photos as the Hub writes it, such as cc-by-4.0, for the card",
    )
    group.add_argument(
        "--push",
        type=_repository,
        default=None,
        metavar="OWNER/NAME",
        help="upload the data set to the Hugging Face Hub, or go on with that",
    )
    group.add_argument(
        "--private", action="store_true", help="with --push: a repository that is made is private"
    )


def refuse_idle_publishing(parser: OneLineParser, args: argparse.Namespace) -> None:
    """End with code 2 where a flag was set that has no effect."""
    for flag in ("--shard-mb", "--photo-licence", "--push"):
        given = getattr(args, flag[2:].replace("-", "_"))
        if given and args.format not in PUBLISHED:
            parser.error(f"{flag} has no effect here, it needs --format {' or '.join(PUBLISHED)}")
    if args.private and not args.push:
        parser.error("--private has no effect here, it needs --push")
    if args.push and (args.dry_run or args.validate):
        parser.error("--push has no effect beside --dry-run and --validate; drop one of them")


def in_shards(trainer: Trainer, shard_mb: float | None) -> Trainer:
    """A layout with shards of the size asked for."""
    if shard_mb is None:
        return trainer
    size = shard_mb * BYTES_OF_A_MB
    if trainer.name == "hf":
        return hf_parquet.in_shards(size)
    return dataclasses.replace(trainer, pack=partial(ShardWriters, shard_bytes=size))


def push(args: argparse.Namespace, folder: Path) -> None:
    """Push an export that is done, where that is asked for.

    Raises:
        InputError: The Hub does not take it.
    """
    if args.push:
        log.info(f"{push_dataset(folder, args.push, args.private)}: pushed from {folder}")


def _licence(text: str) -> str:
    if not LICENCE_ID.fullmatch(text):
        raise argparse.ArgumentTypeError(f"found {text!r}, need the Hub's word, as cc-by-4.0")
    return text


def _repository(text: str) -> str:
    if not REPOSITORY.fullmatch(text):
        raise argparse.ArgumentTypeError(f"found {text!r}, need owner/name")
    return text
