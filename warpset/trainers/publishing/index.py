"""The Parquet index: a row a record, so that pairs are found by score without reading JSON.

Written scene by scene, a group of rows at a time, so that a million records take no more memory
than `GROUP_ROWS` of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ...building.pairs.camera_json import recorded_size_wh
from ...building.scores import SCORES
from ...core.errors import InputError, Remedy
from ...files.writing import PARTIAL_SUFFIX
from ...fleet.locks import sole_writer
from ..pair_selection import RecordedPair

GROUP_ROWS = 20_000
"""Rows that are written at once; more take more memory, fewer make the file larger and slower."""

TEXTS = (
    "scene",
    "pair",
    "reference",
    "target",
    "splats_file",
    "target_file",
    "reference_file",
    "geometry",
    "revision",
    "licence",
    "rejected",
)
SCORE_NAMES = tuple(score.name for score in SCORES)


def write_index(pairs: Iterable[RecordedPair], path: Path) -> int:
    """Write the index of pairs, those that were rejected included; how many there are.

    Args:
        pairs: Drawn one after the other.
        path: The Parquet file; whole or as it was before.

    Raises:
        InputError: pyarrow is not installed, or another run is writing there.
        OSError: The file cannot be written.
    """
    pa, pq = pyarrow_modules()
    schema, count, rest = _schema(pa), 0, iter(pairs)
    partial = path.with_name(f".{path.name}{PARTIAL_SUFFIX}")
    with sole_writer(path):
        try:
            with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
                while rows := [_row(pair) for pair in islice(rest, GROUP_ROWS)]:
                    writer.write_table(pa.Table.from_pylist(rows, schema))
                    count += len(rows)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    return count


def query_index(path: Path, bounds: Mapping[str, tuple[float, float]]) -> list[str]:
    """Pairs as `scene/pair` that were written and whose scores lie within bounds.

    Args:
        path: The index.
        bounds: Least and greatest value by score.

    Raises:
        InputError: pyarrow is not installed, or there is no such score.
        OSError: The index cannot be read.
    """
    _, pq = pyarrow_modules()
    if unknown := bounds.keys() - set(SCORE_NAMES):
        raise InputError(
            f"{path}: found no score {min(unknown)!r}, need one of {', '.join(SCORE_NAMES)}"
        )
    wanted = [(name, ">=", low) for name, (low, _) in bounds.items()]
    wanted += [(name, "<=", high) for name, (_, high) in bounds.items()]
    table = pq.read_table(path, columns=["scene", "pair"], filters=[("rejected", "=", ""), *wanted])
    return [f"{row['scene']}/{row['pair']}" for row in table.to_pylist()]


def pyarrow_modules() -> tuple[Any, Any]:
    """`pyarrow` and `pyarrow.parquet`.

    Raises:
        InputError: They are not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise InputError(
            "pyarrow: not installed, need it for Parquet files", Remedy.PUBLISH_GROUP
        ) from error
    return pyarrow, pyarrow.parquet


def _schema(pa: Any) -> Any:
    fields = [(name, pa.string()) for name in TEXTS]
    fields += [("is_reverse", pa.bool_()), ("width", pa.int32()), ("height", pa.int32())]
    return pa.schema([*fields, *((name, pa.float64()) for name in SCORE_NAMES)])


def _row(pair: RecordedPair) -> dict[str, Any]:
    record = pair.record
    width, height = recorded_size_wh(record.cameras) or (None, None)
    texts = (
        pair.scene,
        record.name,
        record.reference,
        record.target,
        *(record.files.get(kind, "") for kind in ("splats", "target", "reference")),
        record.geometry.get("source", ""),
        record.geometry.get("revision", ""),
        record.licence,
        record.rejected or "",
    )
    scores = {name: record.scores.get(name) for name in SCORE_NAMES}
    return {
        **{name: _shown(text) for name, text in zip(TEXTS, texts, strict=True)},
        "is_reverse": record.is_reverse,
        "width": width,
        "height": height,
        **scores,
    }


def _shown(text: str) -> str:
    """Text that UTF-8 can hold: names of files may be any bytes."""
    return text.encode(errors="surrogateescape").decode(errors="replace")
