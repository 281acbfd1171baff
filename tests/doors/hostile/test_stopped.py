"""Commands that are told to stop say so in one line, and what was there before stays."""

import os
import signal
import time

import pytest

import index_dataset
import modelscope
import render_views
from tests.builders import a_scene, tree
from tests.pair_builders import two_scenes

VIEWS = ["--scene", "room", "--output-dir", "place", "--yaw", "5", "--device", "cpu"]
COMMANDS = {
    "views": (render_views, "warpset.building.views.rendering.draw", VIEWS),
    "export": (
        modelscope,
        "warpset.trainers.export.prepare_picture",
        ["--output-dir", "output", "--modelscope-dir", "place"],
    ),
    "index": (
        index_dataset,
        "index_dataset.write_index",
        ["--output-dir", "output", "--index", "place"],
    ),
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_is_told_to_stop_says_so(tmp_path, monkeypatch, capsys, command, number):
    two_scenes(tmp_path)
    a_scene(tmp_path / "room")
    monkeypatch.chdir(tmp_path)
    before = {name for name in tree(tmp_path)}
    door, inner, arguments = COMMANDS[command]

    def told_to_stop(*_, **__):
        os.kill(os.getpid(), number)
        time.sleep(0.2)  # another thread than the main one goes on until then
        raise AssertionError("it was told to stop")

    monkeypatch.setattr(inner, told_to_stop)
    assert door.main([*arguments, "--quiet"]) == 1
    assert capsys.readouterr().err == "place: stopped; run the same command again\n"
    left = {name for name in tree(tmp_path)} - before
    assert not any(name.endswith(("cameras.json", "metadata.csv", "place")) for name in left)
