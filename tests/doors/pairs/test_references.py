"""`--references` at the main command: pictures, records, resuming, shards, exports and refusals."""

import json

import numpy as np
import pytest
from PIL import Image

from build_warp_dataset import main
from export_dataset import main as export
from review_dataset import main as review
from tests.builders import a_scene, shuffle_names, tree
from tests.pair_builders import pixels
from warpset.building.pairs.record import PairRecord, read_records

THREE = ("--references", "3", "--output-format", "png")


def build(folder, *flags) -> int:
    return main(["--input-dir", str(folder / "in"), "--output-dir", str(folder / "out"), *flags])


def records(folder, scene="room") -> dict[str, PairRecord]:
    return {record.name: record for record in read_records(folder / "out" / scene)}


def test_three_references_have_three_pictures_and_are_recorded(tmp_path):
    scene = a_scene(tmp_path / "in" / "room", photos=4)
    assert build(tmp_path, *THREE) == 0
    record = records(tmp_path)["3"]
    assert (record.reference, record.others) == ("2.png", ["4.png", "1.png"])
    assert list(record.files) == ["splats", "target", "reference", "reference2", "reference3"]
    assert np.array_equal(
        pixels(tmp_path / "out" / "room" / "3_reference2.png"), pixels(scene / "images" / "4.png")
    )
    assert {"reference2", "reference2_depth", "reference3"} <= record.sha256.keys()
    assert record.cameras.keys() == {"target", "reference", "reference2", "reference3"}
    assert record.options["references"] == 3


def test_coverage_never_falls_with_references(tmp_path):
    coverage = []
    for count in ("1", "2", "3"):
        a_scene(tmp_path / count / "in" / "room", photos=4)
        assert build(tmp_path / count, "--references", count) == 0
        found = records(tmp_path / count)
        coverage.append([found[name].scores["coverage"] for name in "234"])
    one, two, three = np.array(coverage, float)
    assert (one < 1).all() and (two >= one).all() and (three >= two).all()
    assert two[0] == two[1] == 1, "the third photo sees what the first leaves of the second's view"


def test_one_reference_changes_no_byte_and_no_record(tmp_path):
    for name, flags in {"plain": (), "one": ("--references", "1")}.items():
        a_scene(tmp_path / name / "in" / "room")
        assert build(tmp_path / name, *flags) == 0
    assert tree(tmp_path / "plain" / "out") == tree(tmp_path / "one" / "out")
    line = json.loads((tmp_path / "one/out/room/pairs.jsonl").read_text().splitlines()[0])
    assert "others" not in line and "references" not in line["options"]


def test_a_scene_of_fewer_photos_takes_what_there_is_and_says_so(tmp_path, capsys):
    a_scene(tmp_path / "in" / "room", photos=3)
    assert build(tmp_path, "--references", "4") == 0
    assert [list(one.others) for one in records(tmp_path).values()] == [["3.png"], ["1.png"]]
    assert "2 of 2 pairs have fewer than 4 references" in capsys.readouterr().err


def test_shuffled_names_give_the_same_splats(tmp_path):
    for name, order in {"plain": (0, 1, 2, 3, 4), "shuffled": (3, 0, 4, 1, 2)}.items():
        scene = a_scene(tmp_path / name / "in" / "room", photos=5)
        shuffle_names(scene, order)
        assert build(tmp_path / name, *THREE, "--pairing", "all", "--bidirectional") == 0
    plain, shuffled = (_by_content(tmp_path / name) for name in ("plain", "shuffled"))
    assert len(plain) == 20 and plain == shuffled


def _by_content(folder) -> dict:
    """Splats and further references by what the pair is made of."""
    return {
        (one.sha256["reference"], one.sha256["target"]): (
            (folder / "out" / "room" / one.files["splats"]).read_bytes(),
            one.sha256["reference2"],
            one.sha256["reference3"],
        )
        for one in records(folder).values()
    }


def test_the_same_command_makes_what_is_missing_and_other_references_are_refused(tmp_path, capsys):
    a_scene(tmp_path / "in" / "room", photos=4)
    assert build(tmp_path, *THREE) == 0
    whole = tree(tmp_path / "out")
    (tmp_path / "out" / "room" / "3_reference3.png").unlink()
    assert build(tmp_path, *THREE) == 0
    assert "1 pairs written, 2 there already" in capsys.readouterr().err
    assert tree(tmp_path / "out") == whole
    assert build(tmp_path, "--output-format", "png") == 1
    assert "2 was made with references = 3" in capsys.readouterr().err
    assert tree(tmp_path / "out") == whole


def test_a_further_photo_that_was_replaced_is_noticed(tmp_path, capsys):
    scene = a_scene(tmp_path / "in" / "room", photos=3)
    assert build(tmp_path, "--references", "2", "--limit", "3") == 0
    Image.open(scene / "images" / "1.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(
        scene / "images" / "3.png"
    )
    assert build(tmp_path, "--references", "2", "--limit", "3") == 1
    assert "2 was made with reference2 sha256" in capsys.readouterr().err


def test_depth_that_cannot_be_read_costs_no_pair_but_its_own(tmp_path, capsys):
    scene = a_scene(tmp_path / "in" / "room", photos=4)
    (scene / "depths" / "4.png").write_bytes(b"no picture")
    assert build(tmp_path, "--references", "2") == 1
    assert {name: list(one.others) for name, one in records(tmp_path).items()} == {
        "2": ["3.png"],
        "3": ["1.png"],
        "4": [],
    }
    said = capsys.readouterr().err
    assert "4.png: depth cannot be read" in said
    assert "1 of 3 pairs have fewer than 2 references, for depth tells of no more" in said


@pytest.mark.parametrize("pairing", [(), ("--pairing", "covisible", "--pairs-per-frame", "1")])
def test_shards_make_the_bytes_of_one_run(tmp_path, pairing):
    for name in ("hall", "room", "attic"):
        a_scene(tmp_path / "in" / name, photos=4)
    asked = ("--references", "2", "--match-exposure", "--save-mask", *pairing)
    assert build(tmp_path, *asked) == 0
    whole = tree(tmp_path / "out")
    for shard in ("1", "0"):
        output = ("--output-dir", str(tmp_path / "shards"))
        assert build(tmp_path, *asked, *output, "--num-shards", "2", "--shard-index", shard) == 0
    shards = tree(tmp_path / "shards")
    assert {name: shards[name] for name in whole} == whole


def test_exports_and_the_review_page_take_such_pairs(tmp_path):
    a_scene(tmp_path / "in" / "room", photos=3)
    assert build(tmp_path, "--references", "2") == 0
    folder = str(tmp_path / "set")
    asked = ["--format", "musubi", "--output-dir", str(tmp_path / "out"), "--dataset-dir", folder]
    assert export(asked) == 0
    row = json.loads((tmp_path / "set" / "metadata.jsonl").read_text().splitlines()[0])
    assert row["control_path_2"].endswith("reference2/1.jpg")
    assert "the three\npictures as its three references" in (tmp_path / "set/TRAIN.md").read_text()
    assert export([*asked, "--validate"]) in (0, 1)  # small pictures may not lie on its grid
    assert review([str(tmp_path / "out")]) == 0


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--references", "5"), "--references"),
        (("--references", "2", "--clips", "5"), "--references has no effect"),
        (("--references", "2", "--from-one-photo"), "--references has no effect"),
    ],
)
def test_contradictions_are_refused(tmp_path, capsys, flags, reason):
    with pytest.raises(SystemExit, match="2"):
        build(tmp_path, *flags)
    assert reason in capsys.readouterr().err


def test_a_plan_counts_what_all_references_cover(tmp_path, capsys):
    a_scene(tmp_path / "in" / "room", photos=3, size_wh=(32, 48))
    counts = []
    for references in ("1", "2"):
        assert build(tmp_path, "--plan", "--references", references) == 0
        lines = capsys.readouterr().err.splitlines()[-11:]
        counts.append([int(line.split("%")[1].split()[0]) for line in lines])
    assert counts[0][1] == 2 and counts[1][:2] == [2, 0] or counts[0] != counts[1]
