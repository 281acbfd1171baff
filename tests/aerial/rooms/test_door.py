"""Steps end in one line and at once: told to stop while they load or work, or short of room."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aerial_megadepth.scenes.door import run_door
from warpset.core.errors import InputError, Remedy

ROOT = Path(__file__).parents[3]
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
no_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals between processes")

STOPPED = "stopped; run the same command again to go on"


def test_what_ends_a_command_is_one_line(capsys):
    def fail(error):
        raise error

    full = OSError(errno.ENOSPC, "No space left on device", "out/0001")
    assert run_door(lambda: 0) == 0
    assert run_door(lambda: fail(full)) == 1
    assert run_door(lambda: fail(InputError("x: is missing", Remedy.FLEET_GROUP))) == 1
    assert run_door(lambda: fail(KeyboardInterrupt())) == 1
    assert capsys.readouterr().err.splitlines() == [
        "out/0001: No space left on device",
        "x: is missing; run with uv run --group fleet, or leave out --ray",
        STOPPED,
    ]


@no_signals
@BOTH
def test_while_its_libraries_load_a_step_ends_in_one_line(tmp_path, number):
    command = [sys.executable, "-X", "importtime", "-m", "aerial_megadepth.qc"]
    places = ["--megadepth_aerial_dir", tmp_path, "--output_dir", tmp_path / "out"]
    process = subprocess.Popen(
        [*command, *map(str, places)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "numpy.version" in line:
            process.send_signal(number)
            break
    _, rest = process.communicate(timeout=60)
    said = [line for line in rest.splitlines() if not line.startswith("import time:")]
    assert (said, process.returncode) == ([STOPPED], 1)


SLEEPY = """
import sys, time
from pathlib import Path
from aerial_megadepth.scenes.door import run_door
from aerial_megadepth.scenes.scene_steps import RunOptions, run_scenes

class Sleepy:
    name = "sleepy"
    def options(self): return {}
    def inputs(self, scene): return []
    def output(self, scene): return Path(sys.argv[1]) / scene
    def make(self, scene, folder):
        (folder / "begun").touch()
        time.sleep(60)

if __name__ == "__main__":
    options = RunOptions(workers=2, quiet=True)
    sys.exit(run_door(lambda: run_scenes(Sleepy(), ["a", "b", "c"], options), quiet=True))
"""


@no_signals
@BOTH
def test_while_scenes_are_made_they_end_with_the_step_and_leave_nothing(tmp_path, number):
    (tmp_path / "sleepy.py").write_text(SLEEPY)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "sleepy.py"), str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while len(list(tmp_path.glob("out/.*/begun"))) < 2:
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    process.send_signal(number)
    begun = time.monotonic()
    _, said = process.communicate(timeout=30)
    assert (said.splitlines(), process.returncode) == ([STOPPED], 1)
    assert time.monotonic() - begun < 15
    assert not list(tmp_path.glob("out/*"))
