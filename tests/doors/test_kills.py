"""Commands killed at random moments: run again, they leave what an undisturbed run leaves.

`KILLS=20 uv run pytest -m slow tests/doors/test_kills.py` kills each more often.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from splats import write_ply
from tests.aerial.chain_builders import a_localized_scene
from tests.builders import tree
from tests.pair_builders import two_scenes
from tests.splats.test_splats import some_gaussians

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("KILLS", "4"))

COMMANDS = {
    "export": "modelscope.py --output-dir output --modelscope-dir {place} --quiet",
    "link": "export_dataset.py --output-dir output --format hf --dataset-dir {place} --link",
    "shards": "export_dataset.py --output-dir output --format webdataset --dataset-dir {place}",
    "review": "review_dataset.py {place} --quiet",
    "usd": "splats_to_usd.py scene.ply {place}/scene.usdz --quiet",
    "aerial": "-m aerial_megadepth.export_wai --megadepth_aerial_dir data --output_dir {place}",
    "stereo": "build_warp_dataset.py --input-dir in --output-dir {place} --geometry stereo"
    " --nocache --limit 2 --quiet",
}


@pytest.fixture
def inputs(tmp_path, request):
    """What the commands need."""
    two_scenes(tmp_path)
    match request.node.callspec.params["command"]:
        case "shards":
            pytest.importorskip("webdataset")
        case "usd":
            pytest.importorskip("pxr")
            write_ply(some_gaussians(20_000), tmp_path / "scene.ply")
        case "aerial":
            a_localized_scene(tmp_path / "data")
        case "stereo":
            shutil.copytree(ROOT / "examples" / "scenes", tmp_path / "in")
    return tmp_path


def start(root: Path, command: str) -> subprocess.Popen:
    first, *others = COMMANDS[command].format(place="place").split()
    script = [first] if first == "-m" else [str(ROOT / first)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(root)}
    return subprocess.Popen(
        [sys.executable, *script, *others],
        cwd=root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def clear_place(root: Path, command: str) -> None:
    """Begin anew; a review writes beside its pairs."""
    shutil.rmtree(root / "place", ignore_errors=True)
    if command == "review":
        shutil.copytree(root / "output", root / "place")


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_and_run_again_a_command_leaves_the_same(inputs, command):
    clear_place(inputs, command)
    begin = time.monotonic()
    assert start(inputs, command).wait() == 0
    seconds, moments = time.monotonic() - begin, random.Random(command)
    whole, killed = tree(inputs / "place"), 0
    clear_place(inputs, command)
    for _ in range(6 * KILLS):
        process = start(inputs, command)
        time.sleep(seconds * moments.uniform(0.3, 1.0))
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            killed += 1
        else:  # it was through: once more from the start, and sooner
            seconds *= 0.8
            clear_place(inputs, command)
        if killed == KILLS:
            break
    assert killed
    assert start(inputs, command).wait() == 0
    assert tree(inputs / "place") == whole
