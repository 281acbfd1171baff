"""What README.md and the pages of docs/ tell a reader to run, in the order in which they do.

A fenced block is `console` (commands after `$`, then lines that they print), `bash` (commands) or
`python` (a script; what a line prints stands behind it as a comment). Words after that say what the
block needs that a plain checkout has not, such as `bash weights`; what they are is in `NEEDS`.

    python tests/docs/pages.py README.md tests     prints its commands, those of tests included
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NEEDS = {
    "setup": "installs or fetches the project itself",
    "tests": "runs the tests",
    "photos": "photos of the reader's",
    "data": "data that is not part of the project",
    "weights": "weights of a network",
    "network": "the internet",
    "display": "a screen",
    "browser": "a person before a browser",
    "cluster": "more than one machine",
    "cuda": "a graphics card",
    "comfyui": "ComfyUI",
}
FENCE = re.compile(r"^```(console|bash|python)((?: \w+)*)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class PageCommand:
    """A command of a page.

    Attributes:
        page: Path of the page from the root.
        line: Where it stands in the page, from 1 on.
        text: The command line, or the whole script.
        is_script: Whether it is Python.
        prints: Lines that the page says it prints, in order.
        needs: What it needs beside a checkout, see `NEEDS`.
    """

    page: str
    line: int
    text: str
    is_script: bool
    prints: tuple[str, ...]
    needs: frozenset[str]

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def page_names() -> list[str]:
    """README.md, then the pages in the order in which it links to them."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = re.findall(r"\]\((docs/[\w-]+\.md)\)", readme)
    return list(dict.fromkeys(["README.md", *linked]))


def page_commands(page: str) -> list[PageCommand]:
    """The commands of one page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        kind, needs, body = fence.group(1), frozenset(fence.group(2).split()), fence.group(3)
        first_line = text.count("\n", 0, fence.start(3)) + 1
        for offset, command, prints in _parts(kind, body):
            is_script = kind == "python"
            found.append(PageCommand(page, first_line + offset, command, is_script, prints, needs))
    return found


def _parts(kind: str, body: str) -> list[tuple[int, str, tuple[str, ...]]]:
    """(line from 0, command, what it prints) of everything in a block."""
    if kind == "python":
        return [(0, body, tuple(re.findall(r"^print\(.*\)  # (.*)$", body, re.M)))]
    lines = list(enumerate(body.splitlines()))
    if kind == "bash":
        return [(at, line, ()) for at, line in lines if line and not line.startswith("#")]
    starts = [at for at, line in lines if line.startswith("$ ")] + [len(lines)]
    return [
        (at, lines[at][1][2:], tuple(line for _, line in lines[at + 1 : end]))
        for at, end in zip(starts, starts[1:], strict=False)
    ]


if __name__ == "__main__":
    at_hand = set(sys.argv[2:])
    for command in page_commands(sys.argv[1]):
        if not command.is_script and command.needs <= at_hand:
            sys.stdout.write(f"{command.text}\n")
