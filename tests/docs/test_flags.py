"""The pages name every flag of every command, and no flag that is not there."""

import argparse
import re
from pathlib import Path

import pytest

from tests.docs.parsers import parser_of

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs"
DOORS = sorted(
    path.stem for path in ROOT.glob("*.py") if "\ndef main(" in path.read_text(encoding="utf-8")
)
STEPS = sorted(
    path.stem
    for path in (ROOT / "aerial_megadepth").glob("*.py")
    if "\ndef make_parser(" in path.read_text(encoding="utf-8")
)


def flags_of(module: str) -> dict[str, argparse.Action]:
    """What a command's own parser takes, by each flag's last name."""
    actions = parser_of(module)._actions
    return {a.option_strings[-1]: a for a in actions if a.option_strings and a.dest != "help"}


def spellings(actions) -> set[str]:
    return {spelling for action in actions for spelling in action.option_strings}


def page_sections() -> dict[str, str]:
    """The sections of flags.md by their heading, which names the commands they are about."""
    parts = (PAGES / "flags.md").read_text(encoding="utf-8").split("\n## ")[1:]
    return {part.split("\n")[0]: part for part in parts}


def section_of(door: str) -> str:
    return next(text for head, text in page_sections().items() if f"`{door}.py`" in head)


def test_every_door_has_a_section():
    in_headings = re.findall(r"`(\w+)\.py`", " ".join(page_sections()))
    assert sorted(in_headings) == DOORS


@pytest.mark.parametrize("door", DOORS)
def test_every_flag_has_help_and_a_row(door):
    rows = re.findall(r"^\| `(--[\w-]+)` \|", section_of(door), re.M)
    for flag, action in flags_of(door).items():
        assert action.help, flag
        assert flag in rows, f"{flag} of {door}.py is not in flags.md"


@pytest.mark.parametrize("heading", page_sections())
def test_no_row_names_a_flag_that_is_not_there(heading):
    doors = re.findall(r"`(\w+)\.py`", heading)
    known = set().union(*(spellings(flags_of(door).values()) for door in doors))
    assert set(re.findall(r"^\| `(--[\w-]+)", page_sections()[heading], re.M)) <= known


@pytest.mark.parametrize("step", STEPS)
def test_every_flag_of_an_aerial_step_has_help_and_is_on_its_page(step):
    page = (PAGES / "aerial.md").read_text(encoding="utf-8")
    assert f"`{step}`" in page
    for flag, action in flags_of(f"aerial_megadepth.{step}").items():
        assert action.help, flag
        assert re.search(rf"`{re.escape(flag)}[ `]", page), f"{flag} is not in aerial.md"


def test_the_aerial_page_names_no_flag_that_is_not_there():
    page = (PAGES / "aerial.md").read_text(encoding="utf-8")
    known = set().union(
        *(spellings(flags_of(f"aerial_megadepth.{step}").values()) for step in STEPS)
    )
    assert set(re.findall(r"`(--[\w-]+)", page)) <= known
