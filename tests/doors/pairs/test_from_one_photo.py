"""`--from-one-photo` from the command line: trees, records, going on, and what spoils nothing."""

import json

import numpy as np
import pytest
from PIL import Image

from build_warp_dataset import main
from tests.builders import a_scene, tree

SHARES = ("--from-one-photo", "--hole-share", "0.1,0.3", "--output-format", "png", "--quiet")


@pytest.fixture
def folders(tmp_path):
    return tmp_path / "in", tmp_path / "out"


def a_stepped_scene(scene, photos):
    """A scene whose recorded depth has a near box, so that holes can open behind it."""
    a_scene(scene, photos=photos, size_wh=(96, 72))
    for path in (scene / "depths").iterdir():
        depth = np.asarray(Image.open(path)).copy()
        depth[20:50, 30:60] //= 2
        Image.fromarray(depth).save(path)
    return scene


def build(folders, *flags):
    return main(["--input-dir", str(folders[0]), "--output-dir", str(folders[1]), *flags])


def records(folder):
    return [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]


def test_a_folder_with_one_photo_gives_a_pair_for_each_share(folders):
    a_stepped_scene(folders[0] / "place", photos=1)
    assert build(folders, *SHARES, "--save-mask") == 0
    found = records(folders[1] / "place")
    assert [record["name"] for record in found] == ["1_hole10", "1_hole30"]
    for record, wanted in zip(found, (0.1, 0.3), strict=True):
        assert record["options"]["hole-share"] == wanted
        assert record["scores"]["hole_share"] == pytest.approx(wanted, abs=0.0101)
        assert set(record["cameras"]) == {"target", "reference", "displaced"}
        mask = np.asarray(Image.open(folders[1] / "place" / record["files"]["mask"]))
        assert np.mean(mask > 0) == pytest.approx(record["scores"]["hole_share"], abs=1e-3)
        target = np.asarray(Image.open(folders[1] / "place" / record["files"]["target"]))
        assert np.array_equal(target, np.asarray(Image.open(folders[0] / "place/images/1.png")))


def test_the_reference_is_another_photo_where_there_is_one(folders):
    a_stepped_scene(folders[0] / "place", photos=2)
    assert build(folders, *SHARES) == 0
    named = {
        record["name"]: (record["reference"], record["target"], record["is_reverse"])
        for record in records(folders[1] / "place")
    }
    assert named["1_hole10"] == ("2.png", "1.png", False)
    assert named["2_hole30"] == ("1.png", "2.png", False)
    shown = np.asarray(Image.open(folders[1] / "place" / "1_hole10_reference.png"))
    assert np.array_equal(shown, np.asarray(Image.open(folders[0] / "place/images/2.png")))


def test_the_same_command_makes_what_is_missing_and_nothing_else(folders):
    a_stepped_scene(folders[0] / "place", photos=2)
    assert build(folders, *SHARES) == 0
    before = tree(folders[1])
    (folders[1] / "place" / "2_hole30_splats.png").unlink()
    assert build(folders, *SHARES) == 0
    assert tree(folders[1]) == before
    wider = ("--from-one-photo", "--hole-share", "0.1,0.2,0.3", *SHARES[3:])
    assert build(folders, *wider) == 0
    after = tree(folders[1])
    assert {name for name in after if name not in before} >= {"place/1_hole20_splats.png"}
    assert all(after[name] == content for name, content in before.items() if "jsonl" not in name)


def test_unknown_depth_is_filled_so_that_holes_are_those_asked_for(folders):
    scene = a_stepped_scene(folders[0] / "place", photos=1)
    depth = np.asarray(Image.open(scene / "depths/1.png")).copy()
    depth[:, :40] = 0
    Image.fromarray(depth).save(scene / "depths/1.png")
    assert build(folders, *SHARES) == 0
    reached = [record["scores"]["hole_share"] for record in records(folders[1] / "place")]
    assert reached == pytest.approx([0.1, 0.3], abs=0.0101)


def test_changed_depth_is_an_error_that_names_the_pair(folders, capsys):
    scene = a_stepped_scene(folders[0] / "place", photos=1)
    assert build(folders, *SHARES) == 0
    depth = np.asarray(Image.open(scene / "depths/1.png")).copy()
    depth[0, 0] += 1
    Image.fromarray(depth).save(scene / "depths/1.png")
    assert build(folders, *SHARES) == 1
    assert "1_hole10 was made with depth sha256" in capsys.readouterr().err
