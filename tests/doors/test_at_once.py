"""What changes while a run is at it, and wrong clocks: said in a line, and nothing is lost."""

import json
import os
import shutil
import time

import pytest
from PIL import Image

import modelscope
from build_warp_dataset import main
from tests.builders import a_scene, tree
from tests.doors.writing_commands import start as start_command
from warpset.building.pairs.folder import PairFolder


@pytest.fixture
def room(tmp_path):
    return a_scene(tmp_path / "in" / "room", photos=4)


def build(tmp_path, output="out") -> int:
    places = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / output)]
    return main([*places, "--geometry", "recorded", "--device", "cpu", "--quiet", "--workers", "1"])


def once_a_pair_is_done(monkeypatch, name, happens) -> None:
    """Let something happen to the folder of the pairs once one of them is on record."""
    replace_record = PairFolder.replace_record

    def replace(self, record):
        replace_record(self, record)
        if record.name == name:
            happens(self.path)

    monkeypatch.setattr(PairFolder, "replace_record", replace)


@pytest.mark.parametrize("name", ["2", "3", "4"])
def test_an_output_removed_during_a_build_is_said_and_made_anew(
    tmp_path, room, capsys, monkeypatch, name
):
    assert build(tmp_path, "whole") == 0
    with monkeypatch.context() as patch:
        once_a_pair_is_done(patch, name, shutil.rmtree)
        assert build(tmp_path) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "were removed while the run went on; run the same again" in line
    assert build(tmp_path) == 0
    assert tree(tmp_path / "out" / "room") == tree(tmp_path / "whole" / "room")


def test_a_photo_replaced_during_a_build_is_named_by_the_next(tmp_path, room, capsys, monkeypatch):
    photo = room / "images" / "2.png"
    once_a_pair_is_done(monkeypatch, "2", lambda _: Image.new("RGB", (64, 48), "red").save(photo))
    assert build(tmp_path) == 0
    assert build(tmp_path) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "was made with" in line and "sha256" in line


def test_files_of_the_future_and_of_long_ago_are_made_once(tmp_path, room):
    assert build(tmp_path) == 0
    made = tree(tmp_path / "out" / "room")
    for number, path in enumerate(sorted(tmp_path.rglob("*"))):
        shift_s = (-1) ** number * 10 * 365 * 86_400
        os.utime(path, (time.time() + shift_s,) * 2)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "room").iterdir()}
    assert build(tmp_path) == 0
    assert tree(tmp_path / "out" / "room") == made
    assert before == {path: path.stat().st_mtime_ns for path in before}


@pytest.mark.slow
def test_exports_during_a_build_hold_what_is_whole(tmp_path, capsys):
    a_scene(tmp_path / "rooms" / "room", photos=60)
    pairs = ["--output-dir", str(tmp_path / "place"), "--quiet"]
    building, sizes = start_command(tmp_path, "build"), []
    while building.poll() is None:
        place = tmp_path / f"set{len(sizes)}"
        code = modelscope.main([*pairs, "--modelscope-dir", str(place)])
        said = capsys.readouterr().err
        assert "Traceback" not in said and (code == 0 or said)
        sizes.append(0 if code else len(json.loads((place / "metadata.json").read_text())))
        time.sleep(0.2)
    assert building.communicate() == (None, "") and sizes == sorted(sizes)
    assert modelscope.main([*pairs, "--modelscope-dir", str(tmp_path / "last")]) == 0
    assert len(json.loads((tmp_path / "last" / "metadata.json").read_text())) == 59
