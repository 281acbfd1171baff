"""Errors: what they say, what each door adds, and that no inner room speaks a door's words."""

import pickle
import re
from pathlib import Path

import pytest

from estimators.command_line import add_building_flags
from warpset.building.command_line import WAYS_ON, make_parser
from warpset.core.errors import MAX_TEXT, InputError, Remedy, alike, told_once
from warpset.trainers.command_line import WAYS_ON as WAYS_ON_OF_EXPORTS
from warpset.trainers.command_line import make_export_parser

ROOT = Path(__file__).parents[2]
ROWS_OF_FLAGS = {"outputs.py"}
"""Tables whose rows name the flag that asks for them."""

OTHER_PROGRAMS_FLAGS = {"machine_use.py"}
"""Files that run another program, whose flags they name."""

DOORS = {"command_line.py", "errors.py", "argument_types.py"}
"""Files, beside the folder `flags/`, that are a door's own; they lie beside the rooms they open."""

FLAG = re.compile(r"(?<![\w-])--[a-z][\w-]+")
FLAGS_IN_CONFIGURATIONS = {"aitoolkit.py": {"--validate"}}
"""What comments of a trainer's file say to whoever opens it, long after its door is closed."""


def test_a_door_adds_its_own_words():
    error = InputError("sky.onnx: found no such file", Remedy.SKY_MODEL)
    assert str(error) == "sky.onnx: found no such file"
    assert error.told({Remedy.SKY_MODEL: "choose it"}) == f"{error}; choose it"
    assert error.told({}) == str(error)
    assert InputError("a.png: cannot be read").told(WAYS_ON) == "a.png: cannot be read"


def test_what_a_long_error_quotes_is_left_out():
    text = str(InputError(f"room/1.json: found {'a' * 10**6}; left out"))
    assert len(text) < 2 * MAX_TEXT
    assert text.startswith("room/1.json: found aaa") and text.endswith("aaa; left out")


def test_one_reason_is_told_once_with_a_count():
    lines = ["a/1.png: 8 bits", "b: found 'x', need 2", "a/2.png: 16 bits", "c: found 'y', need 3"]
    groups = alike(lines)
    assert groups == [[lines[0], lines[2]], [lines[1], lines[3]]]
    assert told_once(groups[0]) == "a/1.png: 8 bits (and 1 more alike)"
    assert told_once(lines[:1]) == lines[0]


def test_the_remedy_comes_back_from_another_process():
    error = pickle.loads(pickle.dumps(InputError("room: no depth", Remedy.STEREO)))
    assert (str(error), error.remedy) == ("room: no depth", Remedy.STEREO)


def test_a_command_line_has_words_for_every_remedy():
    assert set(WAYS_ON) | set(WAYS_ON_OF_EXPORTS) == set(Remedy)


@pytest.mark.parametrize("room", ["core", "files", "fleet", "recordings", "stereo", "building"])
def test_inner_rooms_name_no_flag(room):
    for path in (ROOT / "warpset" / room).rglob("*.py"):
        door = path.parent.name == "flags" or path.name in DOORS
        if not door and path.name not in ROWS_OF_FLAGS | OTHER_PROGRAMS_FLAGS:
            assert not re.findall(r"--[a-z]\w+", path.read_text(encoding="utf-8")), path


def test_trainers_name_no_flag_of_ours():
    doors = make_parser(add_building_flags), make_export_parser("export_dataset.py", "")
    ours = set(FLAG.findall(" ".join(door.format_help() for door in doors)))
    assert {"--save-mask", "--resize", "--base-model"} <= ours
    ours.add("--group")  # of `uv run`, which installs what a door needs
    for path in (ROOT / "warpset/trainers").rglob("*.py"):
        if path.name not in {"command_line.py", "flags.py"}:
            named = ours & set(FLAG.findall(path.read_text(encoding="utf-8")))
            assert named == FLAGS_IN_CONFIGURATIONS.get(path.name, set()), path


def test_networks_name_no_flag():
    for path in (ROOT / "vggt").rglob("*.py"):
        assert not re.findall(r"--[a-z]\w+", path.read_text(encoding="utf-8")), path
