"""The fuzzer: it finds what it is there to find; three hundred spoilt inputs find nothing."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fuzz import children, mutations

ROOT = Path(__file__).parents[2]

CASES = 300
"""What four minutes of one core are enough for; FUZZ_CASES asks for another number."""


def a_traceback(_: Path) -> int:
    raise TypeError("nobody foresaw this")


def a_hang(_: Path) -> int:
    time.sleep(60)
    return 0


def a_greedy_one(_: Path) -> int:
    return len(b"touched " * (300 * 2**17)) * 0


def a_crash(_: Path) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


@pytest.mark.parametrize(
    ("run", "fault"),
    [
        (a_traceback, "unexpected: Traceback"),
        (a_hang, "hangs"),
        (a_greedy_one, "takes "),
        (a_crash, "ended with -9"),
    ],
)
def test_what_no_input_may_lead_to_is_found(tmp_path, monkeypatch, run, fault):
    if run is a_hang:
        monkeypatch.setattr(children, "MAX_SECONDS", 0.2)
    if run is a_greedy_one:
        own_bytes = children.run_apart(lambda _: 0, tmp_path).peak_bytes
        monkeypatch.setattr(children, "MAX_BYTES", own_bytes + 0.2 * 2**30)
    assert any(fault in found for found in children.run_apart(run, tmp_path).faults())


def test_what_ends_as_it_should_has_no_fault(tmp_path):
    outcome = children.run_apart(lambda _: 1, tmp_path)
    assert outcome.code == 1 and outcome.faults() == []


def test_a_seed_spoils_alike(tmp_path):
    def spoilt(seed: int) -> tuple[str, bool, bytes]:
        path = tmp_path / str(len(list(tmp_path.iterdir()))) / "a.json"
        path.parent.mkdir()
        path.write_text('{"a": [1, 2, {"b": "c"}], "d": null}')
        way = mutations.spoil(path, random.Random(seed))
        is_small = path.is_file() and not path.is_symlink() and path.stat().st_size < 2**20
        return way, path.exists(), path.read_bytes() if is_small else b""

    once = [spoilt(seed) for seed in range(40)]
    assert once == [spoilt(seed) for seed in range(40)]
    assert len({way for way, *_ in once}) > 6


@pytest.mark.slow
def test_spoilt_inputs_find_no_fault():
    for module in ("onnx", "gsply", "pxr", "trimesh"):
        pytest.importorskip(module)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'examples'}"}
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", "--cases", os.environ.get("FUZZ_CASES", str(CASES))],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout
