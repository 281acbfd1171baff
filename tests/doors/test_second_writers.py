"""Whatever writes a folder writes it alone: a second writer says so in a line and harms nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import render_views
import review_dataset
from review.dataset import FILES_NAME
from tests.builders import a_scene, tree
from tests.pair_builders import two_scenes
from warpset.fleet.locks import sole_writer

ROOT = Path(__file__).parents[2]
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


COMMANDS = {
    "export": "modelscope.py --output-dir output --modelscope-dir {place} --quiet",
    "link": "aitoolkit.py --output-dir output --aitoolkit-dir {place} --link --quiet",
    "review": "review_dataset.py {place} --quiet",
    "build": "build_warp_dataset.py --input-dir in --output-dir {place} --quiet --device cpu",
}


def start(root: Path, command: str) -> subprocess.Popen:
    script, *arguments = COMMANDS[command].format(place="place").split()
    return subprocess.Popen(
        [sys.executable, ROOT / script, *arguments], cwd=root, stderr=subprocess.PIPE, text=True
    )


def put_inputs(root: Path, command: str) -> None:
    """What a command needs; a review writes beside its pairs."""
    shutil.rmtree(root / "place", ignore_errors=True)
    if command == "review":
        shutil.copytree(root / "output", root / "place")


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_ten_writers_at_one_folder_leave_what_one_leaves(tmp_path, command):
    two_scenes(tmp_path)
    a_scene(tmp_path / "in" / "room", photos=4)
    put_inputs(tmp_path, command)
    assert start(tmp_path, command).wait() == 0
    alone = tree(tmp_path / "place")
    put_inputs(tmp_path, command)
    runs = [start(tmp_path, command) for _ in range(10)]
    said = [run.communicate()[1] for run in runs]
    codes = [run.returncode for run in runs]
    assert 0 in codes and set(codes) <= {0, 1}
    for code, lines in zip(codes, said, strict=True):
        assert code == 0 or (lines.count("\n") == 1 and IN_USE in lines)
    assert tree(tmp_path / "place") == alone
