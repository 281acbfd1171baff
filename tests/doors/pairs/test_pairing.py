"""`--pairing` at the main command: which pairs it makes, that it resumes, and what it refuses."""

import numpy as np
import pytest
from PIL import Image

from build_warp_dataset import main
from tests.builders import a_scene, shuffle_names, tree
from warpset.building.pairs.record import read_records


def build(folder, *flags) -> int:
    return main(["--input-dir", str(folder / "in"), "--output-dir", str(folder / "out"), *flags])


def pairs_by_content(folder) -> set[tuple[str, str]]:
    records = read_records(folder / "out" / "room")
    return {(record.sha256["reference"], record.sha256["target"]) for record in records}


COVISIBLE = ("--pairing", "covisible", "--covisibility", "0.3:0.99", "--pairs-per-frame", "2")


def test_all_pairs_every_frame_with_every_later_one(tmp_path):
    a_scene(tmp_path / "in" / "room", photos=4)
    assert build(tmp_path, "--pairing", "all") == 0
    names = [record.name for record in read_records(tmp_path / "out" / "room")]
    assert names == ["2", "3", "3_from_1", "4", "4_from_1", "4_from_2"]


@pytest.mark.parametrize("references", ["1", "2"])
def test_covisible_pairs_resume_to_the_same_bytes(tmp_path, references):
    asked = (*COVISIBLE, "--references", references)
    a_scene(tmp_path / "in" / "room", photos=6)
    assert build(tmp_path, *asked) == 0
    whole = tree(tmp_path / "out")
    for path in sorted((tmp_path / "out" / "room").glob("*_splats.*"))[::2]:
        path.unlink()
    assert build(tmp_path, *asked) == 0
    assert tree(tmp_path / "out") == whole


def test_shuffled_names_make_the_same_covisible_pairs(tmp_path):
    for name, order in {"plain": (0, 1, 2, 3, 4, 5), "shuffled": (3, 0, 5, 1, 4, 2)}.items():
        scene = a_scene(tmp_path / name / "in" / "room", photos=6)
        shuffle_names(scene, order)
        assert build(tmp_path / name, *COVISIBLE) == 0
    plain = pairs_by_content(tmp_path / "plain")
    assert len(plain) == 12
    assert pairs_by_content(tmp_path / "shuffled") == plain


def test_a_plan_says_how_hard_pairs_will_be_and_writes_nothing(tmp_path, capsys):
    a_scene(tmp_path / "in" / "hall", photos=3)
    a_scene(tmp_path / "in" / "room", photos=4)
    assert build(tmp_path, "--plan") == 0
    assert not (tmp_path / "out").exists()
    planned = capsys.readouterr().err.splitlines()[-12:]
    assert planned[0].endswith("5 pairs would be made, 0 problems; expected holes:")
    assert [int(line.split()[4]) for line in planned[1:]] == [5, *[0] * 10]
    assert build(tmp_path, *COVISIBLE, "--plan") == 0
    assert "14 pairs would be made" in capsys.readouterr().err


def test_motion_is_recorded_saved_and_rejected(tmp_path):
    scene = a_scene(tmp_path / "in" / "room", photos=3)
    photo = np.asarray(Image.open(scene / "images" / "2.png")).copy()
    photo[10:40, 20:50] = 255 - photo[10:40, 20:50]
    Image.fromarray(photo).save(scene / "images" / "2.png")
    poor = ("--limit", "2", "--min-psnr", "0")  # such a pair is no problem then
    assert build(tmp_path, "--save-motion", "--output-format", "png", *poor) == 0
    (record,) = read_records(tmp_path / "out" / "room")
    share, mask = record.scores["motion"], Image.open(tmp_path / "out" / "room" / "2_motion.png")
    assert share is not None and share > 0.2
    assert (np.asarray(mask) == 255).mean() == pytest.approx(
        share * (record.scores["coverage"] or 0), abs=0.01
    )
    assert build(tmp_path, "--max-motion", "0.1", "--force_output") == 0
    reasons = [record.rejected for record in read_records(tmp_path / "out" / "room")]
    assert all("motion" in reason and "above 0.1" in reason for reason in map(str, reasons))


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (("--covisibility", "0.2:0.9"), "--covisibility has no effect"),
        (("--pairs-per-frame", "3"), "--pairs-per-frame has no effect"),
        (("--pairing", "covisible", "--bidirectional"), "--bidirectional has no effect"),
        (("--pairing", "covisible", "--covisibility", "0.9:0.2"), "MIN < MAX"),
        (("--pairing", "covisible", "--covisibility", "half"), "0.25:0.95"),
    ],
)
def test_contradictions_are_refused(tmp_path, capsys, flags, reason):
    with pytest.raises(SystemExit, match="2"):
        build(tmp_path, *flags)
    assert reason in capsys.readouterr().err
