"""Every command that writes, with inputs for it; it writes into `place` and nowhere else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from splats import write_ply
from tests.aerial.chain_builders import a_localized_scene
from tests.builders import a_scene
from tests.pair_builders import two_scenes
from tests.splats.test_splats import some_gaussians

ROOT = Path(__file__).parents[2]

COMMANDS = {
    "build": "build_warp_dataset.py --input-dir rooms --output-dir place --quiet --device cpu",
    "stereo": "build_warp_dataset.py --input-dir in --output-dir place --geometry stereo"
    " --nocache --limit 2 --quiet",
    "export": "modelscope.py --output-dir output --modelscope-dir place --quiet",
    "link": "aitoolkit.py --output-dir output --aitoolkit-dir place --link --quiet",
    "shards": "export_dataset.py --output-dir output --format webdataset --dataset-dir place"
    " --quiet",
    "index": "index_dataset.py --output-dir output --index place/index.parquet --quiet",
    "review": "review_dataset.py place --quiet",
    "views": "render_views.py --scene rooms/room --output-dir place --yaw 5 --device cpu --quiet",
    "usd": "splats_to_usd.py scene.ply place/scene.usdz --quiet",
    "aerial": "-m aerial_megadepth.export_wai --megadepth_aerial_dir data --output_dir place"
    " --quiet",
}
NEEDED = {"shards": "webdataset", "usd": "pxr", "index": "pyarrow"}


def put_inputs(root: Path, command: str) -> None:
    """What a command needs, or a skipped test."""
    if command in NEEDED:
        pytest.importorskip(NEEDED[command])
    two_scenes(root)
    if command in ("build", "views"):
        a_scene(root / "rooms" / "room", photos=4)
    elif command == "usd":
        write_ply(some_gaussians(20_000), root / "scene.ply")
    elif command == "aerial":
        a_localized_scene(root / "data")
    elif command == "stereo":
        shutil.copytree(ROOT / "examples" / "scenes", root / "in")
    clear_place(root, command)


def clear_place(root: Path, command: str) -> None:
    """Begin anew; a review writes beside its pairs."""
    shutil.rmtree(root / "place", ignore_errors=True)
    if command == "review":
        shutil.copytree(root / "output", root / "place")


def start(root: Path, command: str) -> subprocess.Popen:
    """The command in a process of its own; what it says of problems can be read."""
    first, *others = COMMANDS[command].split()
    script = [first] if first == "-m" else [str(ROOT / first)]
    return subprocess.Popen(
        [sys.executable, *script, *others],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
