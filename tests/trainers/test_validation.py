"""The trainers' rules, replayed: every planted fault is named."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.pair_builders import a_frame_picture, a_scene, pixels
from warpset.core.errors import InputError
from warpset.trainers.captions import Prompts
from warpset.trainers.export import ExportOptions, export_pairs
from warpset.trainers.export_folder import MANIFEST_NAME
from warpset.trainers.findings import SHOWN
from warpset.trainers.registry import TRAINERS
from warpset.trainers.validation import validate_export

FOLDER_LAYOUTS = [name for name, layout in TRAINERS.items() if layout.pack is None]
TABLES = {
    "modelscope": ("metadata.json", "prompt"),
    "musubi": ("metadata.jsonl", "caption"),
    "difix": ("data.json", "prompt"),
    "hf": ("train/metadata.jsonl", "prompt"),
}
"""Where a layout keeps its captions, if not in text files."""


TRAINED_WHOLE = {"modelscope": (1248, 832)}
"""Sizes at which trainers lay target and controls on one grid, where any size will not do."""


def an_export(tmp_path, layout, prompts=("fix it",), photos=4, base_model=None):
    """A sound export of one scene; its pictures are 96x64, but for `TRAINED_WHOLE`."""
    a_scene(tmp_path / "output", photos=photos)
    place = tmp_path / "set"
    options = ExportOptions(
        Prompts(prompts), resize=TRAINED_WHOLE.get(layout), base_model=base_model, quiet=True
    )
    return place, export_pairs(tmp_path / "output", layout, place, options)


def faults(layout, place, resolution=1024):
    return validate_export(TRAINERS[layout], place, [resolution]).faults


def the_fault(layout, place):
    (fault,) = faults(layout, place)
    return fault


def test_a_manifest_that_cannot_be_read_is_a_fault(tmp_path):
    place, rows = an_export(tmp_path, "modelscope")
    (place / MANIFEST_NAME).write_text("{")
    assert "cannot be read as a list of exported files" in the_fault("modelscope", place)
    assert len(rows) == validate_export(TRAINERS["modelscope"], place, [1024]).rows


@pytest.mark.parametrize("layout", TRAINERS)
def test_a_fresh_export_has_no_faults(tmp_path, layout):
    if layout == "webdataset":
        pytest.importorskip("webdataset", reason="the group webdataset is not installed")
    place, rows = an_export(tmp_path, layout)
    findings = validate_export(TRAINERS[layout], place, [1024])
    assert (findings.faults, findings.rows) == ([], len(rows))


BY_TARGET = ("aitoolkit", "simpletuner", "diffusion-pipe", "sd-scripts", "onetrainer")
"""Layouts whose loaders start from the targets that they find."""


@pytest.mark.parametrize("kind", ["splats", "reference", "target"])
@pytest.mark.parametrize("layout", FOLDER_LAYOUTS)
def test_a_missing_member_is_named(tmp_path, layout, kind):
    if kind not in TRAINERS[layout].members:
        pytest.skip("OneTrainer takes no reference")
    place, rows = an_export(tmp_path, layout)
    (place / rows[1].place(kind)).unlink()
    said = " ".join(faults(layout, place))
    if kind == "target" and layout in BY_TARGET:
        assert Path(rows[1].files["splats"]).name + ": belongs to no pair" in said
    else:
        assert f"found no {kind}; {TRAINERS[layout].consequences.missing}" in said


def test_a_missing_mask_is_named(tmp_path):
    place, _ = an_export(tmp_path, "aitoolkit")
    (place / "mask/2.png").unlink()
    assert "target/2.png: found no mask" in the_fault("aitoolkit", place)


@pytest.mark.parametrize("layout", ["aitoolkit", "simpletuner"])
def test_a_misnumbered_member_is_named(tmp_path, layout):
    place, rows = an_export(tmp_path, layout)
    splats = place / rows[1].place("splats")
    splats.rename(splats.with_name("77.png"))
    missing, stray = faults(layout, place)
    assert "target/2.png: found no splats" in missing
    assert "77.png: belongs to no pair" in stray


def test_a_row_that_mixes_pairs_is_named(tmp_path):
    place, _ = an_export(tmp_path, "modelscope")
    table = json.loads((place / "metadata.json").read_text())
    for one, other in ((0, 1), (1, 0)):
        table[one]["edit_image"] = [f"{one + 1}_start_1.png", f"{other + 1}_start_2.png"]
    (place / "metadata.json").write_text(json.dumps(table))
    (place / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table))
    said = faults("modelscope", place)
    assert [fault.split(":")[0] for fault in said] == ["1_end.png", "2_end.png"]
    assert all("members of several numbers [1, 2]" in fault for fault in said)


def test_a_control_in_capitals_is_missing_for_ai_toolkit(tmp_path):
    place, _ = an_export(tmp_path, "aitoolkit")
    (place / "control1/2.png").rename(place / "control1/2.PNG")
    said = " ".join(faults("aitoolkit", place))
    assert "target/2.png: found no splats; AI Toolkit trains the pair without it" in said
    assert "2.PNG: extension in capitals" in said


def test_a_target_in_capitals_is_still_found_by_ai_toolkit(tmp_path):
    place, rows = an_export(tmp_path, "aitoolkit")
    (place / "target/2.png").rename(place / "target/2.PNG")
    findings = validate_export(TRAINERS["aitoolkit"], place, [1024])
    assert findings.rows == len(rows)
    assert "2.PNG: extension in capitals" in findings.faults[0]


def test_two_extensions_of_one_stem_are_named(tmp_path):
    place, _ = an_export(tmp_path, "aitoolkit")
    Image.fromarray(a_frame_picture("x", 1)).save(place / "control1/2.jpg")
    said = faults("aitoolkit", place)
    assert sum("its stem has two extensions" in fault for fault in said) == 2


def test_a_double_extension_is_named(tmp_path):
    place, _ = an_export(tmp_path, "aitoolkit")
    shutil.copy(place / "control1/2.png", place / "control1/2.jpg.png")
    assert any("2.jpg.png: its stem has two extensions" in f for f in faults("aitoolkit", place))


@pytest.mark.parametrize("layout", FOLDER_LAYOUTS)
def test_unequal_sizes_within_a_row_are_named(tmp_path, layout):
    place, rows = an_export(tmp_path, layout)
    Image.fromarray(a_frame_picture("x", 1, (64, 64))).save(place / rows[2].place("splats"))
    fault = the_fault(layout, place)
    assert "sizes differ" in fault and "splats 64x64" in fault


@pytest.mark.parametrize("layout", FOLDER_LAYOUTS)
def test_a_picture_that_relies_on_exif_is_named(tmp_path, layout):
    place, rows = an_export(tmp_path, layout)
    path, exif = place / rows[2].place("target"), Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(np.rot90(pixels(path), 2)).save(path, exif=exif)
    assert "EXIF orientation 3" in the_fault(layout, place)


@pytest.mark.parametrize("layout", FOLDER_LAYOUTS)
def test_a_corrupt_picture_is_named(tmp_path, layout):
    place, rows = an_export(tmp_path, layout)
    path = place / rows[0].place("splats")
    path.write_bytes(path.read_bytes()[:-50])
    assert "splats: cannot be read as a picture" in the_fault(layout, place)


@pytest.mark.parametrize("layout", FOLDER_LAYOUTS)
def test_an_empty_caption_is_named(tmp_path, layout):
    place, rows = an_export(tmp_path, layout)
    if layout in TABLES:
        for name in {TABLES[layout][0], "metadata.jsonl"}:
            if (place / name).is_file():
                text = (place / name).read_text()
                (place / name).write_text(text.replace('"fix it"', '" "', 1))
    else:
        (place / rows[0].folder / str(rows[0].caption_file)).write_text("\n")
    assert "no caption; " in the_fault(layout, place)


def test_simpletuner_without_a_caption_file_is_named(tmp_path):
    place, _ = an_export(tmp_path, "simpletuner")
    (place / "target/1.txt").unlink()
    assert "target/1.png: no caption" in the_fault("simpletuner", place)


def test_ai_toolkit_falls_back_to_the_captions_of_its_configuration(tmp_path):
    place, rows = an_export(tmp_path, "aitoolkit", prompts=())
    assert faults("aitoolkit", place) == []
    (place / "config.yaml").unlink()
    uncaptioned = [fault for fault in faults("aitoolkit", place) if "no caption" in fault]
    assert len(uncaptioned) == len(rows)


@pytest.mark.parametrize(("line", "found"), [("\n", "is blank"), ("{\n", "is no JSON")])
@pytest.mark.parametrize("layout", ["modelscope", "musubi", "hf"])
def test_a_line_that_stops_the_loader_is_named(tmp_path, layout, line, found):
    place, _ = an_export(tmp_path, layout)
    path = place / ("train/metadata.jsonl" if layout == "hf" else "metadata.jsonl")
    path.write_text(path.read_text() + line)
    assert any(f"line 7 {found}" in fault for fault in faults(layout, place))


@pytest.mark.parametrize(
    ("layout", "name"),
    [("modelscope", "metadata.json"), ("difix", "data.json"), ("musubi", "metadata.jsonl")],
)
@pytest.mark.parametrize("content", [None, "", "3", '[3, {"image": 7}]', '{"train": {"a": 1}}'])
def test_a_table_that_makes_no_sense_is_named(tmp_path, layout, name, content):
    place, _ = an_export(tmp_path, layout)
    (place / name).unlink()
    if content is not None:
        (place / name).write_text(content)
    assert faults(layout, place)


def test_a_cut_shard_is_named(tmp_path):
    pytest.importorskip("webdataset", reason="the group webdataset is not installed")
    place, _ = an_export(tmp_path, "webdataset")
    shard = place / "train-000000.tar"
    shard.write_bytes(shard.read_bytes()[:5000])
    assert any("cannot be read as a tar file" in fault for fault in faults("webdataset", place))
    shard.unlink()
    assert any("found no shards" in fault for fault in faults("webdataset", place))


def test_a_folder_without_an_export_is_refused(tmp_path):
    with pytest.raises(InputError, match="found no such folder"):
        validate_export(TRAINERS["hf"], tmp_path / "nowhere", [1024])


@pytest.mark.parametrize("layout", TRAINERS)
def test_an_empty_folder_has_no_pairs(tmp_path, layout):
    assert any(
        "found no pairs" in fault or "no shards" in fault for fault in faults(layout, tmp_path)
    )


def test_many_faults_of_one_kind_are_counted(tmp_path):
    place, rows = an_export(tmp_path, "aitoolkit", photos=15)
    for row in rows:
        (place / "control1" / f"{row.number}.png").unlink()
    said = faults("aitoolkit", place)
    assert len(said) == SHOWN + 1
    assert said[-1] == f"... and {len(rows) - SHOWN} more of these"


def resized(place, rows, size_wh):
    """Put pictures of another size into every pair of an export."""
    for row in rows:
        for kind in row.files:
            Image.fromarray(a_frame_picture("x", 1, size_wh)).save(place / row.place(kind))


def test_a_target_that_is_cropped_without_its_controls_is_a_fault(tmp_path):
    place, rows = an_export(tmp_path, "aitoolkit")
    resized(place, rows, (540, 360))
    (fault,) = faults("aitoolkit", place)
    assert fault.startswith(
        "6 pairs: AI Toolkit at resolution 1024 for Qwen-Image-Edit-2509 trains targets of 540x360 "
        "on 512x384 and controls on 544x352, up to 30.0 px apart"
    )


def test_the_base_model_that_was_exported_for_is_the_one_that_is_validated(tmp_path):
    place, rows = an_export(tmp_path, "aitoolkit", base_model="flux2-dev")
    resized(place, rows, (540, 360))
    assert "for FLUX.2 dev trains" in the_fault("aitoolkit", place)
    asked = validate_export(TRAINERS["aitoolkit"], place, [1024], "kontext")
    assert asked.faults == []
    (note,) = asked.notes
    assert "for FLUX.1 Kontext dev crops 540x360 to 528x368 (4.3 % of its width)" in note


def test_a_base_model_that_a_trainer_does_not_take_is_refused(tmp_path):
    place, _ = an_export(tmp_path, "musubi")
    with pytest.raises(InputError, match=r"musubi-tuner: found no way to train krea-2 with splats"):
        validate_export(TRAINERS["musubi"], place, [1024], "krea-2")


@pytest.mark.parametrize(
    ("layout", "sizes"), [("modelscope", "100x90 to 96x80"), ("musubi", "100x90 to 96x80")]
)
def test_a_crop_of_all_alike_is_a_note(tmp_path, layout, sizes):
    place, rows = an_export(tmp_path, layout, base_model="flux2-klein-9b")
    resized(place, rows, (100, 90))
    findings = validate_export(TRAINERS[layout], place, [1024])
    if layout == "musubi":
        assert findings.faults == []
        assert f"crops {sizes} (" in findings.notes[0]
    else:
        assert "controls on 1120x928" in findings.faults[0]


def test_difix_stretches_and_cannot_train_as_published(tmp_path):
    place, _ = an_export(tmp_path, "difix")
    upstream, stretched = validate_export(TRAINERS["difix"], place, [512]).notes
    assert "trains on no data at all" in upstream and "img_ids is meant" in upstream
    assert stretched == "6 pairs: Difix3D+ at resolution 512 stretches 96x64 to 1024x576, all alike"


@pytest.mark.parametrize(
    ("layout", "name"), [("webdataset", "train-000000.tar"), ("zip", "train.zip")]
)
def test_a_pipe_in_place_of_a_shard_is_not_waited_for(tmp_path, layout, name):
    place = tmp_path / "set"
    place.mkdir()
    os.mkfifo(place / name)
    assert any("no regular file" in fault for fault in faults(layout, place))
