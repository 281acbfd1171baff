"""How each trainer finds the rows of a finished export; it judges nothing and decodes nothing.

Each reader follows its loader's documented rule and yields what that loader would see, absent
members included.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from .export_pictures import PICTURE_EXTENSIONS
from .layout_documents import TRAIN, VALIDATION

CONTROL_EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp")
"""What AI Toolkit tries, in this order and in lower case, for a control or mask of a target."""


class PackedFile(NamedTuple):
    """A file in a shard.

    Attributes:
        shard: The tar file.
        offset: Where it begins, in bytes.
        size: Its length in bytes.
    """

    shard: Path
    offset: int
    size: int

    def read_bytes(self) -> bytes:
        """Its content."""
        with self.shard.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


Member = Path | PackedFile
"""A file as a loader finds it."""


@dataclass(frozen=True)
class TrainerRow:
    """A pair as a loader sees it.

    Attributes:
        name: What to call it.
        members: Files by kind; None where the loader finds nothing.
        caption: What the loader reads; None where there is nothing to read.
    """

    name: str
    members: Mapping[str, Member | None]
    caption: str | None


@dataclass
class Reading:
    """What a loader makes of an export.

    Attributes:
        rows: The pairs it sees.
        faults: A line for each thing that stops it before it sees a pair.
    """

    rows: list[TrainerRow] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def read_rows(layout: str, folder: Path) -> Reading:
    """The rows of an export as its trainer sees them, train and validation side."""
    reading = Reading()
    sides = [folder / TRAIN, folder / VALIDATION] if layout == "hf" else [folder]
    if layout not in ("hf", "difix", "webdataset") and (folder / VALIDATION).is_dir():
        sides.append(folder / VALIDATION)
    for side in sides:
        if side == folder or side.is_dir():
            _READERS[layout](side, reading)
    return reading


def _read_modelscope(folder: Path, reading: Reading) -> None:
    """DiffSynth-Studio, `UnifiedDataset`: paths of `metadata.json` below the base path."""
    table = _json(folder / "metadata.json", reading)
    lines = _json_lines(folder / "metadata.jsonl", reading)
    if table is not None and table != lines:
        reading.faults.append(f"{folder / 'metadata.jsonl'}: says otherwise than metadata.json")
    for row in _dicts(table):
        edits = row.get("edit_image")
        splats, reference = edits if isinstance(edits, list) and len(edits) == 2 else (None, None)
        named = {"target": row.get("image"), "splats": splats, "reference": reference}
        members = {kind: _below(folder, name) for kind, name in named.items()}
        reading.rows.append(TrainerRow(str(row.get("image")), members, _text(row.get("prompt"))))


def _read_aitoolkit(folder: Path, reading: Reading) -> None:
    """AI Toolkit, `AiToolkitDataset`: targets in any case, the rest by the target's stem."""
    default = _default_caption(folder)
    folders = {"splats": folder / "control1", "reference": folder / "control2"}
    if (folder / "mask").is_dir():
        folders["mask"] = folder / "mask"
    names = {kind: {path.name for path in pictures_in(place)} for kind, place in folders.items()}
    for target in pictures_in(folder / "target"):
        members: dict[str, Member | None] = {"target": target}
        for kind, place in folders.items():
            tried = (f"{target.stem}{extension}" for extension in CONTROL_EXTENSIONS)
            found = next((name for name in tried if name in names[kind]), None)
            members[kind] = place / found if found else None
        caption = _caption(target.with_suffix(".txt"))
        reading.rows.append(
            TrainerRow(f"target/{target.name}", members, default if caption is None else caption)
        )


def _default_caption(folder: Path) -> str | None:
    config = folder / "config.yaml"
    if not config.is_file():
        config = folder.parent / "config.yaml"
    for line in (_caption(config) or "").splitlines():
        key, _, value = line.strip().partition(": ")
        if key == "default_caption":
            return value.strip('"')
    return None


def _read_musubi(folder: Path, reading: Reading) -> None:
    """musubi-tuner, "Dataset Configuration": numbered control paths in a JSON line."""
    keys = {"target": "image_path", "splats": "control_path_0", "reference": "control_path_1"}
    _read_table(folder, "metadata.jsonl", keys, "caption", reading)


def _read_hf(folder: Path, reading: Reading) -> None:
    """datasets, "Create an image dataset": columns named `*_file_name`."""
    keys = {kind: f"{kind}_file_name" for kind in ("target", "splats", "reference")}
    if (folder / "mask").is_dir():
        keys["mask"] = "mask_file_name"
    _read_table(folder, "metadata.jsonl", keys, "prompt", reading)


def _read_table(
    folder: Path, name: str, keys: Mapping[str, str], caption: str, reading: Reading
) -> None:
    for row in _dicts(_json_lines(folder / name, reading)):
        members = {kind: _below(folder, row.get(key)) for kind, key in keys.items()}
        row_name = Path(str(row.get(keys["target"]))).name
        reading.rows.append(TrainerRow(row_name, members, _text(row.get(caption))))


def _read_simpletuner(folder: Path, reading: Reading) -> None:
    """SimpleTuner, "Qwen Image Edit Quickstart": the very same file name in each dataset."""
    for target in pictures_in(folder / "target"):
        members: dict[str, Member | None] = {"target": target}
        for kind in ("splats", "reference"):
            members[kind] = _below(folder / kind, target.name)
        caption = _caption(target.with_suffix(".txt"))
        reading.rows.append(TrainerRow(f"target/{target.name}", members, caption))


def _read_difix(folder: Path, reading: Reading) -> None:
    """Difix3D+, `PairedDataset`: one JSON file, a split, an id, three paths and a prompt."""
    data = _json(folder / "data.json", reading)
    keys = {"target": "target_image", "splats": "image", "reference": "ref_image"}
    for split in ("train", "test"):
        rows = data.get(split) if isinstance(data, dict) else None
        for name, row in rows.items() if isinstance(rows, dict) else ():
            if isinstance(row, dict):
                members = {kind: _below(folder, row.get(key)) for kind, key in keys.items()}
                reading.rows.append(TrainerRow(name, members, _text(row.get("prompt"))))


def _read_webdataset(folder: Path, reading: Reading) -> None:
    """webdataset, "The WebDataset Format": neighbours in a tar that share a key are a sample."""
    shards = sorted(folder.glob("*.tar"))
    if not shards:
        reading.faults.append(f"{folder}: found no shards, need files like {TRAIN}-000000.tar")
    for shard in shards:
        try:
            reading.rows += _samples(shard)
        except (OSError, tarfile.TarError) as error:
            reading.faults.append(f"{shard}: cannot be read as a tar file ({error})")


def _samples(shard: Path) -> Iterator[TrainerRow]:
    key, fields = "", dict[str, PackedFile]()
    with tarfile.open(shard) as archive:
        for entry in archive:
            entry_key, _, name = entry.name.partition(".")
            if fields and entry_key != key:
                yield _sample(shard, key, fields)
                fields = {}
            key, fields[name] = entry_key, PackedFile(shard, entry.offset_data, entry.size)
    if fields:
        yield _sample(shard, key, fields)


def _sample(shard: Path, key: str, fields: Mapping[str, PackedFile]) -> TrainerRow:
    members: dict[str, Member | None] = dict.fromkeys(("target", "splats", "reference"))
    for name, file in fields.items():
        kind, _, extension = name.partition(".")
        if extension in PICTURE_EXTENSIONS:
            members[kind] = file
    caption = fields["txt"].read_bytes().decode(errors="replace") if "txt" in fields else None
    return TrainerRow(f"{shard.name}/{key}", members, caption)


_READERS: dict[str, Callable[[Path, Reading], None]] = {
    "modelscope": _read_modelscope,
    "aitoolkit": _read_aitoolkit,
    "musubi": _read_musubi,
    "simpletuner": _read_simpletuner,
    "difix": _read_difix,
    "hf": _read_hf,
    "webdataset": _read_webdataset,
}


def pictures_in(folder: Path) -> list[Path]:
    """Pictures of a folder, with extensions in any case."""
    found = folder.iterdir() if folder.is_dir() else ()
    return sorted(path for path in found if path.suffix.lower() in CONTROL_EXTENSIONS)


def _below(folder: Path, name: object) -> Path | None:
    """A file that a table names; None where it is not there."""
    path = folder / name if isinstance(name, str) and name else None
    return path if path is not None and path.is_file() else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _caption(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _json(path: Path, reading: Reading) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reading.faults.append(f"{path}: cannot be read as JSON ({error})")
        return None


def _json_lines(path: Path, reading: Reading) -> list[Any]:
    rows = []
    lines = (_caption(path) or "").removesuffix("\n").split("\n")
    if lines == [""]:
        reading.faults.append(f"{path}: found no rows, need one JSON object a line")
        return []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(json.loads(line))
        except ValueError:
            found = "is no JSON" if line.strip() else "is blank"
            reading.faults.append(f"{path}: line {number} {found}; the loader stops there")
    return rows


def _dicts(rows: object) -> Iterator[dict[str, Any]]:
    return (row for row in (rows if isinstance(rows, list) else ()) if isinstance(row, dict))
