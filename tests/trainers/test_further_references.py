"""Pairs of several references in trainers' layouts: who takes how many, and who says that not."""

import json

import numpy as np
import pytest

from tests.pair_builders import (
    a_frame_picture,
    a_further_reference,
    a_scene,
    pixels,
    tree,
    two_scenes,
)
from tests.trainers.test_export import export, frames_of, needs_webdataset
from warpset.trainers.registry import TRAINERS
from warpset.trainers.validation import read_rows, validate_export

ANY_NUMBER = ("modelscope", "musubi", "simpletuner", "zip", "hf", "webdataset")
NONE = ("difix", "diffusion-pipe", "onetrainer", "sd-scripts")


def test_every_layout_is_looked_at():
    assert {*ANY_NUMBER, *NONE, "aitoolkit"} == set(TRAINERS)


@pytest.mark.parametrize(
    ("layout", "taken"), [*((layout, 3) for layout in ANY_NUMBER), ("aitoolkit", 2)]
)
def test_a_loader_finds_the_further_references_of_each_pair(tmp_path, layout, taken, caplog):
    needs_webdataset(layout)
    rows, problems = export(two_scenes(tmp_path, references=3), tmp_path / "set", layout)
    reading = read_rows(TRAINERS[layout], tmp_path / "set")
    assert problems == [] == reading.faults and len(reading.rows) == 16
    assert ("takes no reference3, which 16 pairs have" in caplog.text) == (taken < 3)
    kinds = ["splats", "reference", "reference2", "reference3"][: taken + 1]
    first = next(row for row in reading.rows if row.name in _first_names(rows))
    members = {
        kind: pixels(member.read_bytes()) for kind, member in first.members.items() if member
    }
    assert [kind for kind in kinds if kind in members] == kinds and "reference4" not in members
    reference, _ = frames_of(rows[0].name)
    scene = rows[0].scene
    assert np.array_equal(members["reference"], a_frame_picture(scene, reference))
    for number in range(2, taken + 1):
        expected = a_further_reference(scene, reference, number)
        assert np.array_equal(members[f"reference{number}"], expected)


def _first_names(rows) -> set[str]:
    """What loaders may call the first row."""
    number = rows[0].number
    return {
        *(f"{folder}{number}.png" for folder in ("", "target/")),
        *(f"{number}_end.png", f"train.zip/{number}", f"train-000000.tar/{number}"),
    }


@pytest.mark.parametrize("layout", NONE)
def test_a_layout_that_takes_none_says_so_in_one_line_and_is_as_before(tmp_path, layout, caplog):
    several = two_scenes(tmp_path / "several", references=2)
    export(several, tmp_path / "several" / "set", layout)
    lines = [line for line in caplog.text.splitlines() if "reference2" in line]
    assert len(lines) == 1 and "takes no reference2, which 16 pairs have" in lines[0]
    export(two_scenes(tmp_path / "one"), tmp_path / "one" / "set", layout)
    one, other = (tree(tmp_path / name / "set") for name in ("one", "several"))
    assert {name for name in one if name.endswith("png")} == {
        name for name in other if name.endswith("png")
    }


def test_kontext_takes_no_further_reference_in_ai_toolkit(tmp_path, caplog):
    output = two_scenes(tmp_path, references=2)
    export(output, tmp_path / "set", "aitoolkit", base_model="kontext")
    assert "AI Toolkit with kontext takes no reference2" in caplog.text
    assert not (tmp_path / "set" / "control3").exists()


def test_ai_toolkit_is_shown_three_controls_in_training_and_in_samples(tmp_path):
    export(two_scenes(tmp_path, references=2), tmp_path / "set", "aitoolkit")
    config = (tmp_path / "set" / "config.yaml").read_text()
    assert f'- "{tmp_path / "set" / "control3"}"' in config
    assert f'ctrl_img_3: "{tmp_path / "set" / "control3" / "1.png"}"' in config


def test_diffsynth_lists_all_and_the_zip_says_how_many(tmp_path):
    output = two_scenes(tmp_path, references=3)
    export(output, tmp_path / "set")
    first = json.loads((tmp_path / "set" / "metadata.jsonl").read_text().splitlines()[0])
    assert first["edit_image"] == [f"1_start_{n}.png" for n in (1, 2, 3, 4)]
    export(output, tmp_path / "zip", "zip")
    assert "count of reference images to 4" in (tmp_path / "zip" / "TRAIN.md").read_text()


def test_references_that_not_every_pair_has_are_left_out_and_told_of(tmp_path, caplog):
    a_scene(tmp_path / "output", "garden", references=3)
    a_scene(tmp_path / "output", "room", references=2)
    export(tmp_path / "output", tmp_path / "set", "musubi")
    assert "8 of 16 pairs have no reference3, so it is left out" in caplog.text
    rows = read_rows(TRAINERS["musubi"], tmp_path / "set").rows
    assert all("reference2" in row.members and "reference3" not in row.members for row in rows)


@pytest.mark.parametrize("layout", ["aitoolkit", "hf", "simpletuner", "musubi", "modelscope"])
def test_a_missing_further_reference_is_a_fault(tmp_path, layout):
    export(two_scenes(tmp_path, references=2), tmp_path / "set", layout)
    (removed,) = (
        path
        for path in (tmp_path / "set").rglob("3*.png")
        if path.parent.name in {"reference2", "control3"} or path.name == "3_start_3.png"
    )
    removed.unlink()
    faults = validate_export(TRAINERS[layout], tmp_path / "set").faults
    assert sum("found no reference2" in fault for fault in faults) == 1
