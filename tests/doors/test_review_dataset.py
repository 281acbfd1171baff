"""The review page's making: rows, pairs that cannot be shown, the script's lines and codes."""

import dataclasses
import os
import socket
from pathlib import Path

import pytest
from PIL import Image

import review_dataset
from review.dataset import ReviewDataset
from tests.pair_builders import SIZE_WH, a_frame_picture, a_scene, rewrite_records, two_scenes
from tests.review.review_builders import no_report, review, the_rows
from warpset.building.outputs import TRIPLET
from warpset.building.scores import SCORES


def the_line(capsys):
    """The one line said to a user about what went wrong."""
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.strip().splitlines()
    return line


def a_rejected_pair(record):
    return dataclasses.replace(record, rejected="coverage 0.4 is below 0.5", files={})


# Rows


def test_every_pair_becomes_a_row_and_two_small_pictures(tmp_path):
    output = two_scenes(tmp_path)
    assert review(output, "--quiet") == 0
    rows = the_rows(output)
    assert list(rows)[:3] == ["garden/0", "garden/1", "garden/1_reverse"]
    assert len(rows) == 16
    assert len(list((output / "review_files").iterdir())) == 32
    assert rows["room/2"]["size"] == list(SIZE_WH)
    assert rows["room/2"]["photos"] == {"reference": "1.png", "target": "2.png"}


def test_scores_and_camera_motion_come_from_the_record(tmp_path):
    output = two_scenes(tmp_path)
    review(output, "--quiet")
    row = the_rows(output)["room/2"]
    assert row["measures"]["psnr"] == 22.0 and row["measures"]["ssim"] is None
    assert row["measures"]["turn"] == 12.0 and row["measures"]["baseline"] is None
    assert list(row["measures"]) == [score.name for score in SCORES]
    assert row["motion"] == "12 degrees right, level, at the same distance"


@pytest.mark.parametrize("cameras", [{}, {"target": None}, {"target": {"cam_from_world": [[1]]}}])
def test_a_record_without_cameras_has_no_motion(tmp_path, cameras):
    a_scene(tmp_path / "output", photos=2, cameras=cameras)
    assert review(tmp_path / "output", "--quiet") == 0
    assert the_rows(tmp_path / "output")["garden/1"]["motion"] is None


def test_pairs_that_the_builder_rejected_stand_there_with_their_reason(tmp_path):
    output = tmp_path / "output"
    rewrite_records(a_scene(output, photos=2), a_rejected_pair)
    assert review(output, "--quiet") == 0
    row = the_rows(output)["garden/1"]
    assert row["rejected"] == "coverage 0.4 is below 0.5"
    assert row["thumbnail"] is None and row["files"] == {}
    assert ReviewDataset(output, no_report, quiet=True).keys == []


def test_a_pair_made_anew_is_another_one_and_an_added_mask_is_not(tmp_path):
    output = tmp_path / "output"
    folder = a_scene(output, photos=2)
    review(output, "--quiet")
    before = the_rows(output)["garden/1"]["id"]

    def without_mask(record):
        return dataclasses.replace(record, files={kind: record.files[kind] for kind in TRIPLET})

    rewrite_records(folder, without_mask)
    review(output, "--quiet")
    assert the_rows(output)["garden/1"]["id"] == before
    rewrite_records(folder, lambda record: dataclasses.replace(record, options={"sigma": 3}))
    review(output, "--quiet")
    assert the_rows(output)["garden/1"]["id"] != before


# What cannot be shown


def delete(path):
    path.unlink()


def corrupt(path):
    path.write_bytes(b"GIF89a no more")


def resize(path):
    Image.fromarray(a_frame_picture("room", 1, (30, 20))).save(path)


def link_elsewhere(path):
    path.unlink()
    path.symlink_to(path.parents[1] / "garden" / path.name)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (delete, "2_target.png: found no such file"),
        (corrupt, "2_target.png: cannot be read as a photo"),
        (resize, "found several sizes (splats 96x64, target 30x20"),
        (link_elsewhere, "2_target.png: leads out of its folder"),
    ],
)
def test_a_damaged_pair_is_one_line_and_the_rest_is_shown(tmp_path, capsys, damage, words):
    output = two_scenes(tmp_path)
    damage(output / "room" / "2_target.png")
    assert review(output, "--quiet") == 1
    line = the_line(capsys)
    assert words in line and "pair room/2 is not shown" in line
    rows = the_rows(output)
    assert words in rows["room/2"]["problem"] and rows["room/2"]["thumbnail"] is None
    assert sum(row["thumbnail"] is not None for row in rows.values()) == 15


def test_a_record_that_names_files_elsewhere_is_one_line(tmp_path, capsys):
    output = two_scenes(tmp_path)
    (output / "room" / "pairs.jsonl").write_text(
        (output / "room" / "pairs.jsonl").read_text().replace("2_target.png", "../../secret.png")
    )
    assert review(output, "--quiet") == 1
    assert "names a file outside its folder" in the_line(capsys)
    assert len(the_rows(output)) == 8


def test_a_name_that_no_list_can_hold_is_one_line(tmp_path, capsys):
    output = two_scenes(tmp_path)
    a_scene(output, "a\nroom", photos=2)
    assert review(output, "--quiet") == 1
    assert "cannot stand in a list" in capsys.readouterr().err
    assert len(the_rows(output)) == 16


@pytest.mark.parametrize("score", ["1e999", "NaN", "1" + "0" * 400])
def test_a_score_that_is_no_number_is_one_line(tmp_path, capsys, score):
    output = two_scenes(tmp_path)
    path = output / "room" / "pairs.jsonl"
    path.write_text(path.read_text().replace('"psnr": 21.0', f'"psnr": {score}'))
    assert review(output, "--quiet") == 1
    assert "room/pairs.jsonl: line 1 cannot be read" in the_line(capsys)


# The script


def test_the_script_says_what_it_made(tmp_path, capsys):
    output = two_scenes(tmp_path)
    assert review(output) == 0
    said = capsys.readouterr().err
    assert "review.html: 16 pairs to review, 0 problems" in said
    assert "thumbnails: 100%" in said


def test_a_missing_folder_is_one_line(tmp_path, capsys):
    assert review(tmp_path / "gone", "--quiet") == 1
    assert "gone: found no such folder, need the pairs" in the_line(capsys)


def test_a_folder_without_pairs_is_one_line(tmp_path, capsys):
    assert review(tmp_path, "--quiet") == 1
    assert "found no pairs to review" in the_line(capsys)


def test_a_scene_in_the_thumbnails_place_is_one_line(tmp_path, capsys):
    a_scene(tmp_path / "output", "Review_files", photos=2)
    assert review(tmp_path / "output", "--quiet") == 1
    assert "is a scene, need the name for thumbnails" in the_line(capsys)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, capsys):
    output = two_scenes(tmp_path)
    (output / "review_files").write_text("in the way")
    assert review(output, "--quiet") == 1
    assert "output: cannot be written" in the_line(capsys)


def test_a_full_disk_is_one_line_and_leaves_no_half_file(tmp_path, capsys, monkeypatch):
    output = two_scenes(tmp_path)
    write = Path.write_bytes

    def fails(path, content):
        write(path, content[:10])
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", fails)
    assert review(output, "--quiet") == 1
    assert "No space left on device" in the_line(capsys)
    assert list((output / "review_files").iterdir()) == []


def test_a_list_that_cannot_be_read_is_one_line(tmp_path, capsys):
    output = two_scenes(tmp_path)
    (output / "reject.txt").write_bytes(b"\xff\xfe\x00")
    assert review(output, "--quiet") == 1
    assert "reject.txt: cannot be read" in the_line(capsys)


def test_a_port_that_is_taken_is_one_line(tmp_path, capsys):
    output = two_scenes(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert review(output, "--serve", "--port", port, "--quiet") == 1
    assert f"--port {port}: cannot be listened on" in the_line(capsys)


@pytest.mark.parametrize("flags", [[], ["out", "--port", "70000"], ["out", "--servee"]])
def test_a_wrong_command_line_is_one_line_and_code_two(capsys, flags):
    with pytest.raises(SystemExit) as stop:
        review_dataset.main(flags)
    assert stop.value.code == 2
    assert "review_dataset.py:" in the_line(capsys)
