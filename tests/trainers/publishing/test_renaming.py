"""Folders that somebody looks into are renamed as soon as that is granted."""

from pathlib import Path

import pytest

from warpset.core.errors import InputError
from warpset.trainers import export_folder
from warpset.trainers.export_folder import RENAME_WAITS_S, rename_patiently


@pytest.fixture
def refusals(monkeypatch):
    """How often renaming is refused, as Windows does while a file of the folder is open."""
    left, waited, rename = [0], [], Path.rename

    def refused(path, target):
        if left[0]:
            left[0] -= 1
            raise PermissionError(13, "Permission denied")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)
    monkeypatch.setattr(export_folder.time, "sleep", waited.append)
    return left, waited


def test_a_folder_that_is_held_for_a_moment_is_renamed(tmp_path, refusals):
    left, waited = refusals
    left[0] = 2
    (tmp_path / "a").mkdir()
    rename_patiently(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").is_dir() and waited == [*RENAME_WAITS_S[:2]]


def test_a_folder_that_stays_held_is_named(tmp_path, refusals):
    left, waited = refusals
    left[0] = 99
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="a: cannot be renamed to b .*close what has a file"):
        rename_patiently(tmp_path / "a", tmp_path / "b")
    assert waited == [*RENAME_WAITS_S] and (tmp_path / "a").is_dir()
