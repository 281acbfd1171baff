"""Step 1: published data from Google Drive or the Hugging Face Hub, unpacked if wanted.

Downloads lie in `.downloads/` of the output folder until they are whole; what is done is listed
there and skipped. What the data is, this does not know.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warpset.command_line import OneLineParser
from warpset.errors import InputError
from warpset.files import write_atomically

from .archives import archive_stem, is_archive, unpack
from .download_sources import DriveLink, HubDataset, Source, files_below, read_links
from .scene_steps import log, start_logging

STAGING = ".downloads"
FETCHED = ".fetched"
"""Says that a source is downloaded, so that a run killed while it unpacks need not start over."""


@dataclass(frozen=True)
class Placing:
    """What becomes of downloaded files.

    Attributes:
        output_path: Where they go.
        unpack: Unpack archives.
        remove: Remove archives that were unpacked.
        subfolders: Unpack each archive into a folder of its name.
        quiet: Show no progress.
    """

    output_path: Path
    unpack: bool = False
    remove: bool = False
    subfolders: bool = False
    quiet: bool = False


def download(source: Source, placing: Placing, force: bool = False) -> str:
    """Download a source, unless that is done, and put its files in place.

    Returns:
        A line that sums it up.

    Raises:
        InputError: It cannot be had, a checksum is wrong, or an archive is refused.
    """
    key = hashlib.sha256(f"{source.key}\n{placing.unpack}".encode()).hexdigest()[:16]
    staging = placing.output_path / STAGING / key
    record = staging.with_suffix(".json")
    if record.is_file() and not force:
        return f"{source.key}: there already"
    staging.mkdir(parents=True, exist_ok=True)
    if not (staging / FETCHED).exists():
        source.fetch(staging, placing.quiet)
        (staging / FETCHED).touch()
    files = files_below(staging)
    if not files:
        shutil.rmtree(staging)
        raise InputError(f"{source.key}: found no file to download; see --allow_patterns")
    placed = sum(_place(file, staging, placing) for file in files)
    done = {"source": source.key, "files": [file.name for file in files]}
    write_atomically(record, json.dumps(done, indent=1).encode())
    shutil.rmtree(staging)
    return f"{source.key}: {len(files)} files downloaded, {placed} put into {placing.output_path}"


def _place(file: Path, staging: Path, placing: Placing) -> int:
    """Unpack a file or move it to the output folder; how many files that gave.

    What is unpacked and removed goes with the staging folder, when all is done.
    """
    unpacked, place = 0, placing.output_path / file.relative_to(staging)
    if placing.unpack and is_archive(file):
        folder = place.parent / archive_stem(file) if placing.subfolders else place.parent
        unpacked = unpack(file, folder, placing.quiet)
        if placing.remove:
            return unpacked
    place.parent.mkdir(parents=True, exist_ok=True)
    file.replace(place)
    return unpacked + 1


def make_parser() -> OneLineParser:
    """The command line."""
    parser = OneLineParser(
        description="Published data from Google Drive or the Hugging Face Hub.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--output_path", type=Path, required=True, help="where the data goes")
    add("--gdrive_link", default=None, help="a file or folder shared on Google Drive")
    add(
        "--gdrive_links_file",
        type=Path,
        default=None,
        help="a text of such links, one a line, each with its SHA-256 after it if known",
    )
    add("--hf_repo", default=None, help="a data set on the Hugging Face Hub, owner/name")
    add("--allow_patterns", nargs="+", default=(), help="globs of the files to take from --hf_repo")
    add("--unzip", action="store_true", help="unpack .zip, .tar, .tar.gz and .tgz")
    add("--remove_zip", action="store_true", help="remove what --unzip has unpacked")
    add(
        "--create_subdirs",
        action="store_true",
        help="unpack each archive into a folder of its name",
    )
    add("--force_output", action="store_true", help="download again what is there already")
    add("--quiet", action="store_true", help="say problems only")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Download; 0 = all is there, 1 = something could not be had, 2 = wrong command line."""
    parser = make_parser()
    args = parser.parse_args(arguments)
    if not (args.gdrive_link or args.gdrive_links_file or args.hf_repo):
        parser.error("need --gdrive_link, --gdrive_links_file or --hf_repo")
    if (args.remove_zip or args.create_subdirs) and not args.unzip:
        parser.error("--remove_zip and --create_subdirs need --unzip")
    if args.allow_patterns and not args.hf_repo:
        parser.error("--allow_patterns needs --hf_repo")
    start_logging(args.quiet)
    placing = Placing(
        args.output_path, args.unzip, args.remove_zip, args.create_subdirs, args.quiet
    )
    problems = 0
    try:
        sources = _sources(args)
    except InputError as error:
        log.error(error)
        return 1
    for source in sources:
        try:
            log.info(download(source, placing, args.force_output))
        except (InputError, OSError) as error:
            log.error(error)
            problems += 1
    return 1 if problems else 0


def _sources(args: argparse.Namespace) -> list[Source]:
    sources: list[Source] = [DriveLink(args.gdrive_link)] if args.gdrive_link else []
    if args.gdrive_links_file:
        sources += read_links(args.gdrive_links_file)
    if args.hf_repo:
        sources.append(HubDataset(args.hf_repo, tuple(args.allow_patterns)))
    return sources


if __name__ == "__main__":
    sys.exit(main())
