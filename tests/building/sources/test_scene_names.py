"""Output folders have names that their file system can hold, one for each scene."""

from pathlib import Path

import pytest

from warpset.building.sources import scene_names
from warpset.building.sources.scene_names import named_scenes
from warpset.files.stores.address import Address
from warpset.files.stores.file_names import fault_on_windows, held_by_windows

OUT = Path("out")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("room", "room"),
        ("CON", "CON_"),
        ("con", "con_"),
        ("nul.tar", "nul_.tar"),
        ("com1", "com1_"),
        ("com10", "com10"),
        ("aux ", "aux_"),
        ("console", "console"),
        ("room.", "room_"),
        ("room. .", "room___"),
        ("a:b?c", "a_b_c"),
        ("a\x1fb", "a_b"),
        ("räume", "räume"),
    ],
)
def test_windows_gets_names_that_it_can_hold(name, kept):
    assert held_by_windows(name) == kept
    assert fault_on_windows(kept) is None
    assert (fault_on_windows(name) is None) == (name == kept)


def test_on_windows_scenes_are_renamed_and_said(monkeypatch):
    monkeypatch.setattr(scene_names, "IS_WINDOWS", True)
    found = named_scenes([Path("in/CON"), Path("in/hall")], OUT)
    assert [*found.names.values()] == ["CON_", "hall"]
    assert found.renamed == ["in/CON: is a device on Windows; its pairs go to CON_"]
    assert named_scenes([Path("in/CON")], Address("s3://a/b")).renamed == []


def test_a_name_that_is_anothers_is_left_out_and_said(monkeypatch):
    monkeypatch.setattr(scene_names, "IGNORES_CASE", True)
    found = named_scenes([Path("in/Räume"), Path("in/room"), Path("in/Room")], OUT)
    assert [*found.names] == ["in/Räume", "in/room"]
    (line,) = found.left_out
    assert line.startswith("in/Room: its pairs would go to the folder of in/room; left out")


def test_linux_keeps_every_name():
    names = ["CON", "room", "Room", "room."]
    found = named_scenes([Path("in") / name for name in names], OUT)
    if not scene_names.IGNORES_CASE:
        assert [*found.names.values()] == names and not found.left_out


def test_zips_and_videos_beside_each_other_keep_names_of_their_own(tmp_path):
    for name in ("street.zip", "street.MP4", "hall.zip", "room.zip"):
        (tmp_path / name).touch()
    (tmp_path / "room").mkdir()
    scenes = [path for path in sorted(tmp_path.iterdir()) if path.is_file()]
    names = named_scenes(scenes, OUT).names
    assert {Path(scene).name: name for scene, name in names.items()} == {
        "hall.zip": "hall",
        "room.zip": "room_zip",
        "street.MP4": "street_mp4",
        "street.zip": "street_zip",
    }
