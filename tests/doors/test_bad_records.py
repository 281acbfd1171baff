"""One bad line in a scene's records costs that scene alone, in exports and on the review page."""

import json
import os

import pytest

import modelscope
import review_dataset
from tests.pair_builders import two_scenes
from warpset.building.pairs.record import MAX_LINE_BYTES, RECORDS_NAME, read_records

WORSE = {
    "deep": {"options": json.loads("[" * 500 + "]" * 500)},
    "geometry": {"geometry": ["recorded"]},
    "licence": {"geometry": {"licence": ["mine"]}},
    "is_reverse": {"is_reverse": "no"},
    "files": {"files": ["1_splats.png"]},
    "file": {"files": {"splats": 3}},
    "scores": {"scores": {"psnr": "high"}},
    "infinite": {"scores": {"psnr": float("inf")}},
    "digits": {"scores": {"psnr": 10**4000}},
    "target": {"target": None},
    "rejected": {"rejected": False},
    "long name": {"name": "1" * 300},
    "name of no file system": {"name": "\ud800"},
    "unknown": {"colour": "green"},
}


def spoil(folder, change):
    """Change the second record of a scene."""
    path = folder / RECORDS_NAME
    lines = path.read_text().splitlines()
    lines[1] = json.dumps(json.loads(lines[1]) | change)
    path.write_text("".join(f"{line}\n" for line in lines))


def export(tmp_path):
    place = tmp_path / "set"
    arguments = ["--output-dir", str(tmp_path / "output"), "--modelscope-dir", str(place)]
    return modelscope.main([*arguments, "--quiet"]), place


@pytest.mark.parametrize("fault", WORSE)
def test_a_bad_line_costs_its_own_scene_alone(tmp_path, capsys, fault):
    spoil(two_scenes(tmp_path) / "room", WORSE[fault])
    code, place = export(tmp_path)
    (line,) = capsys.readouterr().err.splitlines()
    assert "room/pairs.jsonl: line 2 cannot be read" in line and "scene room left out" in line
    assert code == 1 and len(line) < 500
    assert len(json.loads((place / "metadata.json").read_text())) == 8

    assert review_dataset.main([str(tmp_path / "output"), "--quiet"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "line 2 cannot be read" in line and "scene room left out" in line
    assert "garden" in (tmp_path / "output" / "review.html").read_text()


@pytest.mark.parametrize("kind", ["pipe", "folder", "nulls"])
def test_records_that_are_no_file_of_lines_cost_their_own_scene_alone(tmp_path, capsys, kind):
    records = two_scenes(tmp_path) / "room" / RECORDS_NAME
    records.unlink()
    if kind == "pipe":
        os.mkfifo(records)
    elif kind == "folder":
        records.mkdir()
    else:
        with records.open("wb") as file:
            file.truncate(2**40)
    code, place = export(tmp_path)
    (line,) = capsys.readouterr().err.splitlines()
    too_long = f"line 1 cannot be read (more than {MAX_LINE_BYTES} bytes"
    assert (too_long if kind == "nulls" else "no regular file") in line
    assert "room/pairs.jsonl: " in line and "scene room left out" in line
    assert code == 1 and len(json.loads((place / "metadata.json").read_text())) == 8


@pytest.mark.parametrize("is_gone", [False, True], ids=["emptied", "gone"])
def test_pairs_that_no_record_knows_are_said(tmp_path, capsys, is_gone):
    records = two_scenes(tmp_path) / "room" / RECORDS_NAME
    records.unlink() if is_gone else records.write_text("")
    code, place = export(tmp_path)
    (line,) = capsys.readouterr().err.splitlines()
    assert "room/pairs.jsonl: found no record, but pictures of pairs" in line
    assert "scene room left out" in line and code == 1
    assert len(json.loads((place / "metadata.json").read_text())) == 8
    assert review_dataset.main([str(tmp_path / "output"), "--quiet"]) == 1
    assert "scene room left out" in capsys.readouterr().err


def test_records_come_back_to_the_byte(tmp_path):
    folder = two_scenes(tmp_path) / "room"
    text = (folder / RECORDS_NAME).read_text()
    records = read_records(folder)
    assert "".join(record.to_line() for record in records) == text
