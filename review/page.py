"""Joins markup, style, scripts and data to one page that needs nothing else; no pairs, no files.

The page's policy lets run what was joined here and nothing more. Text of the data reaches the
document as text only.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from string import Template
from typing import Any

PARTS = Path(__file__).parent / "page"

SCRIPTS = (
    "dataset.js",
    "choices.js",
    "histogram.js",
    "filters.js",
    "rows.js",
    "stage.js",
    "main.js",
)
"""In the order in which they are joined; they share one scope."""


def page_html(data: dict[str, Any], connects: bool) -> str:
    """The whole page.

    Args:
        data: What the scripts read as `dataset`.
        connects: Whether it may talk to the server that it comes from.
    """
    style = _part("page.css")
    script = "\n".join(_part(name) for name in SCRIPTS)
    policy = {
        "default-src": "'none'",
        "img-src": "'self' data:" if connects else "'self' data: file:",
        "style-src": _sha256(style),
        "script-src": _sha256(script),
        "connect-src": "'self'" if connects else "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return Template(_part("page.html")).substitute(
        policy="; ".join(f"{name} {value}" for name, value in policy.items()),
        style=style,
        script=script,
        data=script_json(data),
    )


def script_json(data: Any) -> str:
    """JSON that cannot end the script element it stands in, nor open a comment there."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _part(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def _sha256(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
