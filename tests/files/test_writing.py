"""Files that are whole or not there."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.builders import tree
from warpset.files.writing import write_atomically


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        write_atomically(tmp_path / "taken", b"content")
    assert tree(tmp_path) == {}


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    def write(number):
        for _ in range(200):
            write_atomically(tmp_path / "file", bytes([number]) * 1000)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert len(set((tmp_path / "file").read_bytes())) == 1
    assert set(tree(tmp_path)) == {"file"}
