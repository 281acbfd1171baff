"""Errors: what they say, what each door adds, and that no inner room speaks a door's words."""

import pickle
import re
from pathlib import Path

import pytest

from warpset.building.command_line import WAYS_ON
from warpset.core.errors import InputError, Remedy

ROOT = Path(__file__).parents[2]
ROWS_OF_FLAGS = {"outputs.py"}
"""Tables whose rows name the flag that asks for them."""


def test_a_door_adds_its_own_words():
    error = InputError("sky.onnx: found no such file", Remedy.SKY_MODEL)
    assert str(error) == "sky.onnx: found no such file"
    assert error.told({Remedy.SKY_MODEL: "choose it"}) == f"{error}; choose it"
    assert error.told({}) == str(error)
    assert InputError("a.png: cannot be read").told(WAYS_ON) == "a.png: cannot be read"


def test_the_remedy_comes_back_from_another_process():
    error = pickle.loads(pickle.dumps(InputError("room: no depth", Remedy.STEREO)))
    assert (str(error), error.remedy) == ("room: no depth", Remedy.STEREO)


def test_the_command_line_has_words_for_every_remedy():
    assert set(WAYS_ON) == set(Remedy)


@pytest.mark.parametrize("room", ["core", "files", "fleet", "recordings", "stereo", "building"])
def test_inner_rooms_name_no_flag(room):
    for path in (ROOT / "warpset" / room).rglob("*.py"):
        if path.name not in ROWS_OF_FLAGS | {"command_line.py", "errors.py", "argument_types.py"}:
            assert not re.findall(r"--[a-z]\w+", path.read_text(encoding="utf-8")), path


def test_networks_name_no_flag():
    for path in (ROOT / "vggt").rglob("*.py"):
        assert not re.findall(r"--[a-z]\w+", path.read_text(encoding="utf-8")), path
