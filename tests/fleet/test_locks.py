"""The lock that a second writer of a folder meets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import tree
from warpset.core.errors import FolderInUseError, InputError
from warpset.fleet.locks import sole_writer

ROOT = Path(__file__).parents[2]


HOLD = """
import pathlib, sys, time
from warpset.fleet.locks import sole_writer
with sole_writer(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of `room`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "room"], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()


def test_the_lock_leaves_nothing_behind(tmp_path):
    with sole_writer(tmp_path / "out" / "room"):
        assert not (tmp_path / "out" / "room").exists()
    with sole_writer(tmp_path / "out" / "room"):
        pass
    assert tree(tmp_path) == {}


def test_a_second_writer_is_refused_and_a_neighbour_is_not(tmp_path, holder):
    with pytest.raises(FolderInUseError, match="room: another run is writing here"):
        with sole_writer(tmp_path / "room"):
            pass
    with sole_writer(tmp_path / "garden"):
        pass


def test_a_killed_writer_leaves_the_folder_free(tmp_path, holder):
    holder.kill()
    holder.wait()
    with sole_writer(tmp_path / "room"):
        pass
    assert tree(tmp_path) == {}


def test_a_lock_on_a_file_that_was_removed_meanwhile_counts_for_nothing(tmp_path, monkeypatch):
    def acquire(self):
        (tmp_path / ".room.lock").unlink()
        return self

    monkeypatch.setattr("warpset.fleet.locks.FileLock.__enter__", acquire)
    with pytest.raises(FolderInUseError):
        with sole_writer(tmp_path / "room"):
            pass


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(InputError, match="room: cannot be written"):
        with sole_writer(tmp_path / "out" / "room"):
            pass


def test_a_pipe_in_the_place_of_the_lock_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / ".room.lock")
    with pytest.raises(InputError, match="no regular file"), sole_writer(tmp_path / "room"):
        pass
