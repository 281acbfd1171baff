"""Image lists: MegaDepth's pickle is read without running it, anything else in it is refused."""

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from aerial_megadepth import convert_image_list
from aerial_megadepth.megadepth.image_list import read_image_list, write_image_list
from tests.builders import SHARED_DATA
from warpset.core.errors import InputError

PUBLISHED = SHARED_DATA / "aerial" / "megadepth_image_list.npz"
IMAGES = {("0003", "0"): ["b.jpg", "a.jpg"], ("0001", "1"): ["c.JPG"], ("0001", "0"): []}


def an_npz(path: Path, content: object, protocol: int = 3) -> Path:
    """An npz whose one array of objects holds `content`, pickled as numpy does it."""
    array = np.empty((), object)
    array[()] = content
    return an_npz_of_pickle(path, pickle.dumps(array, protocol=protocol))


def an_npz_of_pickle(path: Path, pickled: bytes) -> Path:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.npy", header.getvalue() + pickled)
    return path


class Runs:
    """An object that unpickles by calling something."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_json_and_npz_hold_the_same_list(tmp_path):
    np.savez(tmp_path / "list.npz", data=np.array(IMAGES, object))
    from_npz = read_image_list(tmp_path / "list.npz")
    write_image_list(tmp_path / "list.json", from_npz)
    assert read_image_list(tmp_path / "list.json") == from_npz == IMAGES
    assert list(from_npz) == [("0001", "0"), ("0001", "1"), ("0003", "0")]


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_pickles_of_any_age_are_read(tmp_path, protocol):
    assert read_image_list(an_npz(tmp_path / "a.npz", IMAGES, protocol)) == IMAGES


def test_names_of_old_numpy_are_known(tmp_path):
    pickled = pickle.dumps(np.array(IMAGES, object), protocol=3)
    old = pickled.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    assert old != pickled
    assert read_image_list(an_npz_of_pickle(tmp_path / "a.npz", old)) == IMAGES


def test_the_published_list_is_read_whole(tmp_path):
    if not PUBLISHED.exists():
        pytest.skip("the published image list is not here")
    images = read_image_list(PUBLISHED)
    assert len(images) == 137 and sum(map(len, images.values())) == 51522
    assert images["0001", "0"][0] == "211699069_41382fa64a_o.jpg"
    assert convert_image_list.main([str(PUBLISHED), str(tmp_path / "list.json")]) == 0
    assert read_image_list(tmp_path / "list.json") == images


@pytest.mark.parametrize("where", ["array", "name", "key"])
def test_other_pickled_objects_are_refused_and_not_run(tmp_path, where):
    mark = tmp_path / "ran"
    runs = Runs(os.mkdir, str(mark))
    if where == "array":
        path = an_npz_of_pickle(tmp_path / "a.npz", pickle.dumps(runs))
    else:
        content = {("0001", "0"): [runs]} if where == "name" else {runs: []}
        path = an_npz(tmp_path / "a.npz", content)
    with pytest.raises(InputError, match="pickled (posix|nt).mkdir, which could run code"):
        read_image_list(path)
    assert not mark.exists()


def test_a_pickle_cannot_make_numpy_allocate(tmp_path):
    runs = Runs(np.ndarray, (10**15,))
    with pytest.raises(InputError):
        read_image_list(an_npz(tmp_path / "a.npz", {("0001", "0"): runs}))


def test_a_pickle_cannot_fill_the_memory_through_its_memo(tmp_path):
    pickled = b"\x80\x03}r" + struct.pack("<I", 2**31) + b"."
    with pytest.raises(InputError, match="more memory than it fills"):
        read_image_list(an_npz_of_pickle(tmp_path / "a.npz", pickled))


def test_a_list_shared_by_many_keys_is_counted_as_often(tmp_path, monkeypatch):
    monkeypatch.setattr("aerial_megadepth.megadepth.image_list.MAX_NAMES", 10)
    names = ["a.jpg"] * 4
    content = {(str(scene), "0"): names for scene in range(3)}
    with pytest.raises(InputError, match="more than 10 names"):
        read_image_list(an_npz(tmp_path / "a.npz", content))


@pytest.mark.parametrize(
    "content",
    [
        {("0001", "0"): ["../../secret.jpg"]},
        {("0001", "0"): ["/etc/passwd"]},
        {("0001", "0"): ["a\\b.jpg"]},
        {("0001", "0"): [5]},
        {("0001", "0"): "abc"},
        {("..", "0"): ["a.jpg"]},
        {"0001": ["a.jpg"]},
        {("0001",): ["a.jpg"]},
        ["a.jpg"],
    ],
)
def test_anything_but_plain_names_is_refused_in_a_line(tmp_path, content):
    path = an_npz(tmp_path / "a.npz", content)
    with pytest.raises(InputError) as error:
        read_image_list(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("content", ["[]", '{"0001": ["a.jpg"]}', "{", '{"0001": {"0": 3}}'])
def test_other_json_is_refused_in_a_line(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(InputError, match="need an image list"):
        read_image_list(path)


def test_broken_and_missing_files_are_one_line(tmp_path, capsys):
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 broken")
    np.savez(tmp_path / "numbers.npz", data=np.arange(3))
    np.savez(tmp_path / "two.npz", a=np.arange(3), b=np.arange(3))
    for name in ("a.npz", "numbers.npz", "two.npz", "missing.npz"):
        assert convert_image_list.main([str(tmp_path / name), str(tmp_path / "out.json")]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert not (tmp_path / "out.json").exists()


def test_a_pipe_is_no_image_list_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "images.npz")
    with pytest.raises(InputError, match="no regular file"):
        read_image_list(tmp_path / "images.npz")
