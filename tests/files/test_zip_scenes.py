"""The zip of a scene is unpacked into its folder and nowhere else, or refused."""

import os
import stat
import zipfile

import pytest

from warpset.core.errors import InputError
from warpset.files import zip_scenes
from warpset.files.zip_scenes import unpack


def a_zip(path, members, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("name", ["../a.txt", "/a.txt", "a/../../b.txt", "..\\a.txt", "C:\\a.txt"])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path, name):
    (tmp_path / "in").mkdir()
    archive = a_zip(tmp_path / "a.zip", [("ok.txt", b"1"), (name, b"2")])
    with pytest.raises(InputError, match="a.zip: holds a file outside its folder"):
        unpack(archive, tmp_path / "in")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.zip", "in"]


def test_a_link_is_refused(tmp_path):
    link = zipfile.ZipInfo("images")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="a.zip: holds a link .'images'."):
        unpack(a_zip(tmp_path / "a.zip", [(link, b"/etc")]), tmp_path / "in")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_scenes, "FREE_BYTES", 1 << 20)
    (tmp_path / "in").mkdir()
    archive = a_zip(tmp_path / "a.zip", [("a.bin", bytes(8 << 20))])
    with pytest.raises(InputError, match="a.zip: unpacks to 8 MB, over 100 times its size"):
        unpack(archive, tmp_path / "in")
    assert not list((tmp_path / "in").iterdir())


@pytest.mark.parametrize("spoil", [lambda data: b"no zip", lambda data: data[:-30]])
def test_a_damaged_zip_is_one_line(tmp_path, spoil):
    (tmp_path / "in").mkdir()
    archive = a_zip(tmp_path / "a.zip", [("a.txt", b"1" * 1000)])
    archive.write_bytes(spoil(archive.read_bytes()))
    with pytest.raises(InputError, match="a.zip: cannot be read as a zip"):
        unpack(archive, tmp_path / "in")


def test_a_file_whose_bytes_were_changed_is_found(tmp_path):
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", b"1234567890")
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"1234567890", b"1234567899"))
    with pytest.raises(InputError, match="a.zip: cannot be read as a zip .Bad CRC-32"):
        unpack(tmp_path / "a.zip", tmp_path / "in")


def test_an_encrypted_zip_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    archive = a_zip(tmp_path / "a.zip", [("a.txt", b"1")])
    data = bytearray(archive.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # of the file, of the directory
        data[data.index(mark) + flags] |= 1
    archive.write_bytes(data)
    with pytest.raises(InputError, match="a.zip: is encrypted"):
        unpack(archive, tmp_path / "in")


def test_a_zip_that_says_less_than_it_unpacks_to_stops_there(tmp_path):
    (tmp_path / "in").mkdir()
    archive = a_zip(tmp_path / "a.zip", [("a.bin", bytes(1 << 20))])
    whole, said = (1 << 20).to_bytes(4, "little"), (1000).to_bytes(4, "little")
    archive.write_bytes(archive.read_bytes().replace(whole, said))
    with pytest.raises(InputError, match="a.zip: cannot be read as a zip"):
        unpack(archive, tmp_path / "in")
    assert all(path.stat().st_size <= 1000 for path in (tmp_path / "in").iterdir())


def test_a_pipe_is_no_zip_and_nobody_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "a.zip")
    with pytest.raises(InputError, match="a.zip: cannot be read as a zip .no regular file"):
        unpack(tmp_path / "a.zip", tmp_path)


def test_what_a_damaged_zip_holds_is_not_said_at_length(tmp_path):
    (tmp_path / "in").mkdir()
    archive = a_zip(tmp_path / "a.zip", [("a" * 9000 + ".txt", b"1")])
    archive.write_bytes(archive.read_bytes().replace(b"aaa.txt", b"bbb.txt", 1))
    with pytest.raises(InputError, match="cannot be read as a zip") as error:
        unpack(archive, tmp_path / "in")
    assert len(str(error.value)) < 1000
