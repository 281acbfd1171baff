"""Ctrl+C and SIGTERM end a command in one line, while it loads its libraries and while it works."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.builders import a_scene
from warpset.fleet.stopping import stopped_by_signals

ROOT = Path(__file__).parents[2]
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no signals between processes")


def start(*arguments) -> subprocess.Popen[str]:
    command = [sys.executable, "-X", "importtime", "build_warp_dataset.py", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def stop_at(process: subprocess.Popen[str], sign: str, number: int) -> list[str]:
    """Send a signal when a line holds the sign; all later lines that are not about an import."""
    assert process.stderr is not None
    for line in process.stderr:
        if sign in line:
            process.send_signal(number)
            break
    _, rest = process.communicate(timeout=60)
    return [line for line in rest.splitlines() if not line.startswith("import time:")]


@BOTH
@pytest.mark.parametrize("loaded", ["numpy.version", "estimators.options"])
def test_while_libraries_load_it_is_one_line(tmp_path, number, loaded):
    process = start("--input-dir", tmp_path, "--output-dir", tmp_path / "out")
    assert stop_at(process, loaded, number) == ["stopped; run the same command again to go on"]
    assert process.returncode == 1


@BOTH
def test_while_it_works_it_is_one_line_that_names_the_output(tmp_path, number):
    a_scene(tmp_path / "in" / "room", photos=3)
    output = tmp_path / "out"
    process = start("--input-dir", tmp_path / "in", "--output-dir", output, "--quiet")
    assert stop_at(process, "torch._C", number) == [
        f"{output}: stopped; run the same command again to go on"
    ]
    assert process.returncode == 1


def test_pycolmap_leaves_sigterm_to_python():
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGTERM, signal.default_int_handler)\n"
        "import warpset.stereo.sfm\n"
        "try:\n    os.kill(os.getpid(), signal.SIGTERM)\nexcept KeyboardInterrupt:\n    pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@BOTH
def test_within_signals_interrupt_and_afterwards_they_do_what_they_did(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), stopped_by_signals():
        os.kill(os.getpid(), number)
        time.sleep(5)
    assert signal.getsignal(number) is before


def test_another_thread_changes_no_handler():
    seen = []

    def work():
        with stopped_by_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
