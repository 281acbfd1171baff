"""JSON as records: what is sound comes back as it was, what is not is said in a line."""

import json
import os
from dataclasses import asdict, dataclass, field

import pytest

from warpset.files.json_files import MAX_TEXT_BYTES, as_record, open_regular, read_text


@dataclass
class Boat:
    name: str
    masts: int = 1
    is_afloat: bool = True
    crew: list[str] = field(default_factory=list)
    lengths_m: dict[str, int | float | None] = field(default_factory=dict)


BOAT = Boat("Æolus \udc80", 2, False, ["Ann", "Bo"], {"keel": 7, "deck": 9.5, "mast": None})


def test_a_record_comes_back_as_it_was_written():
    text = json.dumps(asdict(BOAT))
    found = as_record(text, Boat)
    assert found == BOAT and json.dumps(asdict(found)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ("[]", "Expected `object`"),
        ("{}", "missing required field `name`"),
        ('{"name": 3}', r"Expected `str`, got `int` - at `\$.name`"),
        ('{"name": "a", "masts": 1.5}', "Expected `int`"),
        ('{"name": "a", "masts": true}', "Expected `int`, got `bool`"),
        ('{"name": "a", "is_afloat": "no"}', "Expected `bool`"),
        ('{"name": "a", "crew": "Ann"}', "Expected `array`"),
        ('{"name": "a", "crew": [null]}', "Expected `str`, got `null`"),
        ('{"name": "a", "lengths_m": {"keel": NaN}}', "NaN is no finite number"),
        ('{"name": "a", "lengths_m": {"keel": 1e999}}', "1e999 is no finite number"),
        ('{"name": "a", "masts": ' + "9" * 4300 + "}", "a number of 4300 digits"),
        ('{"name": "a", "sails": 3}', "has an unknown field 'sails'"),
        ('{"name": ' + "[" * 40 + "]" * 40 + "}", "nests more than 32 deep"),
        ("[" * 100_000, "nests more than 32 deep"),
    ],
)
def test_what_is_not_sound_is_said(text, reason):
    with pytest.raises(ValueError, match=reason):
        as_record(text, Boat)


def test_nothing_waits_for_the_other_end_of_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match="no regular file"):
            open_regular(path)


def test_a_text_that_would_fill_the_memory_is_refused(tmp_path):
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(19 * 2**30)
    with pytest.raises(ValueError, match=f"more than {MAX_TEXT_BYTES} bytes"):
        read_text(path)
