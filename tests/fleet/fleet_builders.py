"""The main command over shards and over Ray: what its tests share."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def flags(tmp_path, output="out", *more) -> list[str]:
    return ["--input-dir", str(tmp_path / "in"), "--output-dir", str(tmp_path / output), *more]


def start(tmp_path, output, *more) -> subprocess.Popen:
    """The command in a process of its own."""
    command = [sys.executable, str(ROOT / "build_warp_dataset.py"), *flags(tmp_path, output, *more)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def shard(index, count=4) -> tuple[str, ...]:
    return "--num-shards", str(count), "--shard-index", str(index)


def needs_ray():
    """Ray is not imported here: its settings have to be made before."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("the group fleet is not installed")
