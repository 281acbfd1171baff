"""Where compiled kernels are kept, and what becomes of them where that cannot be."""

from pathlib import Path

import pytest
import warp as wp

from renderer import launcher
from renderer.hole_filling import KERNEL_MODULES
from tests.plain_user import as_a_plain_user


@pytest.fixture
def locked(tmp_path, monkeypatch) -> Path:
    """Warp's folder, which may not be written."""
    folder = tmp_path / "warp"
    folder.mkdir(mode=0o555)
    launcher.launcher_for("cpu", KERNEL_MODULES)
    monkeypatch.setattr(wp.config, "kernel_cache_dir", str(folder))
    return folder


def test_kernels_are_kept_aside_where_their_folder_may_not_be_written(locked, capsys):
    with as_a_plain_user():
        launcher.launcher_for.__wrapped__("cpu", KERNEL_MODULES)
    said = capsys.readouterr().err
    assert f"{locked} cannot be written, so each run compiles" in said and "WARP_CACHE_PATH" in said
    assert Path(str(wp.config.kernel_cache_dir)).is_dir()
    assert locked not in Path(str(wp.config.kernel_cache_dir)).parents


def test_without_a_home_warp_starts_all_the_same(locked, monkeypatch, capsys):
    folders = []

    def init():
        folders.append(wp.config.kernel_cache_dir)
        if len(folders) == 1:
            raise PermissionError(13, "Permission denied", str(locked))

    monkeypatch.setattr(wp, "init", init)
    folder = launcher.kernel_cache_folder()
    assert folders == [str(locked), str(folder)] and folder.is_dir()
    assert f"{locked} cannot be written" in capsys.readouterr().err
