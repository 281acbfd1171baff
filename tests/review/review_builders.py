"""What tests of the review page share: running the script, reading its page, using a browser."""

import contextlib
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import review_dataset
from tests.pair_builders import pixels
from tests.review.browser import KEY_CODES, Browser

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


@contextlib.contextmanager
def restored_logging() -> Iterator[None]:
    """Leave the root logger as it was: scripts set it up for their own process."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:], root.level = handlers, level


def review(output: Path, *flags: str) -> int:
    """Run the script on an output folder; its exit code."""
    with restored_logging():
        return review_dataset.main([str(output), *flags])


def no_report(line: str) -> None:
    """Take no line about a problem."""
    raise AssertionError(line)


def page_data(output: Path) -> dict:
    """The data that the page's scripts read."""
    html = (output / "review.html").read_text()
    (text,) = re.findall(r'<script type="application/json" id="dataset">(.*?)</script>', html)
    return json.loads(text)


def the_rows(output: Path) -> dict[str, dict]:
    """The page's rows by `<scene>/<pair>`."""
    return {f"{row['scene']}/{row['name']}": row for row in page_data(output)["pairs"]}


def strip_of(output: Path, key: str) -> np.ndarray:
    """The pixels of a pair's strip of tiles."""
    return pixels(output / "review_files" / f"{the_rows(output)[key]['thumbnail']}.jpg")


def open_page(browser: Browser, output: Path) -> None:
    """Make the page of an output folder and open it from disk."""
    assert review(output, "--quiet") == 0
    browser.open((output / "review.html").as_uri())


def text(browser: Browser, element: str) -> str:
    """What an element, named by its id, says."""
    return browser.evaluate(f"document.getElementById({json.dumps(element)}).textContent")


def keys_shown(browser: Browser) -> list[str]:
    """The pairs in the list, in order."""
    return browser.evaluate("shown.map((pair) => pair.key)")


def set_field(browser: Browser, element: str, value: object) -> None:
    """Type into a field or choose from it."""
    browser.evaluate(f"""(() => {{
        const field = document.querySelector({json.dumps(element)});
        field.value = {json.dumps(value)};
        field.dispatchEvent(new Event("input", {{ bubbles: true }}));
    }})()""")


def box_of(browser: Browser, element: str) -> list[float]:
    """Left, top, width and height of an element in CSS pixels."""
    return browser.evaluate(f"""(() => {{
        const box = document.querySelector({json.dumps(element)}).getBoundingClientRect();
        return [box.left, box.top, box.width, box.height];
    }})()""")


def hold(browser: Browser, key: str, repeats: int = 3) -> None:
    """Press a key, named as `KeyboardEvent.key` is, and hold it down until it has repeated."""
    text = {"Enter": "\r"}.get(key, key)
    named = {"key": key, "windowsVirtualKeyCode": KEY_CODES.get(key, ord(text.upper()))}
    for is_repeat in [False] + [True] * repeats:
        browser.call(
            "Input.dispatchKeyEvent", type="keyDown", text=text, autoRepeat=is_repeat, **named
        )
    browser.call("Input.dispatchKeyEvent", type="keyUp", **named)


def picture_seen(browser: Browser, path: Path) -> np.ndarray:
    """(h, w, 3) of what is drawn where the large picture is."""
    left, top, width, height = box_of(browser, "#picture")
    clip = {"x": left, "y": top, "width": width, "height": height, "scale": 1}
    browser.screenshot(path, clip=clip)
    return pixels(path)[..., :3].astype(int)


def large_pictures_are_there(browser: Browser) -> None:
    """Wait until the current pair is shown at full size."""
    pictures = "[...document.querySelectorAll('.large')]"
    browser.wait_for(f"{pictures}.every((image) => image.complete && image.naturalWidth > 0)")
