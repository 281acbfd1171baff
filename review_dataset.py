"""Warp pairs in, one offline page to look at them and accept or reject each.

uv run python review_dataset.py output
uv run python review_dataset.py output --serve
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Sequence

from review.dataset import ReviewDataset, sole_reviewer
from review.server import ReviewServer
from warpset.building.command_line import OneLineParser, number
from warpset.core.argument_types import local_path
from warpset.core.errors import InputError
from warpset.trainers.command_line import Problems

log = logging.getLogger("review_dataset")


def make_parser() -> OneLineParser:
    """The command line."""
    parser = OneLineParser(
        prog="review_dataset.py",
        description="Warp pairs in, one offline page to accept or reject them out.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "output_dir", type=local_path, help="output folder of build_warp_dataset.py"
    )
    parser.add_argument(
        "--serve",
        action="store_true",
        help="serve the page to this machine and write accept.txt and reject.txt as you choose",
    )
    parser.add_argument(
        "--port", type=number(int, 0, 65535), default=0, help="port of --serve; 0 = a free one"
    )
    parser.add_argument("--quiet", action="store_true", help="say problems only")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; 0 = all done, 1 = something could not be, 2 = wrong command line."""
    args = make_parser().parse_args(arguments)
    logging.basicConfig(
        format="%(message)s", level=logging.WARNING if args.quiet else logging.INFO, force=True
    )
    problems = Problems()
    try:
        with sole_reviewer(args.output_dir):
            dataset = ReviewDataset(args.output_dir, problems.report, args.quiet)
            page = dataset.write_page()
            log.info(f"{page}: {len(dataset.rows)} pairs to review, {len(problems)} problems")
            if args.serve:
                serve(dataset, args.port)
    except InputError as error:
        log.error(error)
        return 1
    except OSError as error:
        reason = error.strerror or error
        log.error(f"{args.output_dir}: cannot be written ({reason}); make room or free it to write")
        return 1
    return 1 if problems else 0


def serve(dataset: ReviewDataset, port: int) -> None:
    """Serve the page until Ctrl+C, its address on stdout; the file then holds what was chosen."""
    with ReviewServer(dataset, port) as server:
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdout.write(f"{server.url}\n")
            sys.stdout.flush()
            log.info("open this address in a browser; Ctrl+C ends")
            server.serve_forever()
        with server.writing:
            dataset.write_page()


if __name__ == "__main__":
    sys.exit(main())
