"""Commands killed at random moments: run again, they leave what an undisturbed run leaves.

`KILLS=20 uv run pytest -m slow --junitxml kills.xml tests/doors/test_kills.py` kills each more
often; the file says how many kills each got.
"""

import os
import random
import signal
import time

import pytest

from tests.builders import tree
from tests.doors.writing_commands import COMMANDS, clear_place, put_inputs, start

KILLS = int(os.environ.get("KILLS", "3"))


def run(root, command) -> None:
    """The whole command."""
    process = start(root, command)
    _, said = process.communicate()
    assert process.returncode == 0, said


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_killed_and_run_again_a_command_leaves_the_same(
    tmp_path, command, record_testsuite_property
):
    put_inputs(tmp_path, command)
    begin = time.monotonic()
    run(tmp_path, command)
    seconds, moments = time.monotonic() - begin, random.Random(command)
    whole, killed = tree(tmp_path / "place"), 0
    clear_place(tmp_path, command)
    for _ in range(6 * KILLS):
        process = start(tmp_path, command)
        time.sleep(seconds * moments.uniform(0.3, 1.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if process.returncode == -signal.SIGKILL:
            killed += 1
        else:  # it was through: once more from the start, and sooner
            seconds *= 0.8
            clear_place(tmp_path, command)
        if killed == KILLS:
            break
    assert killed
    record_testsuite_property(f"kills of {command}", killed)
    run(tmp_path, command)
    assert tree(tmp_path / "place") == whole
