"""Accepting and rejecting in headless Chromium: kept, downloaded, served, and then exported."""

import dataclasses
import threading
from pathlib import Path

import pytest
from PIL import Image

import aitoolkit
import build_warp_dataset
from tests.pair_builders import rewrite_records, two_scenes
from tests.review.review_builders import (
    ALL_ROWS_SHOW,
    hold,
    large_pictures_are_there,
    open_page,
    restored_logging,
    set_field,
    text,
)

pytest_plugins = ["tests.review.review_fixtures"]

ROOT = Path(__file__).parents[2]


def test_keys_choose_and_go_on(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    browser.press("a", "r", "j", "a", "k", "ArrowDown", "ArrowUp", "ArrowUp")
    assert text(browser, "counts") == "2 accepted · 1 rejected · 13 to decide"
    assert text(browser, "pair-name") == "garden/1_reverse"
    assert browser.evaluate("[...choices]") == [
        ["garden/0", "accept"],
        ["garden/1", "reject"],
        ["garden/2", "accept"],
    ]
    browser.press("k", "u")
    assert text(browser, "counts") == "2 accepted · 0 rejected · 14 to decide"
    browser.press("j", "j")
    assert text(browser, "pair-state") == "✓ accepted"


def test_choices_survive_a_reload_but_not_a_pair_made_anew(browser, tmp_path):
    output = two_scenes(tmp_path)
    open_page(browser, output)
    browser.press("a", "r")
    browser.open("about:blank#")
    open_page(browser, output)
    assert browser.evaluate("[...choices]") == [["garden/0", "accept"], ["garden/1", "reject"]]
    rewrite_records(
        output / "garden", lambda r: dataclasses.replace(r, options={"sigma": r.target})
    )
    browser.open("about:blank#")
    open_page(browser, output)
    assert text(browser, "counts") == "0 accepted · 0 rejected · 16 to decide"


def test_another_dataset_has_choices_of_its_own(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path / "one"))
    browser.press("a")
    open_page(browser, two_scenes(tmp_path / "other"))
    assert text(browser, "counts").startswith("0 accepted")


def test_all_shown_pairs_are_chosen_at_once_after_asking(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    browser.evaluate("window.confirm = (question) => { window.asked = question; return true; }; 0")
    set_field(browser, "#scene", "room")
    browser.evaluate("byId('reject-shown').click()")
    assert browser.evaluate("asked") == "Reject all 8 pairs shown?"
    assert text(browser, "counts") == "0 accepted · 8 rejected · 8 to decide"
    browser.evaluate("window.confirm = () => false; 0")
    browser.evaluate("byId('clear-shown').click()")
    assert text(browser, "counts") == "0 accepted · 8 rejected · 8 to decide"


def test_deciding_walks_through_what_is_left_to_decide(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    set_field(browser, "#state", "open")
    browser.press("a", "r", "a")
    assert text(browser, "pair-name") == "garden/2"
    assert text(browser, "shown") == "13 of 16 pairs"


@pytest.mark.parametrize(("key", "state"), [("a", "✓ accepted"), ("r", "✕ rejected")])
def test_a_key_held_down_decides_one_pair(browser, tmp_path, key, state):
    open_page(browser, two_scenes(tmp_path))
    hold(browser, key)
    assert text(browser, "pair-name") == "garden/1"
    browser.press("k")
    assert text(browser, "pair-state") == state
    assert text(browser, "counts").endswith("15 to decide")
    hold(browser, "j")
    assert text(browser, "pair-name") == "garden/2_reverse", "moving goes on"


@pytest.mark.parametrize("button", ["accept", "reject"])
def test_enter_held_down_on_a_button_decides_one_pair(browser, tmp_path, button):
    open_page(browser, two_scenes(tmp_path))
    browser.evaluate(f"byId('{button}').focus()")
    hold(browser, "Enter")
    assert text(browser, "counts").endswith("15 to decide")


def test_typing_a_name_chooses_nothing(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    browser.press("/", "a", "r")
    assert browser.evaluate("byId('search').value") == "ar"
    assert text(browser, "counts").startswith("0 accepted · 0 rejected")


def test_single_keys_can_be_switched_off(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    browser.press("?")
    assert browser.evaluate("byId('help').open")
    browser.press("a")
    browser.evaluate("byId('single-keys').click()")
    browser.press("Escape", "a", "r", "?")
    assert not browser.evaluate("byId('help').open")
    assert text(browser, "counts").startswith("0 accepted · 0 rejected")


def export(tmp_path, *flags):
    """How many pairs AI Toolkit's export takes."""
    folder = tmp_path / "exported"
    place = ["--output-dir", str(tmp_path / "output"), "--aitoolkit-dir", str(folder)]
    with restored_logging():
        assert aitoolkit.main([*place, "--quiet", *flags]) == 0
    return len(list((folder / "target").iterdir()))


def test_downloaded_lists_are_honoured_by_the_export(browser, tmp_path):
    output = two_scenes(tmp_path)
    (output / "accept.txt").write_text("# kept\nroom/4\n")
    downloads = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.call("Browser.setDownloadBehavior", **downloads)
    open_page(browser, output)
    browser.press("a", "a", "r")
    for choice in ("accept", "reject"):
        browser.evaluate(f"byId('download-{choice}').click()")
        wait_until(lambda choice=choice: (tmp_path / f"{choice}.txt").exists())
    assert (tmp_path / "accept.txt").read_text() == "# kept\ngarden/0\ngarden/1\nroom/4\n"
    assert export(tmp_path, "--accept-list", str(tmp_path / "accept.txt")) == 3
    assert export(tmp_path, "--reject-list", str(tmp_path / "reject.txt")) == 15


def wait_until(condition, seconds=10):
    """Wait for something outside the browser."""
    waiting = threading.Event()
    for _ in range(seconds * 100):
        if condition():
            return
        waiting.wait(0.01)
    raise AssertionError("waited in vain")


def test_served_choices_are_written_and_honoured_by_the_export(browser, review_server, tmp_path):
    browser.open(review_server.url)
    browser.wait_for(ALL_ROWS_SHOW)
    browser.press("a", "r", "a", "a")
    browser.wait_for("unsent.size === 0 && !isSending")
    assert text(browser, "saved") == "Saved in accept.txt and reject.txt."
    output = tmp_path / "output"
    kept = (output / "accept.txt").read_text().splitlines()[1:]
    assert kept == ["garden/0", "garden/1_reverse", "garden/2"]
    assert export(tmp_path, "--accept-list", str(output / "accept.txt")) == 3
    assert export(tmp_path, "--reject-list", str(output / "reject.txt")) == 17
    browser.open(review_server.url + "?again")
    assert text(browser, "counts") == "3 accepted · 1 rejected · 14 to decide"


def test_a_choice_that_cannot_be_written_is_said_and_sent_again(browser, review_server, tmp_path):
    browser.open(review_server.url)
    spoilt = tmp_path / "output" / "accept.txt"
    spoilt.write_bytes(b"\xff\n")
    browser.press("a")
    browser.wait_for("byId('saved').classList.contains('bad')")
    assert "accept.txt: cannot be read" in text(browser, "saved")
    spoilt.unlink()
    browser.wait_for("unsent.size === 0")
    assert spoilt.read_text().endswith("\ngarden/0\n")
    (complaint,) = browser.complaints
    assert "500" in complaint
    browser.complaints.clear()


# The example


@pytest.mark.slow
def test_the_example_room_is_reviewed_and_exported(browser, tmp_path):
    output = tmp_path / "output"
    asked = ["--input-dir", str(ROOT / "examples" / "scenes"), "--output-dir", str(output)]
    with restored_logging():
        asked += ["--bidirectional", "--save-mask", "--quiet"]
        assert build_warp_dataset.main(asked) == 0
    open_page(browser, output)
    browser.wait_for(ALL_ROWS_SHOW)
    browser.press("r", "a", "a", "4")
    large_pictures_are_there(browser)
    (output / "accept.txt").write_text(browser.evaluate("listText('accept')"))
    assert export(tmp_path, "--accept-list", str(output / "accept.txt")) == 2
    with Image.open(next((output / "review_files").glob("*_difference.jpg"))) as picture:
        assert picture.size == (768, 576)
