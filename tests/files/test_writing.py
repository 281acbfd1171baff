"""Files that are whole or not there."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from tests.builders import tree
from warpset.core.errors import InputError
from warpset.files.writing import write_atomically, writing_to


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "taken", b"content")
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    ("number", "full", "said"),
    [
        (errno.ENOSPC, {"scratch"}, "scratch: is full, need room for temporary files"),
        (errno.ENOSPC, {"out"}, "room: cannot be written .No space left"),
        (errno.ENOSPC, {"scratch", "out"}, "room: cannot be written .No space left"),
        (errno.EACCES, {"scratch"}, "room: cannot be written .Permission denied"),
    ],
)
def test_a_full_disk_is_named_be_it_that_of_temporary_files(
    tmp_path, monkeypatch, number, full, said
):
    for name in ("scratch", "out"):
        (tmp_path / name).mkdir()
    free = {tmp_path / name: 0 if name in full else 2**40 for name in ("scratch", "out")}
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    monkeypatch.setattr(
        "warpset.files.writing.shutil.disk_usage", lambda path: SimpleNamespace(free=free[path])
    )
    with pytest.raises(InputError, match=said):
        with writing_to(tmp_path / "out" / "room"):
            raise OSError(number, os.strerror(number))


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    def write(number):
        for _ in range(200):
            write_atomically(tmp_path / "file", bytes([number]) * 1000)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(set((tmp_path / "file").read_bytes())) == 1
    assert set(tree(tmp_path)) == {"file"}
