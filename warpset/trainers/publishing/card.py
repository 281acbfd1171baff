"""The card of a data set on the Hugging Face Hub: front matter, provenance, licences."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..documents import ExportedRow

SIZE_CATEGORIES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
)
"""The Hub's words for how many rows there are (Hub documentation, "Dataset Cards")."""

LICENCE_ID = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}")
"""How the Hub writes licences: `cc-by-4.0`."""


class CardFacts(NamedTuple):
    """What a card says beside what its rows do.

    Attributes:
        data_files: Pattern of each split's files.
        photo_licence: The Hub's word for it; empty where nobody said it.
    """

    data_files: Mapping[str, str]
    photo_licence: str = ""


def dataset_card(rows: Sequence[ExportedRow], facts: CardFacts) -> str:
    """`README.md` of a data set."""
    counts = "".join(
        f"| {split} | {sum(row.split == split for row in rows)} | "
        f"{len({row.scene for row in rows if row.split == split})} |\n"
        for split in facts.data_files
    )
    return (
        _front_matter(rows, facts)
        + _what_rows_are(rows)
        + f"| split | pairs | scenes |\n|---|---|---|\n{counts}"
        + _provenance(rows)
        + _licences(rows, facts.photo_licence)
    )


def size_category(count: int) -> str:
    """The Hub's word for a number of rows."""
    return next((word for limit, word in SIZE_CATEGORIES if count < limit), "100M<n<1B")


def network_licences(rows: Iterable[ExportedRow]) -> list[str]:
    """What networks behind the geometry let be done with it, each once."""
    return sorted({row.licence for row in rows} - {""})


def _front_matter(rows: Sequence[ExportedRow], facts: CardFacts) -> str:
    files = "".join(
        f"  - split: {split}\n    path: {pattern}\n" for split, pattern in facts.data_files.items()
    )
    licence = ""
    if facts.photo_licence and not network_licences(rows):
        licence = f"license: {facts.photo_licence}\n"
    elif facts.photo_licence:
        licence = "license: other\nlicense_name: photos-and-networks\n"
    return (
        f"---\npretty_name: Warp pairs\n{licence}task_categories:\n- image-to-image\n"
        f"size_categories:\n- {size_category(len(rows))}\n"
        "tags:\n- novel-view-synthesis\n- image-inpainting\n"
        f"configs:\n- config_name: default\n  data_files:\n{files}---\n\n"
    )


def _what_rows_are(rows: Sequence[ExportedRow]) -> str:
    columns = [f"`{kind}`" for kind in rows[0].controls[2:]]
    further = f" The points of {' and '.join(columns)} are among the splats." if columns else ""
    return (
        "# Warp pairs\n\n"
        "Each row holds three pictures of one place: `splats` (the points of `reference` seen from "
        "the target's camera), `reference` and `target`, what the camera saw. The scores compare "
        f"`splats` with `target` where points cover it.{further}\n\n"
    )


def _provenance(rows: Sequence[ExportedRow]) -> str:
    """Where depth and cameras come from, pair by pair counted."""
    sources = Counter(
        (row.geometry.get("source", ""), row.geometry.get("revision", "")) for row in rows
    )
    lines = "".join(
        f"| {_cell(source)} | {_cell(revision)} | {count} |\n"
        for (source, revision), count in sorted(sources.items())
    )
    return (
        "\n## Provenance\n\nWhere depth and cameras come from:\n\n"
        f"| source | revision | pairs |\n|---|---|---|\n{lines}"
    )


def _licences(rows: Sequence[ExportedRow], photo_licence: str) -> str:
    networks = network_licences(rows)
    photos = f"Photos: {photo_licence}.\n" if photo_licence else ""
    if networks:
        photos += (
            "\nDepth and cameras come from a network whose licence may bind what is made with it:"
            "\n\n" + "".join(f"- {as_text(licence)}\n" for licence in networks)
        )
    return f"\n## Licence\n\n{photos.lstrip()}" if photos else ""


def as_text(value: str) -> str:
    """A value from a file as one line that Markdown and HTML show as it is."""
    return re.sub(r"([\\`*\[\]|#~!])", r"\\\1", html.escape(" ".join(value.split()), quote=False))


def _cell(value: str) -> str:
    return as_text(value) or "not said"
