"""The review page's making: rows, thumbnails, text of the page, lists, the script."""

import dataclasses
import json
import logging
import os
import re
import socket
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import review_dataset
from review import choices, thumbnails
from review.dataset import ReviewDataset
from review.page import PARTS, SCRIPTS, page_html, script_json
from tests.pair_builders import (
    SIZE_WH,
    a_frame_picture,
    a_scene,
    a_splats_picture,
    pixels,
    rewrite_records,
    tree,
    two_scenes,
)

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def quiet_logging():
    """Leave the root logger as it was: scripts set it up for their own process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def review(output, *flags):
    return review_dataset.main([str(output), "--quiet", *flags])


def no_report(line):
    raise AssertionError(line)


def the_line(capsys):
    """The one line said to a user about what went wrong."""
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.strip().splitlines()
    return line


def page_data(output):
    """The data that the page's scripts read."""
    html = (output / "review.html").read_text()
    (text,) = re.findall(r'<script type="application/json" id="dataset">(.*?)</script>', html)
    return json.loads(text)


def the_rows(output):
    return {f"{row['scene']}/{row['name']}": row for row in page_data(output)["pairs"]}


def strip_of(output, key):
    return pixels(output / "review_files" / f"{the_rows(output)[key]['thumbnail']}.jpg")


def a_rejected_pair(record):
    return dataclasses.replace(record, rejected="coverage 0.4 is below 0.5", files={})


# Rows


def test_every_pair_becomes_a_row_and_two_small_pictures(tmp_path):
    output = two_scenes(tmp_path)
    assert review(output) == 0
    rows = the_rows(output)
    assert list(rows)[:3] == ["garden/0", "garden/1", "garden/1_reverse"]
    assert len(rows) == 16
    assert len(list((output / "review_files").iterdir())) == 32
    assert rows["room/2"]["size"] == list(SIZE_WH)
    assert rows["room/2"]["photos"] == {"reference": "1.png", "target": "2.png"}


def test_scores_and_camera_motion_come_from_the_record(tmp_path):
    output = two_scenes(tmp_path)
    review(output)
    row = the_rows(output)["room/2"]
    assert row["measures"]["psnr"] == 22.0 and row["measures"]["ssim"] is None
    assert row["measures"]["turn"] == pytest.approx(12.0)
    chord = 2 * 4 * np.sin(np.radians(6))
    assert row["measures"]["step"] == pytest.approx(chord, abs=1e-6)
    assert row["motion"] == "12 degrees right, level, at the same distance"


@pytest.mark.parametrize("cameras", [{}, {"target": None}, {"target": {"cam_from_world": [[1]]}}])
def test_a_record_without_cameras_has_no_motion(tmp_path, cameras):
    a_scene(tmp_path / "output", photos=2, cameras=cameras)
    assert review(tmp_path / "output") == 0
    row = the_rows(tmp_path / "output")["garden/1"]
    assert row["measures"]["turn"] is row["measures"]["step"] is row["motion"] is None


def test_pairs_that_the_builder_rejected_stand_there_with_their_reason(tmp_path):
    output = tmp_path / "output"
    rewrite_records(a_scene(output, photos=2), a_rejected_pair)
    assert review(output) == 0
    row = the_rows(output)["garden/1"]
    assert row["rejected"] == "coverage 0.4 is below 0.5"
    assert row["thumbnail"] is None and row["files"] == {}
    assert ReviewDataset(output, no_report, quiet=True).keys == []


def test_a_pair_made_anew_is_another_one_and_an_added_mask_is_not(tmp_path):
    output = tmp_path / "output"
    folder = a_scene(output, photos=2)
    review(output)
    before = the_rows(output)["garden/1"]["id"]
    without = lambda record: dataclasses.replace(record, files=dict(list(record.files.items())[:3]))  # noqa: E731
    rewrite_records(folder, without)
    review(output)
    assert the_rows(output)["garden/1"]["id"] == before
    rewrite_records(folder, lambda record: dataclasses.replace(record, options={"sigma": 3}))
    review(output)
    assert the_rows(output)["garden/1"]["id"] != before


# Thumbnails


def test_a_strip_shows_splats_target_reference_mask_and_difference(tmp_path):
    output = tmp_path / "output"
    a_scene(output, photos=3)
    review(output)
    tiles = np.split(strip_of(output, "garden/2").astype(int), 5, axis=1)
    splats, target = a_splats_picture("garden", 1, 2), a_frame_picture("garden", 2)
    mask = splats[..., 2] % 2 * 255
    expected = [splats, target, a_frame_picture("garden", 1), np.repeat(mask[..., None], 3, 2)]
    expected.append(thumbnails.difference_picture(splats, target, mask >= 128))
    for tile, picture in zip(tiles, expected, strict=True):
        assert np.abs(tile.mean((0, 1)) - picture.mean((0, 1))).max() < 6


def plain_difference(splats, target, hole):
    """The slow twin: level by level what the colour map is asked for."""
    levels = np.abs(splats.astype(float) - target.astype(float)).mean(-1)
    gray = np.round(np.minimum(1, levels / 64) * 255).astype(np.uint8)
    whole_map = thumbnails.difference_picture(*_gray_ramp(), None)[0]
    return np.where(hole[..., None], 128, whole_map[gray])


def _gray_ramp():
    """A row of differences that ask for each of the 256 colours once."""
    target = np.zeros((1, 256, 3), np.uint8)
    splats = target.copy()
    total = np.round(np.arange(256) * 64 / 255 * 3).astype(int)
    for channel in range(3):
        splats[0, :, channel] = total // 3 + (channel < total % 3)
    return splats, target


def test_the_difference_is_the_mean_of_the_channels_outside_holes():
    rng = np.random.default_rng(0)
    target = rng.integers(60, 190, (9, 12, 3), dtype=np.uint8)
    splats = (target + rng.integers(-60, 60, target.shape)).astype(np.uint8)
    hole = rng.random((9, 12)) < 0.3
    found = thumbnails.difference_picture(splats, target, hole)
    assert np.abs(found.astype(int) - plain_difference(splats, target, hole)).max() <= 6


def test_equal_pictures_have_a_black_difference_and_holes_a_grey_one():
    picture = a_frame_picture("garden", 1)
    hole = np.zeros(picture.shape[:2], bool)
    hole[:, :10] = True
    found = thumbnails.difference_picture(picture, picture, hole)
    assert found[~hole].max() < 8
    assert (found[hole] == 128).all()


def test_without_a_saved_mask_nothing_is_made_up(tmp_path):
    output = tmp_path / "output"
    a_scene(output, photos=2, with_masks=False)
    review(output)
    assert "mask" not in the_rows(output)["garden/1"]["files"]
    tile = np.split(strip_of(output, "garden/1"), 5, axis=1)[3]
    away_from_neighbours = tile[:, 8:-8].astype(int)  # JPEG's colours bleed
    assert np.abs(away_from_neighbours - 128).max() <= 2


def changes(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_what_is_there_is_not_made_again(tmp_path):
    output = two_scenes(tmp_path)
    review(output)
    before = changes(output / "review_files")
    review(output)
    assert changes(output / "review_files") == before


def test_a_changed_picture_is_made_again_and_its_old_thumbnails_go(tmp_path):
    output = two_scenes(tmp_path)
    review(output)
    before = changes(output / "review_files")
    (output / "review_files" / "mine.txt").write_text("a note")
    Image.fromarray(a_frame_picture("garden", 9)).save(output / "room" / "2_splats.png")
    review(output)
    after = changes(output / "review_files")
    assert len(after.keys() - before.keys()) == 3 and "mine.txt" in after
    assert len(before.keys() - after.keys()) == 2
    assert all(after[name] == before[name] for name in after.keys() & before.keys())


def test_a_run_that_was_killed_goes_on(tmp_path):
    output = two_scenes(tmp_path)
    review(output)
    before = tree(output)
    strips = [path for path in (output / "review_files").iterdir() if "_" not in path.name]
    for strip in strips[:5]:
        strip.unlink()
    (output / "review_files" / f".{strips[0].name}.partial").write_bytes(b"half")
    (output / "review.html").unlink()
    review(output)
    assert tree(output) == before


def test_large_pictures_come_out_small(tmp_path):
    output = tmp_path / "output"
    folder = a_scene(output, photos=2)
    for path in folder.glob("1_*.png"):
        Image.fromarray(np.zeros((1500, 2000, 3), np.uint8)).save(path)
    review(output)
    name = the_rows(output)["garden/1"]["thumbnail"]
    assert strip_of(output, "garden/1").shape == (192, 5 * 256, 3)
    assert pixels(output / "review_files" / f"{name}_difference.jpg").shape == (576, 768, 3)


# What cannot be shown


def delete(path):
    path.unlink()


def corrupt(path):
    path.write_bytes(b"GIF89a no more")


def resize(path):
    Image.fromarray(a_frame_picture("room", 1, (30, 20))).save(path)


def link_elsewhere(path):
    path.unlink()
    path.symlink_to(path.parents[1] / "garden" / path.name)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (delete, "2_target.png: found no such file"),
        (corrupt, "2_target.png: cannot be read as a photo"),
        (resize, "found several sizes (splats 96x64, target 30x20"),
        (link_elsewhere, "2_target.png: leads out of its folder"),
    ],
)
def test_a_damaged_pair_is_one_line_and_the_rest_is_shown(tmp_path, capsys, damage, words):
    output = two_scenes(tmp_path)
    damage(output / "room" / "2_target.png")
    assert review(output) == 1
    line = the_line(capsys)
    assert words in line and "pair room/2 is not shown" in line
    rows = the_rows(output)
    assert words in rows["room/2"]["problem"] and rows["room/2"]["thumbnail"] is None
    assert sum(row["thumbnail"] is not None for row in rows.values()) == 15


def test_a_record_that_names_files_elsewhere_is_one_line(tmp_path, capsys):
    output = two_scenes(tmp_path)
    (output / "room" / "pairs.jsonl").write_text(
        (output / "room" / "pairs.jsonl").read_text().replace("2_target.png", "../../secret.png")
    )
    assert review(output) == 1
    assert "names a file outside its folder" in the_line(capsys)
    assert len(the_rows(output)) == 8


def test_a_name_that_no_list_can_hold_is_one_line(tmp_path, capsys):
    output = two_scenes(tmp_path)
    a_scene(output, "a\nroom", photos=2)
    assert review(output) == 1
    assert "cannot stand in a list" in capsys.readouterr().err
    assert len(the_rows(output)) == 16


@pytest.mark.parametrize("score", ["1e999", "NaN", "1" + "0" * 400])
def test_a_score_that_is_no_number_is_one_line(tmp_path, capsys, score):
    output = two_scenes(tmp_path)
    path = output / "room" / "pairs.jsonl"
    path.write_text(path.read_text().replace('"psnr": 21.0', f'"psnr": {score}'))
    assert review(output) == 1
    assert "room/pairs.jsonl: the record of" in the_line(capsys)


# Lists

KEYS = ["garden/1", "garden/2", "room/1"]


def test_choices_go_to_their_lists_in_the_order_of_the_pairs(tmp_path):
    changed = {"room/1": "accept", "garden/2": "reject", "garden/1": "accept"}
    choices.change_choices(tmp_path, KEYS, changed)
    comment, *lines = (tmp_path / "accept.txt").read_text().splitlines()
    assert comment.startswith("#") and lines == ["garden/1", "room/1"]
    assert (tmp_path / "reject.txt").read_text().splitlines()[1:] == ["garden/2"]
    assert choices.read_choices(tmp_path, set(KEYS)).by_key == changed


def test_a_choice_can_change_and_be_taken_back(tmp_path):
    choices.change_choices(tmp_path, KEYS, {"room/1": "accept", "garden/2": "reject"})
    choices.change_choices(tmp_path, KEYS, {"room/1": "reject", "garden/2": None})
    assert choices.read_choices(tmp_path, set(KEYS)).by_key == {"room/1": "reject"}


def test_comments_and_other_pairs_stay_in_a_list(tmp_path):
    (tmp_path / "accept.txt").write_text("# seen in June\nattic/7\n\nroom/1\r\n# end\n")
    choices.change_choices(tmp_path, KEYS, {"garden/1": "accept"})
    text = (tmp_path / "accept.txt").read_text()
    assert text == "# seen in June\nattic/7\n\n# end\ngarden/1\nroom/1\n"


def test_a_pair_in_both_lists_is_rejected_as_the_layout_scripts_do(tmp_path):
    for name in ("accept.txt", "reject.txt"):
        (tmp_path / name).write_text("room/1\n")
    assert choices.read_choices(tmp_path, set(KEYS)).by_key == {"room/1": "reject"}


@pytest.mark.parametrize(
    "wrong", [{"room/9": "accept"}, {"room/1": "maybe"}, {"room/1": ["accept"]}]
)
def test_a_choice_of_no_such_pair_or_kind_writes_nothing(tmp_path, wrong):
    with pytest.raises(ValueError, match="need a pair of the page"):
        choices.change_choices(tmp_path, KEYS, {"garden/1": "accept", **wrong})
    assert list(tmp_path.iterdir()) == []


def test_lists_that_are_there_reach_the_page(tmp_path):
    output = two_scenes(tmp_path)
    (output / "accept.txt").write_text("# mine\nroom/1\nattic/1\n")
    assert review(output) == 0
    data = page_data(output)
    assert data["choices"] == {"room/1": "accept"}
    assert data["foreign"]["accept"] == ["# mine", "attic/1"]


# The page's text


class Tags(HTMLParser):
    """Collects the tags of a document with their attributes."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, attrs))


HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "<img src=x onerror=alert(1)>",
    "\u2028&quot;'\"\\",
    "$policy ${data}",
]


def test_no_text_of_the_data_becomes_markup():
    tame = page_html({"pairs": ["a"]}, connects=False)
    wild = page_html({"pairs": HOSTILE}, connects=False)
    assert Tags(wild).found == Tags(tame).found
    assert "alert(1)>" not in wild


def test_data_is_read_back_as_it_was():
    text = script_json(HOSTILE)
    assert json.loads(text) == HOSTILE
    assert text.isascii() and not set("<>&") & set(text)


def test_the_page_needs_no_address():
    html = page_html({}, connects=False)
    assert not re.findall(r"(?:src|href)=[\"'](?!#|data:)", html)
    assert set(re.findall(r"\w+://[^\s\"']+", html)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in html and "connect-src 'none'" in html
    assert "unsafe" not in html


def test_scripts_put_text_into_the_document_as_text_only():
    script = "".join((PARTS / name).read_text() for name in SCRIPTS)
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
    ):
        assert way not in script


def test_every_script_is_joined():
    assert sorted(SCRIPTS) == sorted(path.name for path in PARTS.glob("*.js"))


def luminance(color):
    """Relative luminance of WCAG 2."""
    shares = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_ground(theme):
    style = (PARTS / "page.css").read_text()
    block = style.split(":root {")[1 if theme == "light" else 2].split("}")[0]
    colors = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
    for text in ("ink", "muted", "accent", "accept", "reject"):
        for ground in ("ground", "surface", "sunken", "accent-soft"):
            assert contrast(colors[text], colors[ground]) >= 4.5, (text, ground)
    for strong in ("accept", "reject"):
        assert contrast(colors["on-strong"], colors[strong]) >= 4.5
    assert contrast(colors["control-line"], colors["surface"]) >= 3


# The script


def test_the_script_says_what_it_made(tmp_path, capsys):
    output = two_scenes(tmp_path)
    assert review_dataset.main([str(output)]) == 0
    said = capsys.readouterr().err
    assert "review.html: 16 pairs to review, 0 problems" in said
    assert "thumbnails: 100%" in said


def test_a_missing_folder_is_one_line(tmp_path, capsys):
    assert review(tmp_path / "gone") == 1
    assert "gone: found no such folder, need the pairs" in the_line(capsys)


def test_a_folder_without_pairs_is_one_line(tmp_path, capsys):
    assert review(tmp_path) == 1
    assert "found no pairs to review" in the_line(capsys)


def test_a_scene_in_the_thumbnails_place_is_one_line(tmp_path, capsys):
    a_scene(tmp_path / "output", "Review_files", photos=2)
    assert review(tmp_path / "output") == 1
    assert "is a scene, need the name for thumbnails" in the_line(capsys)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, capsys):
    output = two_scenes(tmp_path)
    (output / "review_files").write_text("in the way")
    assert review(output) == 1
    assert "output: cannot be written" in the_line(capsys)


def test_a_full_disk_is_one_line_and_leaves_no_half_file(tmp_path, capsys, monkeypatch):
    output = two_scenes(tmp_path)
    write = Path.write_bytes

    def fails(path, content):
        write(path, content[:10])
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", fails)
    assert review(output) == 1
    assert "No space left on device" in the_line(capsys)
    assert list((output / "review_files").iterdir()) == []


def test_a_list_that_cannot_be_read_is_one_line(tmp_path, capsys):
    output = two_scenes(tmp_path)
    (output / "reject.txt").write_bytes(b"\xff\xfe\x00")
    assert review(output) == 1
    assert "reject.txt: cannot be read" in the_line(capsys)


def test_a_port_that_is_taken_is_one_line(tmp_path, capsys):
    output = two_scenes(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert review(output, "--serve", "--port", port) == 1
    assert f"--port {port}: cannot be listened on" in the_line(capsys)


@pytest.mark.parametrize("flags", [[], ["out", "--port", "70000"], ["out", "--servee"]])
def test_a_wrong_command_line_is_one_line_and_code_two(capsys, flags):
    with pytest.raises(SystemExit) as stop:
        review_dataset.main(flags)
    assert stop.value.code == 2
    assert "review_dataset.py:" in the_line(capsys)


def test_flags_have_help_and_a_line_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    section = readme.split("## Looking at pairs")[1].split("\n## ")[0]
    flags = {
        a.option_strings[-1]: a for a in review_dataset.make_parser()._actions if a.option_strings
    }
    del flags["--help"]
    assert all(action.help for action in flags.values())
    assert set(re.findall(r"^\| `(--[\w-]+)", section, re.M)) == set(flags)
