"""Captions."""

import os

import numpy as np
import pytest

from tests.pair_builders import a_camera
from warpset.core.errors import InputError
from warpset.trainers.captions import (
    TEMPLATE_FIELDS,
    Prompts,
    checked_prompt,
    checked_template,
    read_prompt_file,
    read_scene_prompt,
)


def cameras(reference, target):
    return {"reference": reference, "target": target}


STANDING = a_camera(0)


def test_a_template_tells_the_motion():
    target = a_camera(-12)
    target["cam_from_world"][2][3] -= 1  # one step ahead
    prompts = Prompts(template="camera moves {azimuth} ({azimuth_deg}) and {distance}")
    caption = prompts.caption("s/1", cameras(a_camera(0), target))
    assert caption == "camera moves 12 degrees left (-12) and closer"


@pytest.mark.parametrize(
    "broken",
    [{}, {"target": STANDING}, cameras(STANDING, {"cam_from_world": [[1, 2], [3, 4]]})]
    + [cameras(STANDING, {"cam_from_world": np.full((4, 4), np.nan).tolist()})],
)
def test_a_record_without_cameras_cannot_fill_a_template(broken):
    with pytest.raises(ValueError, match="camera of the"):
        Prompts(template="{azimuth}").caption("s/1", broken)


@pytest.mark.parametrize("template", ["{depth}", "{azimuth.__class__}", "{0}", "{azimuth:>9}", "{"])
def test_a_template_may_name_known_fields_only(template):
    with pytest.raises(ValueError):
        checked_template(template)


def test_every_field_is_a_word_or_a_number():
    template = checked_template(" ".join(f"{{{name}}}" for name in TEMPLATE_FIELDS))
    assert "{" not in str(Prompts(template=template).caption("s/1", cameras(STANDING, STANDING)))


@pytest.mark.parametrize("check", [checked_prompt, checked_template])
def test_an_empty_prompt_is_refused(check):
    with pytest.raises(ValueError, match="empty"):
        check(" \n\t")


def test_a_prompt_becomes_one_line():
    assert checked_prompt(" a\nb\r\n  c ") == "a b c"


def test_a_pair_keeps_the_line_it_drew():
    keys = [f"scene/{number}" for number in range(300)]
    before, after = Prompts(tuple("abc")), Prompts(tuple("abcd"))
    drawn = [before.caption(key, {}) for key in keys]
    assert set(drawn) == set("abc")
    redrawn = [after.caption(key, {}) for key in keys]
    assert all(new in (old, "d") for old, new in zip(drawn, redrawn, strict=True))
    assert "d" in redrawn


def test_a_prompt_file_gives_its_lines_without_blanks_and_repetitions(tmp_path):
    path = tmp_path / "prompts.txt"
    path.write_text("\ufeffone\n\n  two  \r\none\n", encoding="utf-8")
    assert read_prompt_file(path) == ("one", "two")


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe\xff"])
def test_a_prompt_file_without_prompts_is_refused(tmp_path, content):
    path = tmp_path / "prompts.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="prompts.txt"):
        read_prompt_file(path)


def test_a_scene_may_have_its_own_prompt(tmp_path):
    assert read_scene_prompt(tmp_path) is None
    (tmp_path / "prompt.txt").write_text("a garden\nin June\n")
    assert read_scene_prompt(tmp_path) == "a garden in June"
    (tmp_path / "prompt.txt").write_text(" \n")
    with pytest.raises(InputError, match=r"prompt\.txt"):
        read_scene_prompt(tmp_path)
    (tmp_path / "prompt.txt").unlink()
    os.mkfifo(tmp_path / "prompt.txt")
    with pytest.raises(InputError, match="no regular file"):
        read_scene_prompt(tmp_path)
