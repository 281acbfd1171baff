"""Trainers' own loaders read an export of two scenes: every pair, caption and control.

Loaders from PyPI run in environments of their own, because what they need does not go with ours.
Clones are looked for by their repositories' names in the folder that `TRAINER_CHECKOUTS` names.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pair_builders import pixels, two_scenes
from tests.trainers.loaders.facts import pixel_hash
from warpset.trainers.captions import Prompts
from warpset.trainers.export import ExportOptions, export_pairs
from warpset.trainers.registry import TRAINERS
from warpset.trainers.validation import read_rows

LOADERS = Path(__file__).parent / "loaders"
CAPTION = 'camera moves left, "closer", 30° up'
DIFFSYNTH = ["diffsynth>=2.1,<3"]
MUSUBI = [*DIFFSYNTH, "voluptuous", "toml", "opencv-python-headless", "av", "ftfy", "easydict"]


def an_export(tmp_path, layout) -> Path:
    options = ExportOptions(Prompts((CAPTION,)), quiet=True)
    export_pairs(two_scenes(tmp_path), layout, tmp_path / "set", options)
    return tmp_path / "set"


def expected(layout, place):
    """What a loader should give back, told from the export's files."""
    kinds = ("target", "splats", "reference")
    rows = [
        {"caption": row.caption}
        | {kind: pixel_hash(pixels(row.members[kind].read_bytes())) for kind in kinds}
        for row in read_rows(TRAINERS[layout], place).rows
    ]
    assert len(rows) == 16
    return in_order(rows)


def in_order(rows):
    return sorted(rows, key=lambda row: sorted(row.items()))


def read_with(script, packages, place, clone=None):
    """Run a reader in an environment of its own; what it says of an export."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the path: the loader needs an environment of its own")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    asked = [part for package in packages for part in ("--with", package)]
    command = [uv, "run", "--quiet", "--isolated", "--no-project", "--python", python, *asked]
    done = subprocess.run(
        [*command, "python", str(LOADERS / script), str(place)],
        capture_output=True,
        text=True,
        env=os.environ | ({"PYTHONPATH": str(clone / "src")} if clone else {}),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout[done.stdout.index("[") :])


def clone_of(repository) -> Path:
    folder = os.environ.get("TRAINER_CHECKOUTS")
    if not folder or not (Path(folder) / repository).is_dir():
        pytest.skip(f"TRAINER_CHECKOUTS names no folder with a clone {repository}")
    return Path(folder) / repository


@pytest.mark.slow
def test_diffsynth_studio_reads_every_pair(tmp_path):
    place = an_export(tmp_path, "modelscope")
    assert in_order(read_with("read_diffsynth.py", DIFFSYNTH, place)) == expected(
        "modelscope", place
    )


@pytest.mark.slow
def test_musubi_tuner_reads_every_pair(tmp_path):
    clone = clone_of("musubi-tuner")
    place = an_export(tmp_path, "musubi")
    assert in_order(read_with("read_musubi.py", MUSUBI, place, clone)) == expected("musubi", place)


@pytest.mark.slow
def test_difix_as_published_fails_on_sound_rows(tmp_path):
    """When this fails, Difix3D+ was mended: take the note out of its file."""
    clone = clone_of("Difix3D")
    place = an_export(tmp_path, "difix")
    (said,) = read_with("read_difix.py", DIFFSYNTH, place, clone)
    assert "img_t" in said


@pytest.mark.slow
def test_hugging_face_datasets_reads_every_pair(tmp_path):
    datasets = pytest.importorskip("datasets", reason="the group trainers is not installed")
    place = an_export(tmp_path, "hf")
    read = datasets.load_dataset(str(place), cache_dir=str(tmp_path / "cache"))["train"]
    kinds = ("target", "splats", "reference")
    rows = [
        {"caption": row["prompt"]} | {kind: pixel_hash(row[kind].convert("RGB")) for kind in kinds}
        for row in read
    ]
    assert in_order(rows) == expected("hf", place)


@pytest.mark.slow
def test_webdataset_reads_every_pair(tmp_path):
    webdataset = pytest.importorskip("webdataset", reason="the group webdataset is not installed")
    place = an_export(tmp_path, "webdataset")
    kinds = ("target", "splats", "reference")
    rows = [
        {"caption": sample["txt"].decode()}
        | {kind: pixel_hash(pixels(sample[f"{kind}.png"])) for kind in kinds}
        for sample in webdataset.WebDataset(str(place / "train-000000.tar"), shardshuffle=False)
    ]
    assert in_order(rows) == expected("webdataset", place)
