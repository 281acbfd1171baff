"""The numbered examples run as their first lines say, and stay short."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.builders import a_scene

EXAMPLES = Path(__file__).parents[2] / "examples"
NUMBERED = sorted(EXAMPLES.glob("0*.py"))


def run(name: str, *arguments: Path) -> list[str]:
    """The lines that an example prints."""
    command = [sys.executable, EXAMPLES / name, *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Path:
    return a_scene(tmp_path_factory.mktemp("in") / "room", photos=3, size_wh=(64, 48))


@pytest.mark.parametrize("path", NUMBERED, ids=lambda path: path.name)
def test_a_numbered_example_is_short_and_says_how_it_is_run(path):
    text = path.read_text(encoding="utf-8")
    assert sum(bool(line) for line in text.splitlines()) < 40
    command = re.search(r"^uv run python (examples/.*)$", text, re.M)
    assert command and shlex.split(command.group(1))[0] == f"examples/{path.name}"


def test_two_photos_become_one_picture_of_splats_target_and_reference(room, tmp_path):
    shapes, scores = run("01_warp_two_photos.py", room, tmp_path / "warp.png")
    assert shapes == "(48, 64, 3) uint8, 3072 points"
    assert re.fullmatch(r"\d+\.\d% holes, \d+(\.\d+)? dB where covered", scores)
    splats, target, _ = np.split(np.asarray(Image.open(tmp_path / "warp.png")), 3, axis=1)
    inner = np.s_[10:-10, 10:-20]
    assert np.abs(splats[inner].astype(float) - target[inner]).mean() < 10


def test_points_are_seen_from_where_no_photo_was_taken(room, tmp_path):
    (line,) = run("02_render_points.py", room, tmp_path / "points.png")
    points, holes = re.fullmatch(r"\((\d+), 3\) points, ([\d.]+)% holes", line).groups()
    assert int(points) == 64 * 48 and 0 < float(holes) < 50
    assert Image.open(tmp_path / "points.png").size == (64, 48)


def test_an_estimator_of_ones_own_makes_pairs_that_are_read_back(room, tmp_path):
    counts, quality = run("04_own_estimator.py", room, tmp_path / "pairs" / "room")
    assert "2 pairs written, 0 there already, 0 rejected, 1 problems" in counts  # a made-up wall
    assert "coverage" in quality
    lines = run("03_read_pairs.py", tmp_path / "pairs")
    assert [line.split(",")[0] for line in lines] == ["room/2: (48", "room/3: (48"]
    assert lines[1].endswith("seen from [0.2 0.  0. ]")
