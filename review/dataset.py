"""One output folder under review: its pairs, their thumbnails, its page; no HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from warpset.core.errors import InputError
from warpset.files.cache import content_key
from warpset.files.writing import write_atomically
from warpset.fleet.locks import sole_writer
from warpset.trainers.pair_selection import Report

from .choices import read_choices
from .collect import describe_pair, describe_scores, find_review_pairs
from .page import page_html
from .thumbnails import FULL_SCALE_LEVELS, difference_path, make_thumbnails, strip_path

PAGE_NAME = "review.html"
FILES_NAME = "review_files"


@contextlib.contextmanager
def sole_reviewer(output_dir: Path) -> Iterator[None]:
    """Be the only run that writes page, thumbnails and lists of an output folder.

    Raises:
        FolderInUseError: Another one does.
        InputError: There is no such folder, or it cannot be written.
    """
    if not output_dir.is_dir():
        raise InputError(
            f"{output_dir}: found no such folder, need the pairs of build_warp_dataset.py; "
            "name its output folder"
        )
    with sole_writer(output_dir / FILES_NAME):
        yield


class ReviewDataset:
    """The pairs of an output folder, ready to be looked at.

    Args:
        output_dir: Output folder of the main script.
        report: What takes a line about a pair that cannot be shown.
        quiet: No progress bar.

    Attributes:
        rows: What the page tells of each pair, see `collect.describe_pair`.
        keys: `<scene>/<pair>` of the pairs that can be accepted or rejected.

    Raises:
        InputError: The folder is missing or holds no pair, a list cannot be read, or a scene has
            the name that the thumbnails need.
        OSError: The folder cannot be written.
    """

    def __init__(self, output_dir: Path, report: Report, quiet: bool = False):
        self.folder = output_dir
        pairs = find_review_pairs(output_dir, report)
        if not pairs:
            raise InputError(
                f"{output_dir}: found no pairs to review; run build_warp_dataset.py first"
            )
        if any(pair.scene.casefold() == FILES_NAME for pair in pairs):
            raise InputError(
                f"{output_dir / FILES_NAME}: is a scene, need the name for thumbnails; rename it"
            )
        self.keys = [pair.key for pair in pairs if not pair.record.rejected]
        read_choices(output_dir, self.keys)
        thumbnails = make_thumbnails(output_dir / FILES_NAME, pairs, quiet)
        for pair, thumbnail in zip(pairs, thumbnails, strict=True):
            if thumbnail.problem:
                report(f"{thumbnail.problem}; pair {pair.key} is not shown")
        self.rows = [describe_pair(*both) for both in zip(pairs, thumbnails, strict=True)]

    def html(self, served: bool = False) -> str:
        """The page, with the choices that the lists hold now.

        Args:
            served: Choices go to the server; otherwise the browser keeps them.
        """
        choices = read_choices(self.folder, set(self.keys))
        place = self.folder.resolve()
        data: dict[str, Any] = {
            "name": place.name,
            "id": content_key(folder=ascii(place))[:16],
            "served": served,
            "choices": choices.by_key,
            "foreign": choices.foreign,
            "thumbnails": FILES_NAME,
            "fullScaleLevels": FULL_SCALE_LEVELS,
            "measures": describe_scores(),
            "pairs": self.rows,
        }
        return page_html(data, connects=served)

    def write_page(self) -> Path:
        """Write the page beside the pairs; returns where."""
        path = self.folder / PAGE_NAME
        write_atomically(path, self.html().encode())
        return path

    def pictures(self) -> dict[str, Path]:
        """Every picture that the page shows, by its path relative to the page."""
        pictures = {}
        for row in self.rows:
            for name in row["files"].values():
                pictures[f"{row['scene']}/{name}"] = self.folder / row["scene"] / name
            if row["thumbnail"]:
                for where in (strip_path, difference_path):
                    path = where(self.folder / FILES_NAME, row["thumbnail"])
                    pictures[f"{FILES_NAME}/{path.name}"] = path
        return pictures
