"""The review page in a real browser: headless Chromium, from disk and from the server."""

import dataclasses
import json
import logging
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import aitoolkit
import build_warp_dataset
import review_dataset
from review.dataset import ReviewDataset
from review.page import page_html
from review.server import ReviewServer
from tests.pair_builders import a_scene, pixels, rewrite_records, two_scenes

pytest.importorskip("fcntl", reason="the tests' browser needs POSIX pipes")
from tests.browser import CHROMIUM, Browser  # noqa: E402

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

ROOT = Path(__file__).parents[1]
ALL_ROWS_SHOW = """
(() => {
  const seen = document.getElementById("rows").getBoundingClientRect();
  const end = Math.min(seen.bottom, seen.top + shown.length * rowHeight - rowsBox.scrollTop);
  const isDrawn = (image) => image.complete && image.naturalWidth > 0;
  for (let y = seen.top + 3; y < end - 3; y += 10) {
    const row = document.elementFromPoint(seen.left + seen.width / 2, y)?.closest(".row");
    if (!row || ![...row.querySelectorAll("img")].every(isDrawn)) return false;
  }
  return true;
})()
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture
def browser(chromium):
    """The browser with an empty page of usual size; at the end nothing may have been complained."""
    chromium.open("about:blank#")
    chromium.complaints.clear()
    chromium.show_as(1440, 900)
    yield chromium
    assert chromium.complaints == []


@pytest.fixture(autouse=True)
def quiet_logging():
    """Leave the root logger as it was: scripts set it up for their own process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def open_page(browser, output):
    """Make the page of an output folder and open it from disk."""
    assert review_dataset.main([str(output), "--quiet"]) == 0
    browser.open((output / "review.html").as_uri())


def text(browser, element):
    return browser.evaluate(f"document.getElementById({json.dumps(element)}).textContent")


def keys_shown(browser):
    return browser.evaluate("shown.map((pair) => pair.key)")


def set_field(browser, element, value):
    """Type into a field or choose from it."""
    browser.evaluate(f"""(() => {{
        const field = document.querySelector({json.dumps(element)});
        field.value = {json.dumps(value)};
        field.dispatchEvent(new Event("input", {{ bubbles: true }}));
    }})()""")


def box_of(browser, element):
    """Left, top, width and height of an element in CSS pixels."""
    return browser.evaluate(f"""(() => {{
        const box = document.querySelector({json.dumps(element)}).getBoundingClientRect();
        return [box.left, box.top, box.width, box.height];
    }})()""")


def picture_seen(browser, path, element="#picture"):
    """(h, w, 3) of what is drawn where an element is."""
    left, top, width, height = box_of(browser, element)
    clip = {"x": left, "y": top, "width": width, "height": height, "scale": 1}
    browser.screenshot(path, clip=clip)
    return pixels(path)[..., :3].astype(int)


def large_pictures_are_there(browser):
    pictures = "[...document.querySelectorAll('.large')]"
    browser.wait_for(f"{pictures}.every((image) => image.complete && image.naturalWidth > 0)")


# Looking


def test_the_page_opens_from_disk_with_every_picture(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    browser.wait_for(ALL_ROWS_SHOW)
    large_pictures_are_there(browser)
    assert text(browser, "title") == "output"
    assert text(browser, "shown") == "16 of 16 pairs"
    assert text(browser, "counts") == "0 accepted · 0 rejected · 16 to decide"
    assert text(browser, "pair-name") == "garden/0"


def test_the_wipe_shows_splats_to_the_left_and_target_to_the_right(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    browser.press("j")
    large_pictures_are_there(browser)
    browser.evaluate("document.querySelectorAll('.side').forEach((label) => label.remove())")
    splats_and_target = {}
    for kind, share in (("splats", 100), ("target", 0)):
        set_field(browser, "#wipe", share)
        splats_and_target[kind] = picture_seen(browser, tmp_path / "seen.png")
    set_field(browser, "#wipe", 50)
    half = picture_seen(browser, tmp_path / "seen.png")
    width = half.shape[1]
    left, right = slice(20, width // 2 - 40), slice(width // 2 + 40, width - 20)
    assert np.array_equal(half[:, left], splats_and_target["splats"][:, left])
    assert np.array_equal(half[:, right], splats_and_target["target"][:, right])
    middle = slice(width // 2 + 40, width - 40)
    for kind, picture in splats_and_target.items():
        expected = pixels(tmp_path / "output" / "garden" / f"1_{kind}.png")
        height = len(picture)
        shown = picture[10 : height - 10, middle].mean((0, 1))
        columns = slice(round(middle.start * 96 / width), round(middle.stop * 96 / width))
        assert np.abs(shown - expected[:, columns].mean((0, 1))).max() < 5, kind


def test_the_wipe_follows_keys_and_the_pointer(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    browser.press("ArrowRight", "ArrowRight")
    assert browser.evaluate("wipe.value") == "60"
    browser.press("ArrowLeft")
    assert browser.evaluate("wipe.ariaValueText") == "55 % splats"
    left, top, width, height = box_of(browser, "#picture")
    middle = top + height / 2
    browser.drag((left + 0.55 * width, middle), (left + 0.2 * width, middle))
    assert abs(int(browser.evaluate("wipe.value")) - 20) <= 1
    divider = box_of(browser, ".divider")[0] + 1
    assert abs(divider - (left + 0.2 * width)) < 0.01 * width


def test_keys_show_the_other_pictures(browser, tmp_path):
    output = two_scenes(tmp_path)
    open_page(browser, output)
    for key, kind in (("2", "reference"), ("3", "mask"), ("4", "difference")):
        browser.press(key)
        large_pictures_are_there(browser)
        assert browser.evaluate("document.querySelector('.large').alt") == f"{kind} of garden/0"
    assert "grey: holes, not compared" in text(browser, "legend")
    browser.press("1")
    assert browser.evaluate("document.querySelectorAll('.large').length") == 2


def test_a_mask_that_was_not_saved_is_said_to_be_so(browser, tmp_path):
    a_scene(tmp_path / "output", with_masks=False)
    open_page(browser, tmp_path / "output")
    assert browser.evaluate("document.querySelector('.row .absent').textContent") == "not saved"
    browser.press("3")
    assert "was not saved" in text(browser, "nothing")
    browser.press("4")
    assert "holes are compared like the rest" in text(browser, "legend")


def test_pairs_that_were_not_written_show_their_reason_and_take_no_choice(browser, tmp_path):
    folder = a_scene(tmp_path / "output", photos=2)

    def reject_the_first(record):
        is_first = record.name == "0"
        reason = {"rejected": "coverage 0.4 is below 0.5", "files": {}}
        return dataclasses.replace(record, **reason) if is_first else record

    rewrite_records(folder, reject_the_first)
    open_page(browser, tmp_path / "output")
    assert text(browser, "nothing") == "Not written by the builder: coverage 0.4 is below 0.5"
    browser.press("a")
    assert text(browser, "counts") == "0 accepted · 0 rejected · 1 to decide"
    set_field(browser, "#state", "unwritten")
    assert keys_shown(browser) == ["garden/0"]


# Finding


def in_both_scenes(*names):
    return [f"{scene}/{name}" for scene in ("garden", "room") for name in names]


def test_pairs_are_filtered_by_scene_name_and_score(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    set_field(browser, "#scene", "room")
    assert len(keys_shown(browser)) == 8
    set_field(browser, "#search", "2_REV")
    assert keys_shown(browser) == ["room/2_reverse"]
    browser.evaluate("byId('reset').click()")
    set_field(browser, "[aria-label='least psnr']", "23")
    assert keys_shown(browser) == in_both_scenes("3", "3_reverse", "4")
    set_field(browser, "[aria-label='greatest psnr']", "23.5")
    assert len(keys_shown(browser)) == 4
    set_field(browser, "#search", "nowhere")
    assert text(browser, "pair-name") == "No pair matches the filters"


def test_pairs_are_sorted_by_a_score_both_ways(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    set_field(browser, "#sort", "psnr")
    assert keys_shown(browser)[:2] == ["garden/0", "room/0"]
    browser.evaluate("byId('direction').click()")
    assert keys_shown(browser)[:2] == ["garden/4", "room/4"]
    assert text(browser, "pair-name") == "garden/0", "the current pair stays"


def test_dragging_over_a_histogram_keeps_a_range_and_a_click_gives_it_back(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    left, top, width, height = box_of(browser, ".histogram:nth-child(2) svg")
    browser.drag((left + 0.4 * width, top + 20), (left + 0.6 * width, top + 20))
    assert keys_shown(browser) == in_both_scenes("2", "2_reverse")
    browser.drag((left + 0.4 * width, top + 20), (left + 0.4 * width, top + 20))
    assert len(keys_shown(browser)) == 16


def test_histograms_count_all_pairs_and_those_shown(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    names = browser.evaluate("histograms.map((histogram) => histogram.measure.name)")
    assert names == ["coverage", "psnr", "turn", "step"]
    summary = "document.querySelector('.histogram svg').getAttribute('aria-label')"
    assert browser.evaluate(summary).startswith("Coverage of 16 pairs: 0.500 to 0.900")
    set_field(browser, "#scene", "room")
    heights = "(name) => histograms[1].bars[name].map((bar) => Number(bar.getAttribute('height')))"
    total, shown = (browser.evaluate(f"({heights})('{name}')") for name in ("total", "shown"))
    assert max(total) == 1 and max(shown) == 0.5


# Choosing


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


@pytest.fixture
def server(tmp_path):
    dataset = ReviewDataset(two_scenes(tmp_path), print, quiet=True)
    with ReviewServer(dataset) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_served_choices_are_written_at_once_and_honoured_by_the_export(browser, server, tmp_path):
    browser.open(server.url)
    browser.wait_for(ALL_ROWS_SHOW)
    browser.press("a", "r", "a", "a")
    browser.wait_for("unsent.size === 0 && !isSending")
    assert text(browser, "saved") == "Saved in accept.txt and reject.txt."
    output = tmp_path / "output"
    kept = (output / "accept.txt").read_text().splitlines()[1:]
    assert kept == ["garden/0", "garden/1_reverse", "garden/2"]
    assert export(tmp_path, "--accept-list", str(output / "accept.txt")) == 3
    assert export(tmp_path, "--reject-list", str(output / "reject.txt")) == 15
    browser.open(server.url + "?again")
    assert text(browser, "counts") == "3 accepted · 1 rejected · 12 to decide"


def test_a_choice_that_cannot_be_written_is_said_and_sent_again(browser, server, tmp_path):
    browser.open(server.url)
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


# Names that nobody should have


def test_hostile_names_stay_text(browser, tmp_path):
    output, scene = tmp_path / "output", "<img src=x onerror=window.ran=1>"
    folder = a_scene(output, scene, photos=3)
    breaks_out = "</script><script>window.ran=1</script>"

    def spoil(record):
        if record.is_reverse:
            return dataclasses.replace(record, rejected=breaks_out, files={})
        return dataclasses.replace(record, reference=f"{breaks_out}.png")

    rewrite_records(folder, spoil)
    open_page(browser, output)
    browser.wait_for(ALL_ROWS_SHOW)
    seen = browser.evaluate("document.body.innerText")
    assert scene in seen and breaks_out in seen
    browser.press("j", "a")
    large_pictures_are_there(browser)
    assert browser.evaluate("window.ran === undefined")
    assert browser.evaluate("document.querySelectorAll('[onerror]').length") == 0
    assert f"{scene}/1\n" in browser.evaluate("listText('accept')")


@pytest.mark.parametrize("name", ["a b", "100%", "a#b?c=d", "ünï-雪", "'\"&amp;", "javascript:x"])
def test_pictures_of_scenes_with_odd_names_are_found(browser, tmp_path, name):
    a_scene(tmp_path / "output", name, photos=2)
    open_page(browser, tmp_path / "output")
    browser.wait_for(ALL_ROWS_SHOW)
    large_pictures_are_there(browser)


def test_a_script_of_anyone_else_does_not_run(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    browser.evaluate("""(() => {
        const script = document.createElement("script");
        script.textContent = "window.ran = 1";
        document.body.append(script);
    })()""")
    assert browser.evaluate("window.ran === undefined")
    assert any("Content Security Policy" in line for line in browser.complaints)
    browser.complaints.clear()


# Many pairs, small windows, dark rooms


def many_pairs(output, count):
    """A page of many rows that share the pictures of a few pairs; returns its address."""
    rows = ReviewDataset(output, print, quiet=True).rows
    many = [rows[i % len(rows)] | {"name": f"pair {i}", "id": str(i)} for i in range(count)]
    data = {"name": "many", "id": "many", "served": False, "thumbnails": "review_files"}
    data |= {"choices": {}, "foreign": {"accept": [], "reject": []}, "fullScaleLevels": 64}
    page = output / "many.html"
    page.write_text(page_html(data | {"pairs": many}, connects=False))
    return page.as_uri()


def test_five_thousand_pairs_scroll_without_blank_rows(browser, tmp_path):
    browser.open(many_pairs(two_scenes(tmp_path), 5000))
    browser.wait_for(ALL_ROWS_SHOW)
    blank = browser.evaluate("""(async () => {
        const drawn = () => new Promise((resolve) => requestAnimationFrame(resolve));
        const box = rowsBox.getBoundingClientRect();
        let blank = 0;
        for (let step = 0; step < 60; step++) {
            rowsBox.scrollTop += step % 10 ? 700 : 40000;
            await drawn();
            for (let y = box.top + 3; y < box.bottom - 3; y += 20) {
                if (!document.elementFromPoint(box.left + 50, y).closest(".row")) blank += 1;
            }
        }
        return blank;
    })()""")
    assert blank == 0
    assert browser.evaluate("rowsBox.scrollTop > 200000")
    browser.wait_for(ALL_ROWS_SHOW)
    assert browser.evaluate("document.querySelectorAll('.row').length") < 60


def test_the_last_of_five_thousand_pairs_is_reached_by_a_key(browser, tmp_path):
    browser.open(many_pairs(two_scenes(tmp_path), 5000))
    browser.evaluate("rowsBox.focus()")
    browser.press("End")
    assert text(browser, "pair-name").endswith("/pair 4999")
    browser.wait_for(ALL_ROWS_SHOW)
    active = browser.evaluate("""(() => {
        const row = document.getElementById(rowsBox.getAttribute("aria-activedescendant"));
        return [row.getAttribute("aria-selected"), row.ariaPosInSet, row.ariaSetSize];
    })()""")
    assert active == ["true", "5000", "5000"]
    browser.press("Home")
    assert text(browser, "pair-name").endswith("/pair 0")


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (720, 450), (320, 512)])
def test_nothing_sticks_out_sideways_at_any_size_or_zoom(browser, tmp_path, size):
    open_page(browser, two_scenes(tmp_path))
    browser.show_as(*size, scale=2)
    assert browser.evaluate("document.scrollingElement.scrollWidth") <= size[0]
    cut_off = browser.evaluate("""[...document.querySelectorAll("button, select, dd, h1, h2")]
        .filter((part) => part.offsetParent && part.getBoundingClientRect().right > innerWidth)
        .map((part) => part.outerHTML)""")
    assert cut_off == []
    browser.press("a")
    assert text(browser, "counts").startswith("1 accepted")


def test_the_large_picture_takes_the_window_and_gives_it_back(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    before = box_of(browser, "#picture")[2]
    browser.press("f")
    assert box_of(browser, "#picture")[2] > 1.3 * before
    browser.press("Escape")
    assert box_of(browser, "#picture")[2] == pytest.approx(before)


def test_the_page_is_dark_where_the_system_is(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    ground = "getComputedStyle(document.body).backgroundColor"
    light = browser.evaluate(ground)
    browser.show_as(1440, 900, dark=True)
    assert (light, browser.evaluate(ground)) == ("rgb(244, 243, 240)", "rgb(21, 23, 26)")


def test_every_control_has_a_name(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    tree = browser.call("Accessibility.getFullAXTree")["nodes"]
    roles = "button combobox listbox option radio searchbox slider spinbutton".split()
    controls = [node for node in tree if node.get("role", {}).get("value") in roles]
    assert len(controls) > 40
    assert [node for node in controls if not node["name"]["value"]] == []


# The example


@pytest.mark.slow
def test_the_example_room_is_reviewed_and_exported(browser, tmp_path):
    output = tmp_path / "output"
    asked = ["--input-dir", str(ROOT / "examples" / "scenes"), "--output-dir", str(output)]
    assert build_warp_dataset.main([*asked, "--bidirectional", "--save-mask", "--quiet"]) == 0
    open_page(browser, output)
    browser.wait_for(ALL_ROWS_SHOW)
    browser.press("r", "a", "a", "4")
    large_pictures_are_there(browser)
    (output / "accept.txt").write_text(browser.evaluate("listText('accept')"))
    assert export(tmp_path, "--accept-list", str(output / "accept.txt")) == 2
    with Image.open(next((output / "review_files").glob("*_difference.jpg"))) as picture:
        assert picture.size == (768, 576)
