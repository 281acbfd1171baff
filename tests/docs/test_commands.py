"""All commands of README.md and docs/ as one session, in order: they run and print what pages say.

Commands that need what a plain checkout has not (`pages.NEEDS`) are read, not run.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import NEEDS, ROOT, PageCommand, page_commands, page_names
from tests.docs.parsers import parser_of

LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv", ".*cache", "__pycache__", "input", "output", "*-dataset"
)
MODULE_OF_GROUP = {
    "usd": "pxr",
    "fleet": "ray",
    "aerial": "gdown",
    "webdataset": "webdataset",
    "viewer": "pyglet",
    "serve": "viser",
    "features": "transformers",
    "mesh": "trimesh",
}
COMMANDS = [command for page in page_names() for command in page_commands(page)]
RUN = [command for command in COMMANDS if not command.needs]
READ = [command for command in COMMANDS if command.needs and not command.is_script]
UV_RUN = re.compile(r"uv run (?:--no-sync )?(?:--group (\w+) )?python ")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """A copy of the project in which the session runs."""
    place = tmp_path_factory.mktemp("session") / "checkout"
    shutil.copytree(ROOT, place, ignore=LEFT_BEHIND)
    return place


def as_arguments(command: PageCommand) -> list[str]:
    """The command for this interpreter, in whose environment the groups are installed or not."""
    if command.is_script:
        return [sys.executable, "-c", command.text]
    found = UV_RUN.match(command.text)
    assert found, f"{command}: how is `{command.text}` run?"
    group = found.group(1)
    if group and find_spec(MODULE_OF_GROUP[group]) is None:
        pytest.skip(f"the group {group} is not installed")
    return [sys.executable, *shlex.split(command.text[found.end() :], comments=True)]


@pytest.mark.slow
@pytest.mark.parametrize("command", RUN, ids=str)
def test_a_command_runs_in_the_pages_order_and_prints_what_they_say(command, checkout):
    hidden = {"DISPLAY", "WAYLAND_DISPLAY"}
    done = subprocess.run(
        as_arguments(command),
        cwd=checkout,
        env={key: value for key, value in os.environ.items() if key not in hidden},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    printed = re.split(r"[\r\n]+", done.stdout + done.stderr)
    assert done.returncode == 0, "\n".join(printed[-20:])
    place = -1
    for line in command.prints:
        assert line in printed[place + 1 :], "\n".join([f"does not print {line!r}", *printed])
        place = printed.index(line, place + 1)


@pytest.mark.parametrize("command", READ, ids=str)
def test_a_command_that_cannot_be_run_here_has_flags_that_are_there(command):
    for text in re.findall(r"python (?:-m )?(\w+[.]\w+ [^|&]*)", command.text):
        script, *arguments = shlex.split(text.strip('"'), comments=True)
        parser_of(script.removesuffix(".py")).parse_args(arguments)


def test_what_blocks_need_is_a_word_that_is_explained():
    assert set().union(*(command.needs for command in COMMANDS)) <= set(NEEDS)


def test_no_block_of_a_page_escapes():
    for page in page_names():
        opened = re.findall(r"^```([^\n]+)$", (ROOT / page).read_text(encoding="utf-8"), re.M)
        assert {info.split()[0] for info in opened} <= {"console", "bash", "python", "text"}, page
