"""How fast the review page is made, opens and scrolls, in headless Chromium.

uv run python benchmarks/review_page.py [--pairs 5000] [--photo 1216x832]

Thumbnails are compared with what cannot be left out: decoding the same pictures, one after the
other. The page is opened from disk by a browser with an empty profile.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
from review.dataset import ReviewDataset
from tests.pair_builders import a_scene
from tests.review.browser import Browser
from warpset.files.photos import read_photo

PAGE_PHOTO_WH = (320, 240)
PHOTOS_PER_SCENE = 51  # 100 pairs in both directions
SCALE_SAMPLE_PHOTOS = 31

FIRST_PICTURES = """
addEventListener("DOMContentLoaded", function look() {
  const images = [...document.querySelectorAll(".row img")];
  const seen = images.filter((image) => image.getBoundingClientRect().top < innerHeight);
  if (seen.length && seen.every((image) => image.complete)) window.picturesMs = performance.now();
  else requestAnimationFrame(look);
});
"""
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
SCROLL = """(async () => {
  const box = rowsBox.getBoundingClientRect();
  const frames = [];
  let rows = 0, blank = 0, last = performance.now();
  for (let step = 0; step < 120; step++) {
    rowsBox.scrollTop += step % 10 ? 900 : 20000;
    await new Promise((resolve) => requestAnimationFrame(resolve));
    for (let y = box.top + 3; y < box.bottom - 3; y += 40) {
      rows += 1;
      blank += !document.elementFromPoint(box.left + 50, y).closest(".row");
    }
    frames.push(performance.now() - last);
    last = performance.now();
  }
  frames.sort((one, other) => one - other);
  return [frames.length, rows, blank, frames[60], frames.at(-1)];
})()"""
DECIDE = """(() => {
  const start = performance.now();
  for (let time = 0; time < 50; time++) decide("accept");
  return (performance.now() - start) / 50;
})()"""


def thumbnails(folder: Path, photo_wh: tuple[int, int]) -> None:
    """Print how long thumbnails of pictures of a real size take."""
    scene = a_scene(folder, photos=SCALE_SAMPLE_PHOTOS, size_wh=photo_wh)
    texture = np.random.default_rng(0).integers(0, 12, (photo_wh[1], photo_wh[0], 1), np.uint8)
    pictures = sorted(scene.glob("*.png"))
    for path in pictures:
        if not path.stem.endswith("mask"):
            Image.fromarray(read_photo(path) // 2 + texture).save(path)
    start = time.perf_counter()
    for path in pictures:
        read_photo(path)
    decoding = time.perf_counter() - start
    start = time.perf_counter()
    count = len(ReviewDataset(folder, print, quiet=True).rows)
    seconds = time.perf_counter() - start
    size = sum(path.stat().st_size for path in (folder / "review_files").iterdir())
    print(
        f"thumbnails of {photo_wh[0]}x{photo_wh[1]} PNG: {1e3 * seconds / count:.0f} ms a pair on "
        f"{os.cpu_count()} cores, {seconds / decoding:.2f} x decoding on one, "
        f"{size / count / 1e3:.0f} kB a pair"
    )


def page(folder: Path, count: int, runs: int) -> None:
    """Print how long many pairs take to be made, opened and scrolled."""
    for scene in range(round(count / (2 * PHOTOS_PER_SCENE - 2))):
        a_scene(folder, f"scene {scene}", PHOTOS_PER_SCENE, size_wh=PAGE_PHOTO_WH)
    for name in ("first", "again"):
        start = time.perf_counter()
        path = ReviewDataset(folder, print, quiet=True).write_page()
        print(f"made, {name}: {time.perf_counter() - start:.1f} s")
    print(f"page: {path.stat().st_size / 1e6:.1f} MB")
    opened = [open_page(path) for _ in range(runs)]
    paint, pictures = (statistics.median(column) for column in zip(*opened, strict=True))
    print(f"first paint {paint:.0f} ms, first pictures {pictures:.0f} ms, median of {runs}")


def open_page(path: Path) -> tuple[float, float]:
    """Milliseconds until the first paint and the first screen's pictures; prints the scrolling."""
    with TemporaryDirectory() as profile, Browser(Path(profile)) as browser:
        browser.show_as(1440, 900)
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=FIRST_PICTURES)
        browser.open(path.as_uri())
        browser.wait_for(f"{FIRST_PAINT} && window.picturesMs")
        paint, pictures = browser.evaluate(FIRST_PAINT), browser.evaluate("picturesMs")
        frames, rows, blank, median, longest = browser.evaluate(SCROLL)
        print(
            f"{frames} frames of scrolling: {blank} of {rows} places without a row, "
            f"{median:.0f} ms a frame, at most {longest:.0f}; "
            f"a choice {browser.evaluate(DECIDE):.1f} ms; {len(browser.complaints)} complaints"
        )
        return paint, pictures


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--photo", default="1216x832", help="size of the pictures to shrink")
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    width, height = map(int, args.photo.split("x"))
    with TemporaryDirectory() as folder:
        thumbnails(Path(folder) / "large", (width, height))
        page(Path(folder) / "many", args.pairs, args.runs)


if __name__ == "__main__":
    main()
