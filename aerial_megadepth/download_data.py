"""Step 1: published data from Google Drive or the Hugging Face Hub, unpacked if wanted.

Downloads lie in `.downloads/` of the output folder until they are whole; what is done is listed
there and skipped. What the data is, this does not know.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from warpset.building.command_line import OneLineParser
from warpset.core.errors import InputError
from warpset.fleet.locks import sole_writer

from .download.archives import ARCHIVE_SUFFIXES, archive_stem, is_archive, unpack
from .download.record import DownloadRecord, Fetched, read_download_record, read_fetched
from .download.sources import DriveLink, HubDataset, Source, files_below, read_links
from .scenes.door import run_door
from .scenes.scene_steps import log

STAGING = ".downloads"
FETCHED = ".fetched"
"""Says what was downloaded and unpacked, so that a run killed amid it need not start over."""
PLAN = ".plan"
"""Says what goes where: all archives are unpacked, and the other files can be moved.

Both lie beside the folder that a source's own files are downloaded to.
"""


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
        FolderInUseError: Another run downloads it.
        InputError: It cannot be had, a checksum is wrong, an archive is refused, or there is none
            to unpack.
    """
    key = hashlib.sha256(f"{source.key}\n{placing.unpack}".encode()).hexdigest()[:16]
    staging = placing.output_path / STAGING / key
    with sole_writer(staging):
        return _download(source, staging, placing, force)


def _download(source: Source, staging: Path, placing: Placing, force: bool) -> str:
    """Download a source to a folder that nobody else writes to, see `download`."""
    record_path = staging.with_suffix(".json")
    record = read_download_record(record_path)
    if record is not None and record.is_whole(placing.output_path) and not force:
        _forget(staging)
        return f"{source.key}: there already"
    plan_path = staging.with_suffix(PLAN)
    plan = read_download_record(plan_path) or _unpacked(source, staging, placing)
    _move(plan.moved, staging, placing.output_path)
    if placing.unpack and not any(is_archive(Path(name)) for name in plan.files):
        plan_path.unlink()
        _forget(staging)
        raise InputError(_no_archive(plan, placing))
    plan_path.replace(record_path)
    _forget(staging)
    placed = len(plan.moved) + len(plan.unpacked)
    return (
        f"{source.key}: {len(plan.files)} files downloaded, {placed} put into {placing.output_path}"
    )


def _unpacked(source: Source, staging: Path, placing: Placing) -> DownloadRecord:
    """Download a source's files and unpack its archives; what is left to be moved is the plan.

    An archive to be removed goes as soon as it is unpacked, so that not all need room at once.
    """
    fetched = _fetched(source, staging, placing.quiet)
    moved = []
    for name in fetched.files:
        file = staging / name
        if placing.unpack and is_archive(file):
            if name not in fetched.unpacked:
                fetched.unpacked[name] = _unpack(file, (placing.output_path / name).parent, placing)
                fetched.write(staging.with_suffix(FETCHED))
            if placing.remove:
                file.unlink(missing_ok=True)
        if file.exists():
            moved.append(name)
    names = [Path(name).name for name in fetched.files]
    unpacked = [path for paths in fetched.unpacked.values() for path in paths]
    plan = DownloadRecord(source.key, names, moved, unpacked)
    plan.write(staging.with_suffix(PLAN))
    return plan


def _unpack(archive: Path, folder: Path, placing: Placing) -> list[str]:
    """Unpack an archive; paths of what came out, from the output folder."""
    folder = folder / archive_stem(archive) if placing.subfolders else folder
    paths = unpack(archive, folder, placing.quiet)
    return [path.relative_to(placing.output_path).as_posix() for path in paths]


def _fetched(source: Source, staging: Path, quiet: bool) -> Fetched:
    """What a source holds, in the staging folder; downloaded unless it lies there already."""
    staging.mkdir(parents=True, exist_ok=True)
    fetched = read_fetched(staging.with_suffix(FETCHED))
    if fetched is not None and fetched.is_whole(staging):
        return fetched
    source.fetch(staging, quiet)
    files = files_below(staging)
    if not files:
        _forget(staging)
        raise InputError(f"{source.key}: found no file to download; see --allow_patterns")
    fetched = Fetched([path.relative_to(staging).as_posix() for path in files])
    fetched.write(staging.with_suffix(FETCHED))
    return fetched


def _forget(staging: Path) -> None:
    """Remove what was downloaded."""
    staging.with_suffix(FETCHED).unlink(missing_ok=True)
    shutil.rmtree(staging, ignore_errors=True)


def _move(paths: Sequence[str], staging: Path, output_path: Path) -> None:
    """Move files to their places, but for those that a killed run has moved already."""
    for path in paths:
        if (staging / path).exists():
            place = output_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            (staging / path).replace(place)


def _no_archive(plan: DownloadRecord, placing: Placing) -> str:
    found = ", ".join(plan.files[:3]) + (" and others" if len(plan.files) > 3 else "")
    return (
        f"{plan.source}: found no archive to unpack but {found}, put into {placing.output_path} as"
        f" they came, need {', '.join(ARCHIVE_SUFFIXES)}; check the link or leave out --unzip"
    )


def make_parser() -> OneLineParser:
    """The command line."""
    parser = OneLineParser(
        description="Published data from Google Drive or the Hugging Face Hub.",
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
    placing = Placing(
        args.output_path, args.unzip, args.remove_zip, args.create_subdirs, args.quiet
    )
    return run_door(lambda: _download_all(_sources(args), placing, args.force_output), args.quiet)


def _download_all(sources: Sequence[Source], placing: Placing, force: bool) -> int:
    """Download one source after the other; one that fails is named and the others go on."""
    problems = 0
    for source in sources:
        try:
            log.info(download(source, placing, force))
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
