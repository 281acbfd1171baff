"""Two hundred scenes, some of them faulty, built by a command that is killed again and again."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.builders import a_scene, tree

ROOT = Path(__file__).parents[2]
SCENES, KILLS = 200, 10
TRUNCATED, NO_DEPTH, ALONE = ("s050", "s141"), ("s060", "s152"), ("s070", "s163")
READ_ONLY, REPLACED = ("s080", "s174"), ("s002", "s005")
"""Five faults in a hundred scenes; the depth of the last two changes once they are done."""

LIKE_ANYBODY = [
    "setpriv",
    *(f"--{caps}=-dac_override,-dac_read_search" for caps in ("bounding-set", "inh-caps")),
]
"""Root may write where nobody may, but for this."""


@pytest.fixture
def scenes(tmp_path):
    """200 scenes below `in`, all faults but changed depth and read-only folders planted."""
    for name in (f"s{number:03}" for number in range(SCENES)):
        a_scene(tmp_path / "in" / name, photos=1 if name in ALONE else 4)
    for name in TRUNCATED:
        photo = tmp_path / "in" / name / "images" / "2.png"
        photo.write_bytes(photo.read_bytes()[: photo.stat().st_size // 2])
    for name in NO_DEPTH:
        (tmp_path / "in" / name / "depths" / "3.png").unlink()


def start(tmp_path, output) -> subprocess.Popen:
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    flags = ["--input-dir", tmp_path / "in", "--output-dir", tmp_path / output, "--quiet"]
    command = [sys.executable, ROOT / "build_warp_dataset.py", *flags, "--save-mask"]
    command = [*(LIKE_ANYBODY if is_root else []), *command, "--bidirectional"]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def kill_after(files: int, folder: Path, process: subprocess.Popen, moments: random.Random) -> None:
    while process.poll() is None and sum(1 for _ in folder.glob("*/*")) < files:
        time.sleep(0.002)
    time.sleep(moments.uniform(0, 0.01))
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def replace_depth(scene: Path) -> None:
    depth = np.full((48, 64), 1500, np.uint16)
    cv2.imwrite(str(scene / "depths" / "1.png"), depth)


@pytest.mark.slow
def test_a_build_killed_ten_times_is_whole_and_names_every_fault_once(tmp_path, scenes):
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("needs setpriv to be refused by a read-only folder as root")
    whole = start(tmp_path, "whole")
    assert whole.communicate() and whole.returncode == 1
    expected = tree(tmp_path / "whole")
    expected = {name: data for name, data in expected.items() if name[:4] not in READ_ONLY}
    for name in READ_ONLY:
        (tmp_path / "out" / name).mkdir(parents=True)
        (tmp_path / "out" / name).chmod(0o555)

    moments, out = random.Random(0), tmp_path / "out"
    for kill in range(KILLS):
        process = start(tmp_path, "out")
        done = sum(1 for _ in out.glob("*/*"))
        share = moments.uniform(0.5, 1.5) * len(expected) / (KILLS + 2)
        if kill == 4:
            replace_depth_of_done(tmp_path)
        kill_after(done + int(share), out, process, moments)
    last = start(tmp_path, "out")
    _, error = last.communicate()

    assert last.returncode == 1
    lines = error.splitlines()
    for name in (*TRUNCATED, *NO_DEPTH, *ALONE, *READ_ONLY, *REPLACED):
        assert sum(f"/{name}" in line for line in lines) == 1, name
    assert len(lines) == 10 and "Traceback" not in error
    for name in READ_ONLY:
        (out / name).rmdir()
    assert tree(out) == expected


def replace_depth_of_done(tmp_path: Path) -> None:
    for name in REPLACED:
        assert (tmp_path / "out" / name / "pairs.jsonl").read_text().count("\n") == 6
        replace_depth(tmp_path / "in" / name)
