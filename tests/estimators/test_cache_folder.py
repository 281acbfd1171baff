"""The cache's folder: who uses it, and what clearing it does then."""

import subprocess
import sys
from pathlib import Path

import pytest

from estimators import cache_folder as folder
from estimators.cache_folder import cache_folder, clear_cache
from tests.builders import tree
from warpset.core.errors import FolderInUseError

ROOT = Path(__file__).parents[2]

USE = """
import pathlib, sys, time
from estimators import cache_folder
cache_folder.CACHE = pathlib.Path(sys.argv[1])
with cache_folder.cache_folder(keep=True):
    print("in use", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "CACHE", tmp_path / ".cache")
    return tmp_path / ".cache"


@pytest.fixture
def user(cache):
    """Another process that uses the cache."""
    process = subprocess.Popen([sys.executable, "-c", USE, cache], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"in use\n"
    yield process
    process.kill()
    process.wait()


def test_clearing_takes_files_and_links_as_well_as_folders(tmp_path, cache):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/kept").write_text("mine")
    (cache / "ab").mkdir(parents=True)
    (cache / "ab/entry.npz").write_text("")
    (cache / "note.txt").write_text("")
    (cache / "link").symlink_to(tmp_path / "elsewhere")
    clear_cache()
    assert list(cache.iterdir()) == []
    assert (tmp_path / "elsewhere/kept").is_file()


def test_a_cache_in_use_is_not_cleared_and_any_number_may_use_it(cache, user):
    (cache / "ab").mkdir()
    (cache / "ab/entry.npz").write_text("")
    with cache_folder(keep=True):
        pass
    with pytest.raises(FolderInUseError, match="another run is using it, nothing was cleared"):
        clear_cache()
    assert (cache / "ab/entry.npz").is_file()


def test_what_a_killed_run_left_keeps_nobody_from_clearing(cache, user):
    user.kill()
    user.wait()
    assert tree(cache)
    clear_cache()
    assert tree(cache) == {}


def test_use_leaves_nothing_behind(cache):
    with cache_folder(keep=True):
        assert tree(cache)
    assert tree(cache) == {}
