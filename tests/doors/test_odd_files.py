"""Pipes, devices and dead links among the photos, and what is listed or lies there alone: said."""

import os
from pathlib import Path

import pytest
from PIL import Image

from build_warp_dataset import main
from tests.builders import a_photo, a_scene, read_transforms_file, write_transforms


def build(tmp_path: Path, *flags: str) -> int:
    places = ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / "out")]
    return main([*places, "--geometry", "recorded", "--device", "cpu", "--quiet", *flags])


def test_pipes_as_photo_video_and_zip_are_named_and_nobody_waits_for_them(tmp_path, capsys):
    a_scene(tmp_path / "in" / "room", photos=3)
    os.mkfifo(tmp_path / "in" / "room" / "images" / "9.jpg")
    os.mkfifo(tmp_path / "in" / "walk.mp4")
    os.mkfifo(tmp_path / "in" / "park.zip")
    assert build(tmp_path) == 1
    said = capsys.readouterr().err
    assert "9.jpg: cannot be read as a photo ([Errno 22] no regular file)" in said
    assert "walk.mp4: cannot be read as a video (no regular file)" in said
    assert "park.zip: cannot be read as a zip (no regular file)" in said
    assert [path.parent.name for path in (tmp_path / "out").glob("*/pairs.jsonl")] == ["room"]


@pytest.mark.parametrize("target", ["/dev/zero", "nowhere", "9.jpg"])
def test_links_to_devices_and_to_nowhere_are_named(tmp_path, capsys, target):
    room = a_scene(tmp_path / "in" / "room", photos=2)
    (room / "images" / "9.jpg").symlink_to(target)
    assert build(tmp_path) == 1
    assert "9.jpg: cannot be read as a photo" in capsys.readouterr().err


def test_photos_that_are_listed_or_lie_there_alone_are_said_to_the_quiet_as_well(tmp_path, capsys):
    room = a_scene(tmp_path / "in" / "room", photos=4)
    content = read_transforms_file(room)
    del content["frames"][3]
    write_transforms(room, content)
    (room / "images" / "2.png").unlink()
    Image.fromarray(a_photo((64, 48))).save(room / "thumbnail.jpg")
    assert build(tmp_path) == 0
    said = capsys.readouterr().err
    assert "1 photos of transforms.json are not there (2.png first); left out" in said
    assert "1 photos are not in transforms.json (4.png first); left out" in said
    assert "1 photos beside a folder of more (thumbnail.jpg first); left out" in said


def test_a_recording_of_many_bytes_and_a_zip_that_leads_to_itself_are_one_line(tmp_path, capsys):
    room = a_scene(tmp_path / "in" / "room", photos=2)
    os.truncate(room / "transforms.json", 19 * 2**30)
    (tmp_path / "in" / "park.zip").symlink_to("park.zip")
    a_scene(tmp_path / "in" / "yard", photos=2)
    assert build(tmp_path) == 1
    said = capsys.readouterr().err
    assert "transforms.json: " in said and "park.zip: " in said and "failed (" not in said
    assert [path.parent.name for path in (tmp_path / "out").glob("*/pairs.jsonl")] == ["yard"]
