"""The flags that say where scenes lie and where pairs go: paths, or addresses in a store."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from ...core.argument_types import OneLineParser
from ...core.errors import InputError
from ...files.stores.address import WRITTEN_SCHEMES, Address, Place, place


def path_or_address(text: str) -> Place:
    """An argparse type: a path, or an address such as `s3://bucket/folder`."""
    try:
        return place(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_places(group: argparse._ArgumentGroup) -> None:
    """Add `--input-dir` and `--output-dir`."""
    group.add_argument(
        "--input-dir",
        type=path_or_address,
        default=Path("input"),
        help="scene folders, here or at s3://, gs:// or hf://",
    )
    group.add_argument(
        "--output-dir",
        type=path_or_address,
        default=Path("output"),
        help="where pairs go, here or at s3:// or gs://",
    )


def refuse_places(parser: OneLineParser, args: argparse.Namespace) -> None:
    """End with code 2 where pairs would lie among photos, or cannot be written."""
    output: Place = args.output_dir
    if _lies_in(output, args.input_dir):
        parser.error(f"--output-dir {output} lies inside --input-dir; choose another")
    if isinstance(output, Address) and output.scheme not in WRITTEN_SCHEMES:
        known = " or ".join(f"{scheme}://" for scheme in WRITTEN_SCHEMES[:-1])
        parser.error(f"--output-dir {output} can only be read; choose a path, {known}")


def _lies_in(output: Place, photos: Place) -> bool:
    if isinstance(output, Address) or isinstance(photos, Address):
        return f"{output}/".startswith(f"{photos}/")
    return Path(os.path.realpath(output)).is_relative_to(os.path.realpath(photos))
