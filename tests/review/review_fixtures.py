"""A headless browser, and the review page of two scenes served to it."""

import threading

import pytest

from review.dataset import ReviewDataset
from review.server import ReviewServer
from tests.pair_builders import a_scene, two_scenes
from tests.review.browser import CHROMIUM, Browser
from tests.review.review_builders import no_report


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed, or pipes cannot be handed to it")
    with Browser(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture
def browser(chromium):
    """The browser with an empty page; at the end it may have complained of nothing."""
    chromium.open("about:blank#")
    chromium.complaints.clear()
    chromium.show_as(1440, 900)
    yield chromium
    assert chromium.complaints == []


@pytest.fixture
def review_server(tmp_path):
    two_scenes(tmp_path)
    a_scene(tmp_path / "output", "z b%&#", photos=2)
    dataset = ReviewDataset(tmp_path / "output", no_report, quiet=True)
    with ReviewServer(dataset) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()
