"""Trainers' own loaders read an export of two scenes: every pair, caption and control."""

from pathlib import Path

import pytest

from tests.pair_builders import SIZE_WH, pixels, two_scenes
from tests.trainers.loaders.facts import pixel_hash
from tests.trainers.surroundings import SURROUNDINGS, run_in
from warpset.trainers.captions import Prompts
from warpset.trainers.export import ExportOptions, export_pairs
from warpset.trainers.registry import TRAINERS
from warpset.trainers.validation import read_rows

CAPTION = 'camera moves left, "closer", 30° up'
ALL = ("target", "splats", "reference")
ONE_CONTROL = ("target", "splats")


def an_export(tmp_path, layout, size_wh=SIZE_WH, references=1, **options) -> Path:
    asked = ExportOptions(Prompts((CAPTION,)), quiet=True, **options)
    export_pairs(two_scenes(tmp_path, size_wh, references), layout, tmp_path / "set", asked)
    return tmp_path / "set"


def expected(layout, place, kinds=ALL):
    """What a loader should give back, told from the export's files."""
    rows = [
        {"caption": row.caption}
        | {kind: pixel_hash(rgb(row.members[kind].read_bytes())) for kind in kinds}
        for row in read_rows(TRAINERS[layout], place).rows
    ]
    assert len(rows) == 16
    return in_order(rows)


def rgb(file):
    """A file's pixels; a mask's in three channels."""
    read = pixels(file)
    return read if read.ndim == 3 else read[..., None].repeat(3, 2)


def in_order(rows):
    return sorted(rows, key=lambda row: sorted(row.items()))


def read_with(layout, script, *arguments):
    return in_order(run_in(SURROUNDINGS[layout], script, *arguments))


@pytest.mark.slow
def test_diffsynth_studio_reads_every_pair(tmp_path):
    place = an_export(tmp_path, "modelscope")
    assert read_with("modelscope", "read_diffsynth.py", place) == expected("modelscope", place)


@pytest.mark.slow
def test_simpletuner_reads_every_pair_and_its_mask(tmp_path):
    """At a size that SimpleTuner keeps: it brings every picture to an area and to proportions."""
    place = an_export(tmp_path, "simpletuner", (1248, 832), base_model="flux2-klein-4b")
    wanted = expected("simpletuner", place, (*ALL, "mask"))
    assert read_with("simpletuner", "read_simpletuner.py", place) == wanted


@pytest.mark.slow
def test_simpletuner_as_published_hands_qwen_image_edit_one_of_two_controls(tmp_path):
    """When this fails, SimpleTuner was mended: take `FIRST_ALONE` out of its file."""
    place = an_export(tmp_path, "simpletuner", (1248, 832), base_model="qwen-image-edit-2511")
    read = run_in(SURROUNDINGS["simpletuner"], "read_simpletuner.py", place)
    assert {row.pop("controls") for row in read} == {1}
    assert in_order(read) == expected("simpletuner", place)


@pytest.mark.slow
def test_ai_toolkit_reads_every_pair(tmp_path):
    place = an_export(tmp_path, "aitoolkit")
    assert read_with("aitoolkit", "read_aitoolkit.py", place) == expected("aitoolkit", place)


@pytest.mark.slow
def test_musubi_tuner_reads_every_pair(tmp_path):
    place = an_export(tmp_path, "musubi")
    assert read_with("musubi", "read_musubi.py", place) == expected("musubi", place)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layout", "script"),
    [
        ("modelscope", "read_diffsynth.py"),
        ("aitoolkit", "read_aitoolkit.py"),
        ("musubi", "read_musubi.py"),
    ],
)
def test_a_further_reference_reaches_the_model(tmp_path, layout, script):
    place = an_export(tmp_path, layout, references=2)
    assert read_with(layout, script, place) == expected(layout, place, (*ALL, "reference2"))


@pytest.mark.slow
def test_diffusion_pipe_reads_every_pair_with_one_control_and_its_mask(tmp_path):
    place = an_export(tmp_path, "diffusion-pipe")
    wanted = expected("diffusion-pipe", place, (*ONE_CONTROL, "mask"))
    assert read_with("diffusion-pipe", "read_diffusion_pipe.py", place) == wanted


@pytest.mark.slow
def test_onetrainer_reads_every_pair_with_one_control_and_its_mask(tmp_path):
    place = an_export(tmp_path, "onetrainer")
    wanted = expected("onetrainer", place, (*ONE_CONTROL, "mask"))
    side, steps_that_keep_it_whole = round((SIZE_WH[0] * SIZE_WH[1]) ** 0.5), 32
    read = read_with("onetrainer", "read_onetrainer.py", place, side, steps_that_keep_it_whole)
    assert read == wanted


@pytest.mark.slow
def test_sd_scripts_reads_every_pair_with_one_control(tmp_path):
    place = an_export(tmp_path, "sd-scripts")
    wanted = expected("sd-scripts", place, ONE_CONTROL)
    assert read_with("sd-scripts", "read_sd_scripts.py", place) == wanted


@pytest.mark.slow
def test_difix_as_published_fails_on_sound_rows(tmp_path):
    """When this fails, Difix3D+ was mended: take the note out of its file."""
    place = an_export(tmp_path, "difix")
    (said,) = run_in(SURROUNDINGS["difix"], "read_difix.py", place)
    assert "img_t" in said


@pytest.mark.slow
def test_hugging_face_datasets_reads_every_pair(tmp_path):
    datasets = pytest.importorskip("datasets", reason="the group trainers is not installed")
    place = an_export(tmp_path, "hf")
    read = datasets.load_dataset(str(place), cache_dir=str(tmp_path / "cache"))["train"]
    rows = [
        {"caption": row["prompt"]} | {kind: pixel_hash(row[kind].convert("RGB")) for kind in ALL}
        for row in read
    ]
    assert in_order(rows) == expected("hf", place)


@pytest.mark.slow
def test_webdataset_reads_every_pair(tmp_path):
    webdataset = pytest.importorskip("webdataset", reason="the group webdataset is not installed")
    place = an_export(tmp_path, "webdataset")
    rows = [
        {"caption": sample["txt"].decode()}
        | {kind: pixel_hash(pixels(sample[f"{kind}.png"])) for kind in ALL}
        for sample in webdataset.WebDataset(str(place / "train-000000.tar"), shardshuffle=False)
    ]
    assert in_order(rows) == expected("webdataset", place)
