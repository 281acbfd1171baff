"""Pairs for a trainer of your own: three pictures side by side in one folder, and one table.

uv run python examples/05_own_trainer_layout.py output my-dataset
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from warpset.trainers.documents import Documents, ExportContext, ExportedRow, json_lines
from warpset.trainers.export import export_pairs
from warpset.trainers.findings import Consequences
from warpset.trainers.rows import Reading, read_table
from warpset.trainers.trainer import Trainer

KINDS = ("splats", "reference", "target")


def describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """The table: three file names and the caption a line."""
    table = ({kind: row.place(kind) for kind in KINDS} | {"text": row.caption} for row in rows)
    return {"pairs.jsonl": json_lines(table)}


def read(folder: Path, reading: Reading) -> None:
    """The table as the trainer reads it, for `validate_export`."""
    read_table(folder, "pairs.jsonl", {kind: kind for kind in KINDS}, "text", reading)


MEMBERS = {kind: f"{{number}}-{kind}.{{extension}}" for kind in KINDS}
OWN = Trainer("own", "My trainer", MEMBERS, read, Consequences("it stops"), describe, sides=("",))

if __name__ == "__main__":
    rows = export_pairs(Path(sys.argv[1]), OWN, Path(sys.argv[2]))
    print(f"{len(rows)} pairs, the first is {rows[0].files['target']}: {rows[0].caption}")
