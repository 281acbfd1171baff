"""musubi-tuner: a folder a picture, JSON lines and a data set configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..documents import Documents, ExportContext, ExportedRow, by_folder, json_lines, quoted
from ..findings import Consequences, Findings
from ..grids import by, lost_share
from ..rows import Reading, read_table
from ..trainer import FOLDERS, SizeGroup, Trainer

MUSUBI_STEP_PX = 16


def _describe(rows: Sequence[ExportedRow], context: ExportContext) -> Documents:
    """`metadata.jsonl` and `dataset.toml` for musubi-tuner.

    musubi-tuner, "Dataset Configuration": numbered `control_path_0`, `control_path_1`; a cache
    folder of its own is required. Without `control_resolution` controls are cut to the target's
    bucket, with it to one of their own, where the warp no longer lines up. Relative paths are
    looked for in the working folder first, so these are absolute.
    """
    documents = {}
    for folder, members in by_folder(rows).items():
        documents[f"{folder}metadata.jsonl"] = json_lines(
            {
                "image_path": context.path(row.place("target")),
                "control_path_0": context.path(row.place("splats")),
                "control_path_1": context.path(row.place("reference")),
                "caption": row.caption,
            }
            for row in members
        )
        side = max(context.resolutions)
        documents[f"{folder}dataset.toml"] = (
            f"[general]\nresolution = [{side}, {side}]\nbatch_size = 1\n"
            "enable_bucket = true\nbucket_no_upscale = true\n\n[[datasets]]\n"
            f"image_jsonl_file = {quoted(context.path(f'{folder}metadata.jsonl'))}\n"
            f"cache_directory = {quoted(context.path(f'{folder}cache'))}\n"
        )
    return documents


def musubi_bucket(size_wh: tuple[int, int], resolution: int) -> tuple[int, int]:
    """Width and height that musubi-tuner cuts each picture to, with `bucket_no_upscale`.

    musubi-tuner, `BucketSelector`: up to resolution² pixels both sides go down to multiples of 16;
    above, the bucket of that area with the nearest proportions is taken.
    """
    width, height = size_wh
    if width * height <= resolution**2:
        return width // MUSUBI_STEP_PX * MUSUBI_STEP_PX, height // MUSUBI_STEP_PX * MUSUBI_STEP_PX
    least = resolution // 2 // MUSUBI_STEP_PX * MUSUBI_STEP_PX
    sides = range(least, resolution + MUSUBI_STEP_PX, MUSUBI_STEP_PX)
    shapes = [(side, resolution**2 // side // MUSUBI_STEP_PX * MUSUBI_STEP_PX) for side in sides]
    buckets = sorted({*shapes, *((height, width) for width, height in shapes)})
    return min(buckets, key=lambda wh: abs(wh[0] / wh[1] - width / height))


def _read(folder: Path, reading: Reading) -> None:
    """musubi-tuner, "Dataset Configuration": numbered control paths in a JSON line."""
    keys = {"target": "image_path", "splats": "control_path_0", "reference": "control_path_1"}
    read_table(folder, "metadata.jsonl", keys, "caption", reading)


def _judge_size(group: SizeGroup, findings: Findings) -> None:
    raster_wh = musubi_bucket(group.size_wh, group.resolution)
    if lost := lost_share(group.size_wh, raster_wh):
        findings.notes.append(
            f"{group.pairs}: musubi-tuner at resolution {group.resolution} crops "
            f"{by(group.size_wh)} to {by(raster_wh)} ({lost}), target and controls alike"
        )


TRAINER = Trainer(
    "musubi",
    "musubi-tuner",
    FOLDERS,
    _read,
    Consequences(missing="musubi-tuner stops while it caches latents"),
    _describe,
    _judge_size,
    caches=("cache",),
)
