"""The review page in headless Chromium: looking, finding, odd names, many pairs, any window."""

import dataclasses

import numpy as np
import pytest

from review.collect import describe_scores
from review.dataset import ReviewDataset
from review.page import page_html
from tests.pair_builders import a_scene, pixels, rewrite_records, two_scenes
from tests.review.review_builders import (
    ALL_ROWS_SHOW,
    box_of,
    keys_shown,
    large_pictures_are_there,
    no_report,
    open_page,
    picture_seen,
    set_field,
    text,
)
from warpset.building.scores import SCORES

pytest_plugins = ["tests.review.review_fixtures"]


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


def test_after_a_wipe_by_the_pointer_keys_do_what_they_always_do(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    left, top, width, height = box_of(browser, "#picture")
    middle = top + height / 2
    browser.drag((left + 0.5 * width, middle), (left + 0.2 * width, middle))
    assert browser.evaluate("document.activeElement === wipe")
    wiped = int(browser.evaluate("wipe.value"))
    browser.press("ArrowRight")
    assert browser.evaluate("wipe.value") == str(wiped + 5)
    browser.press("ArrowDown", "ArrowDown", "ArrowUp")
    assert text(browser, "pair-name") == "garden/1"
    assert browser.evaluate("wipe.value") == str(wiped + 5)


def test_arrows_walk_through_the_pictures_where_these_have_the_focus(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    browser.evaluate("byId('views').querySelector(':checked').focus()")
    browser.press("ArrowDown")
    assert browser.evaluate("currentView()") == "reference"
    assert text(browser, "pair-name") == "garden/0"


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
    assert names == [score.name for score in SCORES if score.is_charted]
    summary = "document.querySelector('.histogram svg').getAttribute('aria-label')"
    assert browser.evaluate(summary).startswith("Hole share of 16 pairs: 0.100 to 0.500")
    set_field(browser, "#scene", "room")
    heights = "(name) => histograms[1].bars[name].map((bar) => Number(bar.getAttribute('height')))"
    total, shown = (browser.evaluate(f"({heights})('{name}')") for name in ("total", "shown"))
    assert max(total) == 1 and max(shown) == 0.5


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
    rows = ReviewDataset(output, no_report, quiet=True).rows
    many = [rows[i % len(rows)] | {"name": f"pair {i}", "id": str(i)} for i in range(count)]
    data = {"name": "many", "id": "many", "served": False, "thumbnails": "review_files"}
    data |= {"choices": {}, "foreign": {"accept": [], "reject": []}, "fullScaleLevels": 64}
    data["measures"] = describe_scores()
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


@pytest.mark.parametrize("size", [(1024, 768), (1440, 900)])
def test_the_large_picture_takes_the_window_whether_filters_are_open_or_not(
    browser, tmp_path, size
):
    open_page(browser, two_scenes(tmp_path))
    browser.show_as(*size)
    browser.press("f")
    whole = box_of(browser, "#stage")
    assert whole[2] > 0.95 * size[0] and whole[3] > 0.95 * size[1]
    browser.press("Escape", "/")
    browser.evaluate("byId('search').blur()")
    before = box_of(browser, "#stage")
    browser.press("f")
    assert box_of(browser, "#stage") == whole
    assert not browser.evaluate("byId('filters').checkVisibility()")
    browser.press("f")
    assert box_of(browser, "#stage") == before


def test_searching_leaves_the_large_picture(browser, tmp_path):
    open_page(browser, two_scenes(tmp_path))
    browser.press("f", "/", "3")
    assert browser.evaluate("byId('search').value") == "3"
    assert not browser.evaluate("document.body.classList.contains('enlarged')")


TWO_FRAMES = """new Promise((resolve) =>
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(null))))"""


def test_behind_the_large_picture_no_row_is_drawn_and_then_the_right_ones(browser, tmp_path):
    browser.open(many_pairs(two_scenes(tmp_path), 5000))
    browser.wait_for(ALL_ROWS_SHOW)
    browser.evaluate("rowsBox.focus()")
    browser.press("End", "f")
    browser.evaluate(TWO_FRAMES)
    assert browser.evaluate("drawnRows.size") < 60
    browser.press(*["k"] * 30)
    browser.evaluate(TWO_FRAMES)
    assert browser.evaluate("drawnRows.size") < 60
    browser.press("f")
    browser.evaluate(TWO_FRAMES)
    browser.wait_for(ALL_ROWS_SHOW)
    assert text(browser, "pair-name").endswith("/pair 4969")
    current = browser.evaluate("""(() => {
        const row = document.getElementById(rowsBox.getAttribute("aria-activedescendant"));
        const [seen, box] = [rowsBox.getBoundingClientRect(), row.getBoundingClientRect()];
        return [row.ariaPosInSet, row.ariaSelected, seen.top <= box.top, box.bottom <= seen.bottom];
    })()""")
    assert current == ["4970", "true", True, True]
    assert browser.evaluate("document.querySelectorAll('[aria-selected=true]').length") == 1


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
