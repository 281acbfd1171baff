"""The first page stays short, and what pages point at is there."""

import re

import pytest

from tests.docs.pages import ROOT, page_names

PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
]


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def anchors_of(page: str) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_first_page_has_at_most_700_words():
    assert len(text_of("README.md").split()) <= 700


def test_the_first_page_links_every_other_page():
    assert set(page_names()) == set(PAGES) - {"CONTRIBUTING.md"}


def test_the_moving_picture_is_no_larger_than_a_page_may_be():
    assert (ROOT / "docs" / "room_wipe.webp").stat().st_size < 1.5e6


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (ROOT / page).parent / place if place else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors_of(target.relative_to(ROOT).as_posix()), link


@pytest.mark.parametrize("page", PAGES)
def test_files_of_the_project_that_a_page_names_are_there(page):
    for name in re.findall(r"`((?:[\w.]+/)+[\w.]+\.(?:py|json|webp|jpg))\b", text_of(page)):
        if (ROOT / name.split("/")[0]).is_dir():
            assert (ROOT / name).exists(), name
