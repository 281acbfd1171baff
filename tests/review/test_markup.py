"""The review page's text: one document, no address, no markup made of data, legible colours."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from review.page import PARTS, SCRIPTS, page_html, script_json


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
