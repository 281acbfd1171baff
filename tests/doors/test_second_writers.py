"""Whatever writes a folder writes it alone: a second writer says so in a line and harms nothing.

`WRITERS=10 uv run pytest -m slow tests/doors/test_second_writers.py` starts more at once.
"""

import os

import pytest

import render_views
import review_dataset
from review.dataset import FILES_NAME
from tests.builders import a_scene, tree
from tests.doors.writing_commands import COMMANDS, clear_place, put_inputs, start
from tests.pair_builders import two_scenes
from warpset.fleet.locks import sole_writer

WRITERS = int(os.environ.get("WRITERS", "4"))
IN_USE = "another run is writing here"


def the_line(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_second_review_says_so(tmp_path, capsys):
    output = two_scenes(tmp_path)
    before = tree(output)
    with sole_writer(output / FILES_NAME):
        assert review_dataset.main([str(output), "--quiet"]) == 1
    assert IN_USE in the_line(capsys) and tree(output) == before


def test_a_second_run_of_views_says_so(tmp_path, capsys):
    room, out = a_scene(tmp_path / "in" / "room", photos=2), tmp_path / "views"
    paths = ["--scene", str(room), "--output-dir", str(out)]
    with sole_writer(out):
        assert render_views.main([*paths, "--yaw", "5", "--device", "cpu", "--quiet"]) == 1
    assert IN_USE in the_line(capsys) and not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_writers_at_one_folder_leave_what_one_leaves(tmp_path, command):
    put_inputs(tmp_path, command)
    assert start(tmp_path, command).wait() == 0
    alone = tree(tmp_path / "place")
    clear_place(tmp_path, command)
    runs = [start(tmp_path, command) for _ in range(WRITERS)]
    said = [run.communicate()[1] for run in runs]
    codes = [run.returncode for run in runs]
    assert 0 in codes and set(codes) <= {0, 1}
    for code, lines in zip(codes, said, strict=True):
        assert code == 0 or (lines.count("\n") == 1 and IN_USE in lines)
    assert tree(tmp_path / "place") == alone
