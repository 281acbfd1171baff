"""The flags that the export scripts share, and the walk from them to an export; no layouts."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..building.scores import add_quality_flags, read_quality
from ..core.argument_types import OneLineParser, local_path, number
from ..core.errors import InputError, Remedy, looking_into
from ..core.sizes import SIZE_PRESETS
from ..fleet.stopping import stopped_by_signals
from .base_models import BASE_MODELS
from .captions import Prompts, checked_prompt, checked_template, read_prompt_file
from .documents import VALIDATION
from .export import ExportOptions, export_context, lay_out_pairs
from .pair_selection import (
    RecordedPair,
    Report,
    Selection,
    find_pairs,
    read_pair_list,
    select_pairs,
)
from .trainer import Trainer
from .validation import validate_export

log = logging.getLogger(__name__)

DEFAULTS = ExportOptions()

WAYS_ON = {
    Remedy.WEBDATASET_GROUP: "run with uv run --group webdataset",
    Remedy.PUBLISH_GROUP: "run with uv run --group publish",
}
"""What mends an error, as the export scripts have it."""


class Place(NamedTuple):
    """Where a script exports to.

    Attributes:
        flag: The flag that says so.
        folder: What it says.
    """

    flag: str
    folder: Path


def make_export_parser(script: str, description: str) -> OneLineParser:
    """A parser with the flags that every export script has.

    Args:
        script: File name of the script.
        description: What it does, in a line.
    """
    parser = OneLineParser(
        prog=script,
        description=description,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--output-dir",
        type=local_path,
        default=Path("output"),
        help="pairs of build_warp_dataset.py",
    )
    _add_prompts(parser.add_argument_group("captions"))
    _add_selection(parser.add_argument_group("which pairs"))
    _add_export(parser.add_argument_group("export"))
    return parser


def _add_prompts(group: argparse._ArgumentGroup) -> None:
    one = group.add_mutually_exclusive_group()
    one.add_argument("--prompt", type=_prompt, help="caption of every pair")
    one.add_argument(
        "--prompt-file",
        type=local_path,
        help="captions, one a line; each pair keeps the one it draws",
    )
    one.add_argument(
        "--prompt-template",
        type=_template,
        help="caption told from the cameras, such as 'camera moves {azimuth} and {distance}'; "
        "a scene's own prompt.txt beside its pairs comes before all three",
    )


def _add_selection(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--accept-list", type=local_path, help="export only these, one scene/pair a line"
    )
    group.add_argument(
        "--reject-list", type=local_path, help="leave these out, one scene/pair a line"
    )
    add_quality_flags(group, "leave out")
    group.add_argument(
        "--split",
        type=number(float, 0, 1),
        default=0,
        help="share of scenes that goes to validation, by a hash of their names; 0 = no split",
    )


def _add_export(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--resize",
        type=_resize,
        metavar="{" + ",".join(SIZE_PRESETS) + ",WxH}",
        help="crop and resize all pictures of a pair alike, to a size that trainers keep whole",
    )
    group.add_argument(
        "--resolution",
        type=number(int, 64),
        nargs="+",
        help="resolutions to train at, for the configuration and for --validate; that of the size "
        "preset if not given, else 1024",
    )
    group.add_argument(
        "--base-model",
        choices=BASE_MODELS,
        help="the model to train, for the configuration and for --validate; the trainer's first if "
        "not given",
    )
    group.add_argument(
        "--number-digits",
        type=number(int, 1, 12),
        default=DEFAULTS.number_digits,
        help="pad numbers with zeros to so many digits",
    )
    switches = {
        "--link": "hard-link pictures instead of copying them",
        "--dry-run": "look at everything, write nothing",
        "--validate": "export nothing, check the finished folder as its trainer would read it",
        "--quiet": "say problems only",
    }
    for flag, text in switches.items():
        group.add_argument(flag, action="store_true", help=text)


def _prompt(text: str) -> str:
    return _argument(checked_prompt, text)


def _template(text: str) -> str:
    return _argument(checked_template, text)


def _argument(check: Callable[[str], str], text: str) -> str:
    try:
        return check(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _resize(text: str) -> str | tuple[int, int]:
    """An argparse type: a size preset, or `1248x832`."""
    if text in SIZE_PRESETS:
        return text
    match = re.fullmatch(r"([1-9]\d{1,4})x([1-9]\d{1,4})", text)
    if match is None:
        known = ", ".join(SIZE_PRESETS)
        raise argparse.ArgumentTypeError(f"found {text!r}, need {known} or a size like 1248x832")
    return int(match[1]), int(match[2])


class Problems(list[str]):
    """Lines about what could not be done."""

    def report(self, line: str) -> None:
        """Say a problem once, and keep it."""
        log.warning(line)
        self.append(line)


def run_export(
    parser: OneLineParser, args: argparse.Namespace, trainer: Trainer, place: Place
) -> int:
    """Export or validate; 0 = all done, 1 = something could not be or was found."""
    if Path(os.path.realpath(args.output_dir)).is_relative_to(os.path.realpath(place.folder)):
        parser.error(f"{place.flag} {place.folder} holds --output-dir; choose another folder")
    if args.link and trainer.pack is not None:
        parser.error(f"--link: {trainer.title} packs pictures into shards; leave it out")
    logging.basicConfig(
        format="%(message)s", level=logging.WARNING if args.quiet else logging.INFO, force=True
    )
    try:
        with stopped_by_signals():
            if args.validate:
                return _validate(trainer, place, args)
            return _export(trainer, place, args)
    except KeyboardInterrupt:
        log.error(f"{place.folder}: stopped; run the same command again")
    except InputError as error:
        log.error(error.told(WAYS_ON))
    except OSError as error:
        log.error(describe_failure(error, place, args.link))
    return 1


def _validate(trainer: Trainer, place: Place, args: argparse.Namespace) -> int:
    with looking_into(place.folder):
        findings = validate_export(trainer, place.folder, args.resolution, args.base_model)
    for finding in findings.notes:
        log.info(f"note: {finding}")
    for finding in findings.faults:
        log.warning(finding)
    log.info(
        f"{place.folder}: {findings.rows} {trainer.things} as {trainer.title} reads them, "
        f"{len(findings.faults)} findings"
    )
    return 1 if findings.faults else 0


def _export(trainer: Trainer, place: Place, args: argparse.Namespace) -> int:
    problems, options = Problems(), _read_options(args)
    pairs = find_pairs(args.output_dir, problems.report, trainer.records_name)
    wanted = select_pairs(pairs, _read_selection(args, pairs, problems.report))
    if not options.prompts.are_given:
        log.info(f"no prompt given, pairs get {trainer.default_prompt!r}; see --prompt")
    folder = Path(os.path.realpath(place.folder))
    rows = lay_out_pairs(trainer, wanted, folder, options, problems.report)
    validation = sum(row.split == VALIDATION for row in rows)
    if validation == len(rows):
        problems.report(f"--split {args.split} leaves no scene to train on; lower it")
    elif args.split and not validation:
        log.warning(f"--split {args.split} puts no scene into validation; raise it or add scenes")
    log.info(
        f"{place.folder}: {len(rows)} {trainer.things} "
        f"{'would be ' if args.dry_run else ''}exported for {trainer.title}, "
        f"{validation} of them for validation, {len(problems)} problems"
    )
    if trainer.command is not None:
        log.info(trainer.command(export_context(trainer, folder, options)))
    return 1 if problems else 0


def _read_prompts(args: argparse.Namespace) -> Prompts:
    if args.prompt_file is not None:
        return Prompts(read_prompt_file(args.prompt_file))
    return Prompts((args.prompt,) if args.prompt else (), args.prompt_template)


def _read_options(args: argparse.Namespace) -> ExportOptions:
    return ExportOptions(
        prompts=_read_prompts(args),
        validation_share=args.split or None,
        resize=args.resize,
        link=args.link,
        number_digits=args.number_digits,
        resolutions=args.resolution,
        base_model=args.base_model,
        photo_licence=vars(args).get("photo_licence") or "",  # a flag of one of the scripts
        dry_run=args.dry_run,
        quiet=args.quiet,
    )


def _read_selection(
    args: argparse.Namespace, pairs: Sequence[RecordedPair], report: Report
) -> Selection:
    accepted = read_pair_list(args.accept_list, pairs, report) if args.accept_list else None
    rejected = (
        read_pair_list(args.reject_list, pairs, log.info) if args.reject_list else frozenset()
    )
    return Selection(read_quality(args), accepted, rejected)


def describe_failure(error: OSError, place: Place, link: bool) -> str:
    """Say in a line why an export could not be written.

    Args:
        error: What happened.
        place: Where to.
        link: Whether files were to be hard-linked.
    """
    if link and error.errno == errno.EXDEV:
        found, remedy = "lies on another disk than the pairs", f"drop --link or move {place.flag}"
    else:
        found = f"cannot be written ({error.strerror or error})"
        remedy = f"make room or choose another {place.flag}"
    return f"{place.folder}: {found}; the earlier export is as it was; {remedy}"
